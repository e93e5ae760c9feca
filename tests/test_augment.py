"""Augmentation: each transform does what its keys say, the same every time for the same clip and copy."""

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import soundfile

from asr.audio.waveform import Waveform
from asr.base.errors import DataError
from asr.base.sections import parse
from asr.features.augment import augment, content, is_untrimmed, variants
from asr.features.parameters import Augment
from asr.features.sounds import sound_files
from stages.features_train import changes
from tests.project import ROOT, environment
from tests.sounds import hiss, normalize_peak, tone, write_tone

OFF = Augment(
    seed=1, untrimmed_probability=0.0, noise_probability=0.0, noise_min_amplitude=0.001, noise_max_amplitude=0.003
)  # fmt: skip
NOISE = OFF.model_copy(update={"noise_probability": 1.0})


def only(**keys: object) -> Augment:
    return Augment(**{**OFF.model_dump(), **keys})


def everything(folder: Path) -> Augment:
    names = ("tempo", "pitch", "room", "background", "noise", "telephone", "mp3")
    folders = {"room_folder": str(folder), "background_folder": str(folder), "non_speech_share": 0.05}
    return only(**{f"{name}_probability": 0.7 for name in names}, **folders)


def sine(hertz: float, seconds: float = 1.0) -> Waveform:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * 16_000)) / 16_000).astype(np.float32)


def write_sounds(folder: Path) -> Path:
    for number in range(5):
        write_tone(folder / f"{number % 2}" / f"{number}.wav", seconds=0.3 + number, hertz=200 + 100 * number)
    return folder


def loudness(waveform: Waveform, hertz: float) -> float:
    """The magnitude of the spectrum at `hertz`, for whole seconds."""
    return float(np.abs(np.fft.rfft(waveform))[round(hertz * len(waveform) / 16_000)])


def loudest_hertz(waveform: Waveform) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), 8 * len(waveform)))
    return float(np.argmax(spectrum)) * 16_000 / (8 * len(waveform))


def snr_db(clean: Waveform, noisy: Waveform) -> float:
    return float(10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2)))


def test_what_is_drawn_depends_on_the_seed_the_clip_and_the_copy_alone(tmp_path: Path) -> None:
    settings = everything(write_sounds(tmp_path))
    waveform = tone(1.0)[:, 0]
    drawn = {(clip, copy): augment(waveform, clip, copy, settings) for clip in ("a", "b") for copy in (1, 2, 3)}

    for clip, copy in reversed(drawn):
        np.random.random(100)
        augment(waveform, "another", 1, NOISE)
        np.testing.assert_array_equal(augment(waveform, clip, copy, settings), drawn[clip, copy])

    assert len({changed.tobytes() for changed in drawn.values()}) == 6
    assert not np.array_equal(augment(waveform, "a", 1, settings.model_copy(update={"seed": 2})), drawn["a", 1])


@pytest.mark.slow
def test_a_fresh_process_draws_alike_in_any_order_and_imports_the_transforms_only_then(tmp_path: Path) -> None:
    settings = everything(write_sounds(tmp_path))
    ramp = np.linspace(-1, 1, 16_000, dtype=np.float32)
    code = f"""
import sys
import numpy as np
from hashlib import blake2b
from asr.features.parameters import Augment
from asr.features.augment import augment
print("audiomentations" in sys.modules)
settings = Augment(**{settings.model_dump()!r})
ramp = np.linspace(-1, 1, 16_000, dtype=np.float32)
for clip in "dcba":
    print(blake2b(augment(ramp, clip, 2, settings).tobytes()).hexdigest())
"""
    expected = [hashlib.blake2b(augment(ramp, clip, 2, settings).tobytes()).hexdigest() for clip in "abcd"]

    fresh = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )

    assert fresh.stdout.split() == ["False", *reversed(expected)]


