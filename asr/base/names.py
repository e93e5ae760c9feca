"""Names: by which audio and video are found in a folder, or told from other words in a table, and what splits are called."""

from collections.abc import Iterator
from pathlib import Path

MEDIA = frozenset(
    """.3gp .aac .ac3 .aif .aiff .alac .amr .ape .asf .au .avi .caf .dts .flac .flv .gsm .m2ts .m4a .m4b .m4v .mka .mkv .mov
    .mp2 .mp3 .mp4 .mpc .mpeg .mpg .mts .oga .ogg .ogv .opus .ra .rm .spx .tta .voc .w64 .wav .webm .wma .wmv .wv""".split()
)
"""In small letters, each with its dot. What a file really is, its content says, which FFmpeg goes by."""

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing"),
}
"""What each split is called, in any case. `eval` is missing: some mean validation by it, others test."""

_SPLITS = {name: split for split, names in SPLIT_NAMES.items() for name in names}


def is_media(name: str) -> bool:
    """Whether a file's name ends as that of audio or video does, in any case."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in MEDIA


def files_in(folder: Path) -> Iterator[Path]:
    """What is in a folder at any depth and is no folder itself, sorted; links that lead nowhere, too, but nothing hidden.

    Macs put a hidden `._a.wav` beside `a.wav` into their archives.
    """
    for path in sorted(folder.rglob("*")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts) and not path.is_dir():
            yield path


def split_named(name: str) -> str | None:
    """The split that goes by this name; None: none does. White space at both ends doesn't count."""
    return _SPLITS.get(name.strip().casefold())
