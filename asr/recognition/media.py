"""Media: which files are to be transcribed, and where each transcript goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.base.errors import DataError
from asr.base.names import MEDIA, files_in, is_media


@dataclass(frozen=True)
class Recording:
    """A file to transcribe. `name` is its path in the folder that was named, or its name."""

    path: Path
    name: Path


def find_recordings(paths: Sequence[Path]) -> list[Recording]:
    """Find what the command line names: files as they are, of folders the audio and video files at any depth, sorted.

    A file that is named twice is found once; hidden files and folders in a folder are left out.

    Raises:
        DataError: when a folder has none.
    """
    found: dict[Path, Recording] = {}
    for path in paths:
        files = (file for file in files_in(path) if is_media(file.name) and file.is_file()) if path.is_dir() else ()
        inside = [Recording(file, file.relative_to(path)) for file in files]
        if path.is_dir() and not inside:
            raise DataError(f"{path}: no audio or video files in it, by their endings ({' '.join(sorted(MEDIA))})")
        for recording in inside or [Recording(path, Path(path.name))]:
            found.setdefault(_place(recording.path), recording)
    return list(found.values())


def _place(path: Path) -> Path:
    """What tells files apart. Not where a link leads: clips that are alike are links to one file in DVC's cache."""
    return path.parent.resolve() / path.name


def plan_outputs(recordings: Sequence[Recording], ending: str, folder: Path | None, overwrite: bool) -> list[Path]:
    """Say where each transcript goes: beside its recording, or into `folder` under the recording's name.

    Args:
        recordings: what is transcribed.
        ending: of the transcripts, without its dot.
        folder: None: beside each recording.
        overwrite: whether files may be there.

    Raises:
        DataError: when two recordings would have one transcript, or one would take a recording's place or another file's.
    """
    wanted = [(folder / recording.name if folder else recording.path).with_suffix(f".{ending}") for recording in recordings]
    by_output: dict[Path, Path] = {}
    for recording, output in zip(recordings, wanted, strict=True):
        other = by_output.setdefault(_place(output), recording.path)
        if other != recording.path:
            raise DataError(f"{other} and {recording.path} would both be written to {output}; rename one, or run them apart")
    if own := [output for output in wanted if _place(output) in {_place(recording.path) for recording in recordings}]:
        raise DataError(f"{own[0]} is to be transcribed, and would be written over; choose another --format, or --out")
    there = [output for output in wanted if output.exists()]
    if there and not overwrite:
        raise DataError(
            f"{len(there)} of {len(wanted)} transcripts are there already ({there[0]}); --continue leaves these out, "
            "--overwrite writes them anew"
        )
    return wanted


def without_done(recordings: Sequence[Recording], outputs: Sequence[Path]) -> tuple[list[Recording], list[Path]]:
    """Leave out the recordings whose transcript is there, which is whole then; what is left, with where each goes."""
    left = [(recording, output) for recording, output in zip(recordings, outputs, strict=True) if not output.is_file()]
    return [recording for recording, _ in left], [output for _, output in left]