def test_copy_1_is_what_there_was_before_there_were_copies() -> None:
    waveform = tone(1.0)[:, 0]
    digest = hashlib.blake2b(b"1 clip", digest_size=4).digest()
    draw = random.Random(digest)
    draw.random(), draw.random()
    amplitude = draw.uniform(0.001, 0.003)
    noise = np.random.RandomState(int.from_bytes(digest)).randn(16_000).astype(np.float32)

    np.testing.assert_array_equal(augment(waveform, "clip", 1, NOISE), waveform + amplitude * noise)


def test_a_transform_that_is_off_changes_nothing_whatever_its_keys() -> None:
    other = NOISE.model_copy(
        update={"tempo_min": 0.6, "pitch_max_semitones": 9.0, "room_folder": "missing", "mp3_max_kbps": 160, "copies": 7}
    )

    np.testing.assert_array_equal(augment(hiss(), "a", 1, other), augment(hiss(), "a", 1, NOISE))
    assert content(other) == content(NOISE)


def test_the_share_of_untrimmed_copies_is_as_told_and_changes_no_other_draw() -> None:
    some = NOISE.model_copy(update={"untrimmed_probability": 0.3})
    drawn = [is_untrimmed(f"clip {n}", copy, some) for n in range(1000) for copy in (1, 2)]

    assert 540 < sum(drawn) < 660
    assert drawn == [is_untrimmed(f"clip {n}", copy, some) for n in range(1000) for copy in (1, 2)]
    assert drawn[0::2] != drawn[1::2]
    assert not any(is_untrimmed(f"clip {n}", 1, NOISE) for n in range(1000))
    assert all(is_untrimmed(f"clip {n}", 1, only(untrimmed_probability=1.0)) for n in range(1000))
    stored = changes(only(untrimmed_probability=1.0)).untrimmed
    assert stored is not None
    assert stored("a", 1)
    np.testing.assert_array_equal(augment(hiss(), "a", 1, some), augment(hiss(), "a", 1, NOISE))
    assert content(some) != content(NOISE)


def test_the_global_generators_are_left_alone_even_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    random.seed(0)
    np.random.seed(0)
    expected = random.random(), np.random.random()
    random.seed(0)
    np.random.seed(0)

    augment(tone(1.0)[:, 0], "a", 1, NOISE)
    with pytest.raises(DataError):
        augment(hiss(), "a", 1, only(background_probability=1.0, background_folder=str(tmp_path)))

    assert (random.random(), np.random.random()) == expected


def test_tempo_changes_the_length_within_its_range_and_not_the_pitch() -> None:
    settings = only(tempo_probability=1.0, tempo_min=0.8, tempo_max=1.25)
    changed = [augment(sine(440), str(number), 1, settings) for number in range(20)]
    lengths = [len(waveform) / 16_000 for waveform in changed]

    assert 1 / 1.25 <= min(lengths) < 0.9
    assert 1.1 < max(lengths) <= 1 / 0.8
    assert all(abs(loudest_hertz(waveform) - 440) < 3 for waveform in changed)


def test_at_half_speed_the_stretching_still_draws_nothing_of_its_own() -> None:
    settings = only(tempo_probability=1.0, tempo_min=0.5, tempo_max=0.5)

    np.testing.assert_array_equal(augment(hiss(), "a", 1, settings), augment(hiss(), "a", 1, settings))


def test_pitch_moves_the_spectrum_within_its_range_and_not_the_length() -> None:
    settings = only(pitch_probability=1.0, pitch_max_semitones=3.0)
    changed = [augment(sine(440), str(number), 1, settings) for number in range(20)]
    semitones = [12 * np.log2(loudest_hertz(waveform) / 440) for waveform in changed]

    assert -3.1 < min(semitones) < -1
    assert 1 < max(semitones) < 3.1
    assert {len(waveform) for waveform in changed} == {16_000}


