"""Non-speech: clips in which nobody speaks, made of the training clips, the same every time for the same clip and copy."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio.waveform import Waveform
from asr.base.entries import AudioEntry, TextEntry
from asr.base.errors import DataError
from asr.base.files import write_rows
from asr.features.augment import content
from asr.features.non_speech import Sound, made, non_speech, origins, seconds_of, untouched
from asr.features.parameters import Augment
from asr.features.pauses import pauses, tiled
from asr.machine.engine import Engine
from asr.model.whisper import load
from asr.training.labels import label, without_speech
from stages.examples import read_non_speech, read_silent
from stages.features_train import changes
from tests import test_features
from tests.sounds import hiss, write_tiny_whisper, write_tone
from tests.test_augment import only, sine
from tests.test_features import SETTINGS, read, tones

SOME = only(non_speech_share=0.05)
LANGUAGES = ("fr", "de", None, "fr")
CLIPS = [AudioEntry(f"clip {number}", f"{number}.wav", "0", 2.0) for number in range(1000)]


def recording(*parts: tuple[float, float], floor: float = 0.003) -> Waveform:
    """Stretches of (seconds, amplitude) of a tone of 1 kHz, over a hiss."""
    tone = np.concatenate([amplitude * sine(1000, seconds) for seconds, amplitude in parts])
    return np.asarray(tone + floor * hiss(len(tone) / 16_000), dtype=np.float32)


SPOKEN = recording((0.5, 0.0), (1.0, 0.8), (0.4, 0.0), (1.0, 0.5), (0.6, 0.0))


def peak_db(waveform: Waveform) -> float:
    return float(20 * np.log10(max(np.abs(waveform).max(), 1e-9)))


def share_at(sound: Waveform | Sound, hertz: float) -> float:
    """The share of the energy that is within a tenth of `hertz`."""
    power = np.square(np.abs(np.fft.rfft(np.asarray(sound, np.float64))))
    near = slice(round(0.9 * hertz * len(sound) / 16_000), round(1.1 * hertz * len(sound) / 16_000))
    return float(power[near].sum() / max(power.sum(), 1e-12))


def test_as_many_are_made_as_the_share_says_and_one_at_least() -> None:
    assert len(origins(CLIPS, 1000, SOME)) == 50
    assert len(origins(CLIPS[:7], 7, SOME)) == 1
    assert len(origins(CLIPS[:7], 7, only(non_speech_share=1.0))) == 7
    assert origins(CLIPS, 1000, only(non_speech_share=0.0)) == origins([], 0, SOME) == []


def test_they_are_made_of_clips_in_their_order_which_the_seed_draws() -> None:
    chosen = origins(CLIPS, 1000, SOME)

    assert chosen == sorted(chosen, key=CLIPS.index)
    assert max(map(CLIPS.index, chosen)) > 500
    assert len({*chosen} & {*origins(CLIPS, 1000, only(non_speech_share=0.05, seed=2))}) < 10


def test_a_clip_more_or_less_changes_one_of_them_at_most() -> None:
    before = set(origins(CLIPS, 1000, SOME))

    for gone in (0, 500, *(CLIPS.index(clip) for clip in list(before)[:3])):
        left = [clip for clip in CLIPS if clip is not CLIPS[gone]]
        assert len(before ^ set(origins(left, 999, SOME))) <= 2


@pytest.mark.slow
def test_same_bytes_on_any_number_of_workers(tmp_path: Path) -> None:
    clips = tones(tmp_path, 130)

    one = test_features.made(tmp_path / "one", clips, untouched(SETTINGS), non_speech(SOME), "cache of one")
    two = test_features.made(tmp_path / "two", clips, untouched(SETTINGS), non_speech(SOME), "cache of two", Engine(workers=2))

    assert one == two
    assert read(tmp_path / "one").ids == [clip.id for clip in clips]


def test_a_clip_that_is_trimmed_to_nothing_is_still_good_for_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "click.wav", np.eye(1, 32_000, 9, dtype=np.float32)[0], 16_000)

    test_features.made(tmp_path / "out", [test_features.entry(tmp_path / "click.wav")], untouched(SETTINGS), non_speech(SOME))

    stored = read(tmp_path / "out")
    assert stored.dropped == ()
    # A frame for each 10 ms, and the two that the window of the last sample reaches into.
    assert len(stored[0]) == -(-(int(16_000 * seconds_of("clip", 1, SOME)) + 200) // 160) + 1


def test_there_are_as_many_copies_as_of_a_clip_with_speech() -> None:
    three = only(non_speech_share=0.05, copies=2, keep_clean=True)

    assert non_speech(three).copies == (1, 2, 3)
    assert not np.array_equal(made(SPOKEN, "a", 1, three), made(SPOKEN, "a", 2, three))


def test_neither_share_nor_seed_of_one_makes_the_other_anew() -> None:
    half, other = only(non_speech_share=0.5), only(non_speech_share=0.05, noise_probability=1.0, copies=1)

    assert content(half) == content(SOME)
    assert non_speech(half).content == non_speech(other).content == non_speech(SOME).content
    assert non_speech(only(non_speech_share=0.05, seed=2)).content != non_speech(SOME).content


def test_what_is_made_depends_on_the_seed_the_clip_and_the_copy_alone() -> None:
    drawn = {clip: made(SPOKEN, clip, 1, SOME) for clip in "abc"}

    for clip in reversed(drawn):
        np.random.random(100)
        np.testing.assert_array_equal(made(SPOKEN, clip, 1, SOME), drawn[clip])
    assert not np.array_equal(made(SPOKEN, "a", 1, only(non_speech_share=0.05, seed=2)), drawn["a"])


def test_lengths_reach_from_a_second_to_the_whole_window() -> None:
    lengths = [seconds_of(str(number), 1, SOME) for number in range(400)]

    assert all(1 <= seconds <= 30 for seconds in lengths)
    assert [sum(low <= seconds < high for seconds in lengths) > 40 for low, high in ((1, 2), (2, 5), (5, 10), (10, 29))] == [
        True
    ] * 4
    assert 30 < sum(seconds == 30 for seconds in lengths) < 80
    assert [len(made(SPOKEN, str(n), 1, SOME)) for n in range(20)] == [int(16_000 * seconds) for seconds in lengths[:20]]


def test_levels_reach_from_a_faint_hiss_to_full_scale_and_some_are_digital_silence() -> None:
    peaks = np.array([peak_db(made(SPOKEN, str(number), 1, SOME)) for number in range(200)])

    assert (np.abs(peaks) < 0.01).sum() > 40
    assert all(((low <= peaks) & (peaks < low + 20)).sum() > 10 for low in (-80, -60, -40, -20))
    assert 5 < (peaks < -100).sum() < 40
    assert peaks.max() < 0.01


def test_every_sound_is_finite_and_float32_whatever_it_is_made_of() -> None:
    for number, waveform in enumerate([SPOKEN, SPOKEN[:1], SPOKEN[:0], np.zeros(16_000, np.float32)] * 25):
        sound = made(waveform, str(number), 1, SOME)
        assert (sound.dtype.name, sound.ndim) == ("float32", 1)
        assert np.isfinite(sound).all()


def test_pauses_hold_no_speech_and_faint_speech_is_none() -> None:
    faint = recording((0.5, 0.0), (1.0, 0.8), (0.5, 0.0), (0.8, 0.03), (0.5, 0.0), (1.0, 0.5), (0.6, 0.0))

    for spoken, seconds in ((SPOKEN, 1.0), (faint, 1.5)):
        found = pauses(spoken)
        sound = tiled(found, 48_000, np.random.default_rng(0))

        assert 0.6 * seconds < sum(map(len, found)) / 16_000 < seconds + 0.7
        assert share_at(spoken, 1000) > 0.9
        assert share_at(sound, 1000) < 0.05  # a hiss has 0.025 there
        assert np.abs(sound).max() < 0.01


def test_a_recording_in_which_nothing_is_quiet_has_no_pauses() -> None:
    assert pauses(recording((3.0, 0.5))) == []
    assert pauses(recording((0.5, 0.0), (1.0, 0.8), (0.5, 0.0), floor=0.3)) == []
    assert pauses(recording((0.1, 0.0), (1.0, 0.8), (0.1, 0.0), (1.0, 0.8))) == []
    assert pauses(np.zeros(16_000, np.float32)) == pauses(np.zeros(0, np.float32)) == pauses(np.ones(5, np.float32)) == []


def test_where_the_ends_are_cut_off_to_zeros_the_pauses_are_those_that_can_be_heard() -> None:
    cut = np.concatenate([np.zeros(16_000, np.float32), SPOKEN, np.zeros(16_000, np.float32)])

    assert pauses(cut)
    assert all(np.sqrt(np.mean(np.square(pause))) > 1e-4 for pause in pauses(cut))


def test_half_of_the_clips_are_made_of_pauses_where_there_are_some() -> None:
    marked = recording((0.5, 0.0), (1.0, 0.8), (0.6, 0.0), floor=0.0) + 0.001 * sine(3000, 2.1)

    sounds = [made(marked, str(number), 1, SOME) for number in range(60)]

    assert 20 < sum(share_at(sound, 3000) > 0.5 for sound in sounds) < 40
    assert not any(share_at(sound, 1000) > 0.5 for sound in sounds)


def many(settings: Augment) -> list[Waveform]:
    """Clips made of recordings without pauses."""
    return [made(np.ones(16_000, np.float32), str(number), 1, settings) for number in range(60)]


@pytest.mark.parametrize("seconds", [0.2, 60.0])
def test_background_sounds_are_used_where_there_is_a_folder_of_them(tmp_path: Path, seconds: float) -> None:
    whistle = np.repeat(sine(6000, 1.0)[None], 60, axis=0).ravel()[: int(16_000 * seconds)]
    soundfile.write(tmp_path / "whistle.wav", np.stack([whistle, whistle], axis=1), 16_000)
    settings = only(non_speech_share=0.05, background_folder=str(tmp_path))

    assert 18 < sum(share_at(sound, 6000) > 0.9 for sound in many(settings)) < 42


def test_a_background_sound_that_was_changed_is_another_and_one_that_is_damaged_is_named(tmp_path: Path) -> None:
    settings = only(non_speech_share=0.05, background_folder=str(tmp_path))
    write_tone(tmp_path / "a.wav")
    before = non_speech(settings).content
    (tmp_path / "a.wav").write_bytes(b"RIFF")

    assert non_speech(settings).content != before
    named = r"^augment.background_folder: .*a.wav is empty, damaged or cut short; export it again or remove it$"
    with pytest.raises(DataError, match=named):
        many(settings)
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(DataError, match=named):
        many(settings)


def test_training_reads_each_in_the_language_of_the_clip_of_which_it_is_made_with_nothing_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model", multilingual=True)), "nl", "transcribe")
    clips = tones(tmp_path, 4)
    said = [
        TextEntry("train", clip.id, clip.path, "hallo", "hallo", None, code)
        for clip, code in zip(clips, LANGUAGES, strict=True)
    ]
    test_features.made(Path("data/features/non_speech"), clips[1:3], untouched(SETTINGS), non_speech(only(copies=2)))

    examples = read_non_speech([text for text in said for _ in range(2)], whisper, Path("data/features/cache"))

    assert examples.languages == ["de", "de", "nl", "nl"]
    assert examples.labels == [label(whisper.tokenizer, "", language) for language in examples.languages]
    assert without_speech(examples) == {0, 1, 2, 3}
    assert len(examples.frames) == 4


def test_of_clips_that_are_marked_and_clips_that_are_made_some_are_read_from_all_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model", window_seconds=30)), None, "transcribe")
    clips = tones(tmp_path, 4)
    said = ["hallo", "", "hallo", ""]
    write_rows(
        Path("data/splits/text/train.jsonl"),
        [TextEntry("train", clip.id, clip.path, text, text, None) for clip, text in zip(clips, said, strict=True)],
    )
    test_features.made(Path("data/features/train"), clips, SETTINGS)
    test_features.made(Path("data/features/non_speech"), clips[1:3], untouched(SETTINGS), non_speech(only(copies=2)))
    cache = Path("data/features/cache")

    everything = read_silent(50, whisper, cache)

    assert everything.labels == [label(whisper.tokenizer, "")] * 6
    assert [len(clip) for clip in read_silent(3, whisper, cache).frames] == [len(clip) for clip in everything.frames][::2]
    assert len(read_silent(4, whisper, cache).labels) == 4


def test_without_a_share_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    test_features.made(Path("data/features/non_speech"), [], untouched(SETTINGS), non_speech(only(non_speech_share=0.0)))

    assert len(read_non_speech([], whisper, Path("data/features/cache"))) == 0


def test_other_code_makes_them_anew() -> None:
    assert {"asr.features.non_speech", "asr.features.pauses"} <= set(non_speech(SOME).modules)
    assert "asr.features.non_speech" not in changes(SOME).modules
