"""WAV files whose headers are wrong about their length."""

import pytest

from asr.audio import wav
from asr.audio.decoding import UnreadableAudioError, read_recording
from asr.base.entries import View
from tests.encoding import stored
from tests.sounds import tone

WHOLE_FILE = stored(tone(2.0), 16_000)
SOUND = len(WHOLE_FILE) - 44


def saying(file_bytes: int, sound_bytes: int, content: bytes = WHOLE_FILE) -> bytes:
    """A file with other numbers in its header: of bytes after the first 8, and of bytes of sound."""
    return content[:4] + file_bytes.to_bytes(4, "little") + content[8:40] + sound_bytes.to_bytes(4, "little") + content[44:]


@pytest.mark.parametrize(
    ("file_bytes", "sound_bytes"),
    [
        (SOUND + 36, SOUND),
        (SOUND + 44, SOUND),
        (0, 0),
        (36, 0),
        (SOUND + 36, 0),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x7FFFF024, 0x7FFFF000),
        (0x80000024, 0x80000000),
    ],
)
def test_files_that_were_written_to_a_pipe_are_whole(file_bytes: int, sound_bytes: int) -> None:
    content = saying(file_bytes, sound_bytes)

    assert read_recording(content).seconds == 2.0
    assert wav.excess(content) is None


@pytest.mark.parametrize("kind", ["W64", "RF64"])
def test_formats_for_long_files_are_whole(kind: str) -> None:
    content = stored(tone(2.0), 16_000, kind)

    assert read_recording(content).seconds == 2.0
    assert wav.excess(content) is None


@pytest.mark.parametrize(("file_bytes", "sound_bytes"), [(2 * SOUND, 2 * SOUND), (SOUND + 36, 2 * SOUND)])
def test_a_header_that_promises_more_is_of_a_file_cut_short(file_bytes: int, sound_bytes: int) -> None:
    with pytest.raises(UnreadableAudioError, match=rf"^cut short: {len(WHOLE_FILE)} of \d+ bytes$"):
        read_recording(saying(file_bytes, sound_bytes))
    assert read_recording(saying(file_bytes, sound_bytes), View(0.5, 1.5)).seconds == 1.0


def test_a_header_that_promises_less_is_told_with_both_lengths() -> None:
    assert wav.excess(saying(SOUND + 36, SOUND // 2)) == "1.00 s by the header, 2.00 s in the file"
    assert wav.excess(WHOLE_FILE + WHOLE_FILE) == "2.00 s by the header, 4.00 s in the file"
    assert read_recording(saying(SOUND + 36, SOUND // 2)).seconds == 1.0


def test_tags_behind_the_sound_are_no_sound() -> None:
    tags = b"LIST" + (20_000).to_bytes(4, "little") + bytes(20_000) + b"id3 " + (3).to_bytes(4, "little") + b"abc\0"

    assert wav.excess(WHOLE_FILE + tags) is None
    assert wav.excess(WHOLE_FILE + b"TAG" + bytes(125)) is None
    empty = stored(tone(0.0), 16_000)
    assert read_recording(empty + tags).seconds == 0


@pytest.mark.parametrize("length", [0, 4, 11, 12, 20, 30, 36])
def test_what_ends_within_its_header_is_no_wav(length: int) -> None:
    assert wav.read_header(WHOLE_FILE[:length]) is None
    assert wav.with_sound_to_the_end(WHOLE_FILE[:length]) == WHOLE_FILE[:length]