def test_a_room_convolves_and_leaves_length_and_peak(tmp_path: Path) -> None:
    response = np.zeros(3200, dtype=np.float32)
    response[[0, 1600]] = 0.5, 0.25
    soundfile.write(tmp_path / "hall.wav", response, 16_000, subtype="FLOAT")
    waveform = hiss()
    echo = waveform.copy()
    echo[1600:] += waveform[:-1600] / 2

    changed = augment(waveform, "a", 1, only(room_probability=1.0, room_folder=str(tmp_path)))

    np.testing.assert_allclose(changed, normalize_peak(echo), atol=1e-5)


@pytest.mark.parametrize(("seconds", "rate", "channels"), [(0.25, 16_000, 1), (3.0, 16_000, 1), (3.0, 44_100, 2)])
def test_background_noise_has_the_ratio_asked_for(tmp_path: Path, seconds: float, rate: int, channels: int) -> None:
    soundfile.write(tmp_path / "street.flac", np.repeat(hiss(seconds, rate)[:, None], channels, axis=1), rate)
    keys = {"background_probability": 1.0, "background_folder": str(tmp_path)}
    waveform = sine(300)

    at_10 = augment(waveform, "a", 1, only(**keys, background_min_snr_db=10.0, background_max_snr_db=10.0))
    between = only(**keys, background_min_snr_db=0.0, background_max_snr_db=20.0)
    ratios = [snr_db(waveform, augment(waveform, str(number), 1, between)) for number in range(20)]

    assert snr_db(waveform, at_10) == pytest.approx(10, abs=0.1)
    assert -0.1 < min(ratios) < 5
    assert 15 < max(ratios) < 20.1


def test_a_telephone_keeps_300_to_3400_hz() -> None:
    waveform = normalize_peak(sum((sine(hertz) for hertz in (100, 400, 1000, 3000, 6000)), np.zeros(16_000, dtype=np.float32)))

    changed = augment(waveform, "a", 1, only(telephone_probability=1.0))
    left = {hertz: loudness(changed, hertz) / loudness(waveform, hertz) for hertz in (100, 400, 1000, 3000, 6000)}

    assert left[100] < 0.01
    assert left[6000] < 0.01
    assert all(0.9 < left[hertz] < 1.1 for hertz in (400, 1000, 3000))


def test_an_mp3_round_trip_loses_something_but_not_the_place() -> None:
    waveform = normalize_peak(tone(2.0)[:, 0] + 0.1 * hiss(2.0))

    changed = augment(waveform, "a", 1, only(mp3_probability=1.0, mp3_min_kbps=16, mp3_max_kbps=16))
    match = np.correlate(np.pad(changed, 2000), waveform, "valid")

    assert len(changed) == len(waveform)
    assert 0.9 < np.corrcoef(waveform, changed)[0, 1] < 0.9999
    assert int(np.argmax(match)) == 2000


def test_an_mp3_of_fewer_bits_loses_more() -> None:
    waveform = normalize_peak(tone(2.0)[:, 0] + 0.1 * hiss(2.0))
    rates = [only(mp3_probability=1.0, mp3_min_kbps=kbps, mp3_max_kbps=kbps) for kbps in (8, 16, 64)]

    at_8, at_16, at_64 = (snr_db(waveform, augment(waveform, "a", 1, settings)) for settings in rates)

    assert at_8 < at_16 < at_64


def test_a_clip_too_short_for_the_encoder_goes_without() -> None:
    settings = only(mp3_probability=1.0, tempo_probability=1.0, tempo_min=2.0, tempo_max=2.0)

    assert len(augment(hiss(0.15), "a", 1, settings)) == 1200
    np.testing.assert_array_equal(augment(hiss(0.09), "a", 1, only(mp3_probability=1.0)), hiss(0.09))


def test_background_noise_goes_through_the_telephone_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whistle.wav", sine(6000), 16_000)
    keys = {"background_probability": 1.0, "background_folder": str(tmp_path)}

    without = augment(sine(1000), "a", 1, only(**keys))
    through = augment(sine(1000), "a", 1, only(**keys, telephone_probability=1.0))

    assert loudness(through, 6000) < 0.01 * loudness(without, 6000)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.11, 3.0])
