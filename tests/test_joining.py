"""Joining: neighbouring parts become one clip that says when each was said."""

from asr.base.entries import Clip
from asr.recordings.joining import join_timed


def part(start: float | None, end: float | None, text: str, path: str = "call.wav", speaker: str | None = "ann") -> Clip:
    seconds = (end or 0.0) - (start or 0.0)
    return Clip(f"{path} {start}", 2, path, "0" * 32, seconds, 16_000, 1, text, speaker, {}, start, end, fingerprint="aa")


def texts(clips: list[Clip], longest: float = 30.0) -> list[str]:
    return [clip.text for clip in join_timed(clips, longest)]


def test_times_count_from_the_start_of_the_joined_clip() -> None:
    (clip,) = join_timed([part(61.0, 62.5, "good morning"), part(63.2, 65.0, "how are you")], 30.0)

    assert clip.text == "<|0.00|> good morning<|1.50|><|2.20|> how are you<|4.00|>"
    assert (clip.start, clip.end, clip.seconds) == (61.0, 65.0, 4.0)
    assert clip.fingerprint == ""


def test_a_part_by_itself_has_its_times_too() -> None:
    (clip,) = join_timed([part(10.0, 12.0, "good morning")], 30.0)

    assert (clip.text, clip.fingerprint) == ("<|0.00|> good morning<|2.00|>", "aa")


def test_a_clip_is_shorter_than_the_longest() -> None:
    parts = [part(10.0 * number, 10.0 * number + 9.9, f"part {number}") for number in range(5)]

    assert [clip.seconds for clip in join_timed(parts, 30.0)] == [29.9, 19.9]


def test_what_does_not_follow_is_not_joined() -> None:
    one = part(0.0, 2.0, "one")
    others = {
        "another file": part(2.0, 4.0, "two", path="other.wav"),
        "another speaker": part(2.0, 4.0, "two", speaker="bob"),
        "at the same time": part(1.9, 4.0, "two"),
        "long after": part(4.1, 6.0, "two"),
    }

    assert {why: len(texts([one, other])) for why, other in others.items()} == dict.fromkeys(others, 2)
    assert len(texts([one, part(4.0, 6.0, "two")])) == 1


def test_whole_files_and_transcripts_with_times_stay_as_they_are() -> None:
    clips = [
        part(None, None, "one"),
        part(None, None, "two"),
        part(0.0, 1.0, "<|0.00|> three<|1.00|>"),
        part(1.0, None, "four"),
    ]

    assert join_timed(clips, 30.0) == clips
