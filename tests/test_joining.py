"""Joining: neighbouring parts become one clip that says when each was said."""

from dataclasses import replace

from asr.base.entries import Clip, View, audio_entries, view_id
from asr.recordings.joining import join_timed, parts_of


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


def test_a_joined_clip_is_the_part_of_the_file_from_the_first_start_to_the_last_end() -> None:
    parts = [replace(part(61.0, 62.5, "one"), channel=1), replace(part(63.2, 65.0, "two"), channel=1)]

    (clip,) = join_timed(parts, 30.0)

    assert clip.view == View(61.0, 65.0, 1)
    assert clip.id == view_id("0" * 32, clip.view)


def test_what_is_odd_about_any_part_is_odd_about_the_clip() -> None:
    parts = [replace(part(0.0, 2.0, "one"), notes=["very quiet"]), part(2.0, 4.0, "two")]
    parts.append(replace(part(4.0, 6.0, "three"), notes=["very quiet", "DC offset"]))

    (clip,) = join_timed(parts, 30.0)

    assert clip.notes == ["DC offset", "very quiet"]


def test_times_are_those_that_whisper_can_write() -> None:
    assert texts([part(10.0, 11.507, "one"), part(11.513, 12.0, "two")]) == ["<|0.00|> one<|1.50|><|1.52|> two<|2.00|>"]


def test_a_part_by_itself_has_its_times_too() -> None:
    (clip,) = join_timed([part(10.0, 12.0, "good morning")], 30.0)

    assert (clip.text, clip.fingerprint) == ("<|0.00|> good morning<|2.00|>", "aa")


def test_a_clip_is_shorter_than_the_longest() -> None:
    parts = [part(10.0 * number, 10.0 * number + 9.9, f"part {number}") for number in range(5)]

    assert [clip.seconds for clip in join_timed(parts, 30.0)] == [29.9, 19.9]
    assert len(texts([part(0.0, 15.0, "one"), part(15.0, 30.0, "two")], longest=30.0)) == 2
    assert len(texts([part(0.0, 15.0, "one"), part(15.0, 30.0, "two")], longest=30.1)) == 1


def test_a_part_in_which_nobody_speaks_is_joined_to_none() -> None:
    clips = [part(0, 1, "one"), part(1, 2, ""), part(2, 3, "two"), part(3, 4, "three")]

    joined = join_timed(clips, 30.0)

    assert [clip.text for clip in joined] == ["<|0.00|> one<|1.00|>", "", "<|0.00|> two<|1.00|><|1.00|> three<|2.00|>"]


def test_what_does_not_follow_is_not_joined() -> None:
    one = part(0.0, 2.0, "one")
    others = {
        "another file": part(2.0, 4.0, "two", path="other.wav"),
        "another speaker": part(2.0, 4.0, "two", speaker="bob"),
        "another channel": replace(part(2.0, 4.0, "two"), channel=1),
        "another language": replace(part(2.0, 4.0, "two"), language="nl"),
        "at the same time": part(1.9, 4.0, "two"),
        "long after": part(4.1, 6.0, "two"),
    }

    assert {why: len(texts([one, other])) for why, other in others.items()} == dict.fromkeys(others, 2)
    assert len(texts([one, part(2.0, 4.0, "two")])) == 1
    assert len(texts([one, part(4.0, 6.0, "two")])) == 1


def test_whole_files_and_transcripts_with_times_stay_as_they_are() -> None:
    clips = [
        part(None, None, "one"),
        part(None, None, "two"),
        part(0.0, 1.0, "<|0.00|> three<|1.00|>"),
        part(1.0, None, "four"),
    ]

    assert join_timed(clips, 30.0) == clips


def test_the_parts_of_a_split_are_found_again_and_so_are_the_clips_that_stayed_as_they_were() -> None:
    joined = [part(0.0, 2.0, "one"), part(2.0, 4.0, "two")]
    others = [part(4.0, 6.0, "three", speaker="bob"), replace(part(None, None, "four", path="four.wav"), audio_hash="four")]
    split = audio_entries([each for each in join_timed([*joined, *others], 30.0) if each.speaker == "ann"])

    assert len(split) == 2
    assert parts_of(split, [*joined, *others]) == [*joined, others[1]]