def test_samples_are_finite_and_never_none(tmp_path: Path, seconds: float) -> None:
    settings = everything(write_sounds(tmp_path))

    for copy in range(1, 11):
        changed = augment(hiss(seconds), "a", copy, settings)
        assert (changed.dtype.name, changed.ndim) == ("float32", 1)
        assert 0.9 * len(hiss(seconds)) - 1 < len(changed) < 1.12 * len(hiss(seconds)) + 1
        assert np.isfinite(changed).all()


def test_what_is_chosen_depends_on_the_paths_in_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    for number in (3, 1, 4, 0, 2):
        write_tone(tmp_path / "z" / "there" / f"{number}.wav", seconds=2.0, hertz=200 + 100 * number)
    for number in range(5):
        write_tone(tmp_path / "a" / f"{number}.wav", seconds=2.0, hertz=200 + 100 * number)
    here, there = (
        only(background_probability=1.0, background_folder=str(folder), room_probability=1.0, room_folder=str(folder))
        for folder in (tmp_path / "a", tmp_path / "z" / "there")
    )

    for number in range(10):
        np.testing.assert_array_equal(augment(hiss(), str(number), 1, here), augment(hiss(), str(number), 1, there))
    assert content(here) == content(there)


def test_sounds_are_found_in_subfolders_in_order_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("b/2.wav", "b.wav", "a/1.FLAC", ".hidden/3.wav", "._b.wav", "notes.txt", "c.wav/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert sound_files("room_folder", str(tmp_path)) == [tmp_path / "a/1.FLAC", tmp_path / "b.wav", tmp_path / "b/2.wav"]


def test_content_follows_the_files_of_a_folder_not_its_place(tmp_path: Path) -> None:
    write_sounds(tmp_path / "one")
    seen = []
    for step in ("as it is", "renamed", "a note beside", "a file more", "other bytes", "another name"):
        match step:
            case "renamed":
                (tmp_path / "one").rename(tmp_path / "two")
            case "a note beside":
                (tmp_path / "two" / "README").write_text("from the street")
            case "a file more":
                write_tone(tmp_path / "two" / "new.wav")
            case "other bytes":
                write_tone(tmp_path / "two" / "new.wav", hertz=500)
            case "another name":
                (tmp_path / "two" / "new.wav").rename(tmp_path / "two" / "newer.wav")
        folder = next(tmp_path.iterdir())
        seen.append(content(only(background_probability=1.0, background_folder=str(folder))))

    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen[2:])) == 4


def test_content_is_of_what_changes_the_sound(tmp_path: Path) -> None:
    settings = everything(write_sounds(tmp_path))

    assert content(settings) == content(settings.model_copy(update={"copies": 5, "keep_clean": True, "non_speech_share": 0.0}))
    for key in set(Augment.model_fields) - {"copies", "keep_clean", "room_folder", "background_folder", "non_speech_share"}:
        other = settings.model_copy(update={key: getattr(settings, key) + 1})
        assert content(other) != content(settings), key


