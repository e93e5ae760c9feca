"""Use: what models are given to hear as their users will, and what is made of what they write."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from asr.audio.waveform import Waveform, at_level
from asr.base.entries import Written
from asr.base.text import Normalization
from asr.export.recognizer import LONG_OPTIONS
from asr.recognition.long import MARGIN, PAUSE, THRESHOLD
from asr.report.deployed import blocks, usage_lines
from asr.scoring.usage import Score, Usage, usage, usage_metrics
from asr.usage.hearing import Recorded, hear_joined, hear_nobody, hear_recordings
from asr.usage.material import JOINED_SECONDS, joined, sampled, without_speech
from tests.project import ROOT
from tests.sounds import hiss, normalize_peak, tone
from tests.speech import spoken
from tests.test_report import heard

VOICE = spoken([0, 1, 2, 3])


def test_the_choice_of_recordings_hardly_changes_with_the_list() -> None:
    paths = [Path(f"{number}.mp3") for number in range(100)]

    chosen = sampled(paths, 20)

    assert chosen == sampled(reversed(paths), 20)
    assert len(set(chosen) - set(sampled(paths[:99], 20))) <= 1
    assert sampled(paths, 200) == sampled(paths, 100)


@pytest.mark.parametrize("level", [-15, -25, -35])
def test_a_recording_is_as_quiet_as_it_is_said_to_be(level: int) -> None:
    assert 20 * np.log10(np.abs(at_level(VOICE, level)).max()) == pytest.approx(level, abs=1e-3)
    assert not at_level(np.zeros(10, np.float32), level).any()


def test_recordings_are_joined_until_there_are_three_minutes() -> None:
    clips = [(str(number), VOICE) for number in range(200)]

    found = joined(clips)

    each = len(VOICE) / 16_000 + 0.7
    assert len(found.ids) == int(JOINED_SECONDS / each) + 1
    assert JOINED_SECONDS < len(found.waveform) / 16_000 < JOINED_SECONDS + each
    np.testing.assert_array_equal(found.waveform[: len(VOICE)], VOICE)
    assert joined(clips[:3]).ids == ("0", "1", "2")


def test_there_is_a_minute_of_each_sound_without_speech_and_of_pauses_where_there_are_some() -> None:
    pause = np.float32(0.003) * hiss(1.0)

    sounds = without_speech([np.concatenate([pause, VOICE, pause])])

    assert set(sounds) == {"silence", "white_noise", "brown_noise", "hum", "pauses"}
    assert {name: sum(map(len, pieces)) for name, pieces in sounds.items()} == dict.fromkeys(sounds, 60 * 16_000)
    assert max(np.abs(piece).max() for piece in sounds["pauses"]) < 0.01
    assert "pauses" not in without_speech([normalize_peak(tone(2.0)[:, 0])])
    again = without_speech([np.concatenate([pause, VOICE, pause])])
    assert all(np.array_equal(a, b) for name in sounds for a, b in zip(sounds[name], again[name], strict=True))


def test_each_recording_is_heard_at_each_level_in_its_language(tmp_path: Path) -> None:
    def hear(waveforms: Sequence[Waveform], language: str | None) -> list[str]:
        return [f"{language} {20 * np.log10(np.abs(waveform).max()):.0f}" for waveform in waveforms]

    for name, gain in {"a": 1.0, "b": 0.1}.items():
        soundfile.write(tmp_path / f"{name}.wav", gain * normalize_peak(VOICE), 16_000, subtype="FLOAT")
    recordings = [Recorded(tmp_path / "b.wav", "nl"), Recorded(tmp_path / "a.wav", None)]

    written = list(hear_recordings("tuned", hear, recordings))

    assert {(row.condition, *row.clips, *row.segments) for row in written} == {
        ("as_recorded", "a", "None 0"), ("dbfs_15", "a", "None -15"),
        ("dbfs_25", "a", "None -25"), ("dbfs_35", "a", "None -35"),
        ("as_recorded", "b", "nl -20"), ("dbfs_15", "b", "nl -15"),
        ("dbfs_25", "b", "nl -25"), ("dbfs_35", "b", "nl -35"),
    }  # fmt: skip


def said(model: str, condition: str, clips: list[str], *segments: str, seconds: float = 2.0) -> Written:
    return Written(model, condition, clips, seconds, list(segments), None)


TESTED = [heard("test", clip, "take 3 drops") for clip in range(2)]
WRITTEN = [
    *(said("base", "as_recorded", [clip], "take 3 drops") for clip in ("0", "1")),
    said("export", "as_recorded", ["0"], "Take 3 drops."),
    said("export", "as_recorded", ["1"], "take 3"),
    said("export", "as_recorded", ["lost its features"], "anything"),
    said("export", "dbfs_35", ["0"], "take"),
    said("export", "joined_timestamps", ["0", "1"], "take 3 drops", "take 3", "take 3", seconds=20.0),
    said("base", "joined_timestamps", ["0", "1"], seconds=20.0),
    said("export", "prepared", ["0"], "take 3 drops"),
    said("export", "prepared", ["1"], "take drops"),
    said("export", "joined_transcribe", ["0", "1"], "take 3 drops", "take 3", seconds=20.0),
    said("base", "silence", [], "Thank you.", seconds=30.0),
    said("base", "silence", [], "", seconds=30.0),
    said("tuned", "silence", [], "", seconds=60.0),
]
FOUND = usage(WRITTEN, TESTED, Normalization("basic_english"))


def test_what_is_written_is_scored_by_condition_and_model() -> None:
    assert FOUND.scores == {
        "as_recorded": {"base": Score(0.0, 2, 0.0, 0, 0), "export": Score(16.67, 2, 16.67, 1, 0)},
        "dbfs_35": {"export": Score(66.67, 1, 0.0, 2, 0)},
        "prepared": {"export": Score(16.67, 2, 16.67, 1, 0)},
        "joined_transcribe": {"export": Score(16.67, 2, 16.67, 1, 0)},
        "joined_timestamps": {"export": Score(33.33, 2, 16.67, 0, 1), "base": Score(100.0, 2, 0.0, 6, 0)},
    }
    assert FOUND.words == {"silence": {"base": 2.0, "tuned": 0.0}}
    numbers = usage_metrics(FOUND)
    assert numbers["dbfs_35"]["export"]["error_rate"] == 66.67
    assert numbers["words_a_minute"]["silence"] == {"base": 2.0, "tuned": 0.0}


def test_the_table_has_a_column_for_each_model() -> None:
    assert "\n".join(usage_lines(FOUND)) == TABLE
    assert [block.title for block in blocks(FOUND)][-1] == "words a minute where nobody speaks"
    assert usage_lines(Usage({}, {}, "word error rate")) == []


TABLE = """
as used: word error rate of 2 test clips, nothing prepared
                                        base   tuned    export
  recordings as they are              0.00 %       -   16.67 %
  the same at -35 dBFS                     -       -   66.67 %