@pytest.mark.parametrize(
    ("copies", "keep_clean", "stored"), [(1, False, [1]), (2, True, [0, 1, 2]), (3, False, [1, 2, 3]), (0, True, [0])]
)
def test_variants_are_the_clean_clip_and_its_copies(copies: int, keep_clean: bool, stored: list[int]) -> None:
    assert variants(only(copies=copies, keep_clean=keep_clean)) == stored


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"tempo_min": 1.2}, "augment.tempo_min is above augment.tempo_max"),
        ({"background_min_snr_db": 30.0}, "augment.background_min_snr_db is above augment.background_max_snr_db"),
        ({"noise_min_amplitude": 0.1}, "augment.noise_min_amplitude is above augment.noise_max_amplitude"),
        ({"mp3_min_kbps": 80}, "augment.mp3_min_kbps is above augment.mp3_max_kbps"),
        ({"mp3_min_kbps": 33, "mp3_max_kbps": 39}, "no bit rate from augment.mp3_min_kbps to augment.mp3_max_kbps"),
        ({"room_probability": 0.1}, "augment.room_probability is above 0 without an augment.room_folder"),
        ({"background_probability": 0.1}, "augment.background_probability is above 0 without an augment.background_folder"),
        ({"copies": 0}, "augment.copies is 0 and augment.keep_clean false"),
        ({"copies": -1}, "copies: Input should be greater than or equal to 0"),
        ({"tempo_min": 0.49}, "tempo_min: Input should be greater than or equal to 0.5"),
        ({"mp3_max_kbps": 320}, "mp3_max_kbps: Input should be less than or equal to 160"),
        ({"telephone_probability": 1.5}, "telephone_probability: Input should be less than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named(keys: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as error:
        parse(Augment, {**OFF.model_dump(), **keys}, "params.yaml")

    assert message in str(error.value)


def test_two_wrong_settings_are_reported_at_once() -> None:
    with pytest.raises(DataError, match=r"tempo_min is above .*; augment.copies is 0"):
        parse(Augment, {**OFF.model_dump(), "tempo_min": 1.2, "copies": 0}, "params.yaml")


@pytest.mark.parametrize("name", ["room", "background"])
def test_a_folder_without_audio_is_named_with_its_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").touch()
    settings = only(**{f"{name}_probability": 0.5, f"{name}_folder": str(tmp_path)})

    with pytest.raises(
        DataError, match=rf"augment.{name}_folder: .* holds no audio \(aif, .*\); put some there or name another"
    ):
        augment(hiss(), "a", 1, settings)
    with pytest.raises(DataError, match=rf"augment.{name}_folder: nowhere is not a folder; name one that holds audio"):
        content(settings.model_copy(update={f"{name}_folder": "nowhere"}))


@pytest.mark.parametrize("name", ["room", "background"])
@pytest.mark.parametrize("damage", ["text", "empty", "cut short", "not a number"])
def test_a_damaged_sound_is_named_with_its_remedy(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / "a.flac" if damage == "cut short" else tmp_path / "a.wav"
    match damage:
        case "text":
            path.write_text("no audio")
        case "empty":
            soundfile.write(path, np.zeros(0), 16_000)
        case "cut short":
            soundfile.write(path, hiss(3.0), 16_000)
            path.write_bytes(path.read_bytes()[:20_000])
        case "not a number":
            soundfile.write(path, np.full(1000, np.nan), 16_000, subtype="FLOAT")
    settings = only(**{f"{name}_probability": 1.0, f"{name}_folder": str(tmp_path)})

    remedy = rf"augment.{name}_folder: .*{path.name} is empty, damaged or cut short; export it again or remove it$"
    with pytest.raises(DataError, match=remedy):
        augment(hiss(), "a", 1, settings)


@pytest.mark.parametrize("name", ["room", "background"])
def test_no_program_of_the_machine_reads_what_libsndfile_refuses(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneSecond:
        """A sound as librosa's other reader gives it where a machine has an `ffmpeg`."""

        samplerate, channels, duration = 16_000, 1, 1.0

        def __init__(self, path: str) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"\1\1" * 16_000])

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr("audioread.audio_open", OneSecond)
    (tmp_path / "a.wav").write_text("no audio")
    settings = only(**{f"{name}_probability": 1.0, f"{name}_folder": str(tmp_path)})

    with pytest.raises(DataError, match=r"a\.wav is empty, damaged or cut short"):
        augment(hiss(), "a", 1, settings)


def test_an_mp3_shorter_than_its_header_says_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", hiss(20.0), 16_000)
    (tmp_path / "a.mp3").write_bytes((tmp_path / "a.mp3").read_bytes()[:20_000])
    settings = only(background_probability=1.0, background_folder=str(tmp_path))

    with pytest.raises(DataError, match=r"a.mp3 is empty, damaged or cut short"):
        _ = [augment(hiss(), str(number), 1, settings) for number in range(20)]