as used: word error rate of 2 test clips joined to one recording
                                                                      base   tuned                                             export
  by commands.transcribe                                                 -       -               16.67 % (16.67 % one by one), 1 lost
  by faster-whisper, with timestamps  100.00 % (0.00 % one by one), 6 lost       -   33.33 % (16.67 % one by one), 0 lost, 1 repeated

as used: words a minute where nobody speaks
                                      base   tuned   export
  silence                              2.0     0.0        -"""  # noqa: E501


def test_a_long_recording_is_heard_on_four_roads_and_sounds_without_speech_on_one() -> None:
    together = joined([("a", VOICE)])
    samples = len(together.waveform)
    model = SimpleNamespace(
        longest_clip=5.0,
        prepared=lambda waveform: waveform,
        hear=lambda stretches, language: ((f"{language} alone", language) for _ in stretches),
        hear_long=lambda waveform, language, without_timestamps: [f"{language} {without_timestamps} {len(waveform)}"],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "asr.usage.hearing.Listener.hear_waveform",
            lambda listener, waveform: SimpleNamespace(segments=[SimpleNamespace(text=f"{listener.chunk_seconds}")]),
        )
        patch.setattr("asr.usage.hearing.spoken", lambda waveform, longest: [(0, 9), (20, 20 + round(longest))])
        rows = list(hear_joined("export", model, together, "nl"))  # type: ignore[arg-type]

    assert {row.condition: row.segments for row in rows} == {
        "prepared": ["nl alone"], "joined_transcribe": ["5"],
        "joined_stretches": ["nl True 480000", "nl True 480000"],
        "joined_timestamps": [f"nl False {samples}"], "joined_no_timestamps": [f"nl True {samples}"],
    }  # fmt: skip
    (row,) = hear_nobody("base", lambda waveforms, language: ["you"], {"hum": [np.zeros(32_000, np.float32)]}, "nl")
    assert (row.condition, row.clips, row.seconds, row.segments) == ("hum", [], 2.0, ["you"])


def test_the_lines_that_docs_have_for_long_recordings_are_those_that_are_tried() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/deploying.md").read_text(encoding="utf-8"), re.DOTALL)
    (lines,) = (block for block in blocks if "VadOptions" in block)
    calls = {
        ast.unparse(node.func): {told.arg: ast.literal_eval(told.value) for told in node.keywords}
        for node in ast.walk(ast.parse(lines))
        if isinstance(node, ast.Call)
    }

    limits = {"threshold": THRESHOLD, "min_silence_duration_ms": PAUSE, "speech_pad_ms": MARGIN, "max_speech_duration_s": 7}
    assert calls["VadOptions"] == limits
    assert calls["model.transcribe"] == {**LONG_OPTIONS, "without_timestamps": True}
