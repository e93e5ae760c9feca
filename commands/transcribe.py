"""Transcribe recordings of any length, in any audio or video format that FFmpeg reads.

  python -m commands.transcribe call.m4a                        to stdout
  python -m commands.transcribe call.m4a --format srt           as subtitles
  python -m commands.transcribe a.mp3 b.mp4                     into a.txt and b.txt
  python -m commands.transcribe calls --out texts --format vtt  each recording of a folder, into the same subfolders of texts
  python -m commands.transcribe calls --out texts --format vtt --continue   the rest of them, after a run that was stopped

Not a stage of dvc.yaml. A recording that can't be read, or not all of it, is named, and the rest goes on; the exit code is 1
then.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from asr.base.errors import DataError
from asr.base.files import write_whole
from asr.recognition.media import find_recordings, plan_outputs, without_done
from asr.recognition.subtitles import FORMATS, Format, Segment, Transcript, render
from stages.common.command import telling_errors

if TYPE_CHECKING:
    from asr.recognition.long import Listener


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.transcribe", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    parser.add_argument(
        "--model", type=Path, default=Path("models/export"), metavar="FOLDER",
        help="CTranslate2's format, or a checkpoint such as models/whisper, which is converted once (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, default="txt", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="(default: one file to stdout, several beside each)")
    there = parser.add_mutually_exclusive_group()
    there.add_argument("--continue", dest="go_on", action="store_true", help="leave out recordings whose transcript is there")
    there.add_argument("--overwrite", action="store_true", help="write anew what is there already")
    parser.add_argument(
        "--chunk-seconds", type=_seconds, metavar="N", help="2 to 30 (default: the longest clip of training; 30 if unknown)"
    )
    parser.add_argument("--language", metavar="CODE", help="such as nl (default: the tuned one, or else what it sounds like)")
    parser.add_argument(
        "--channel", type=int, metavar="N", help="of files with several, from 0 (default: all of them, mixed as in training)"
    )
    with telling_errors("transcribe"):
        arguments = parser.parse_args()
        transcribe(arguments)


def transcribe(arguments: argparse.Namespace) -> None:
    """Plan, load the model, transcribe, count what failed.

    Raises:
        DataError: before any work, when recordings, outputs or model are wrong; at the end, when a recording failed.
    """
    recordings = find_recordings(arguments.recordings)
    to_stdout = arguments.out is None and len(arguments.recordings) == 1 and not arguments.recordings[0].is_dir()
    if to_stdout and arguments.go_on:
        raise DataError("--continue goes by the transcripts in files, and one recording goes to stdout; name a folder by --out")
    may_be_there = arguments.overwrite or arguments.go_on
    outputs = None if to_stdout else plan_outputs(recordings, arguments.format, arguments.out, may_be_there)
    if outputs and arguments.go_on:
        planned = len(outputs)
        recordings, outputs = without_done(recordings, outputs)
        print(f"transcribe: {planned - len(outputs)} of {planned} are there already", file=sys.stderr)
        if not outputs:
            return
    from asr.base.progress import track  # here, as --help needs none of them
    from asr.recognition.long import seconds_of

    paths = [recording.path for recording in recordings]
    seconds = [round(seconds_of(path)) for path in paths]
    if outputs:
        print(f"transcribe: {len(paths)} files, {sum(seconds) / 60:.1f} min", file=sys.stderr)
    work = Work(open_listener(arguments), arguments.format, str(arguments.model))
    for _ in track(work.steps(paths, seconds, outputs), sum(seconds), "transcribe", "second", size=int):
        pass
    if work.failed:
        raise DataError(f"{len(work.failed)} of {len(paths)} files failed, or lack something; the reasons are above")


def open_listener(arguments: argparse.Namespace) -> "Listener":
    """Load the model.

    Raises:
        DataError: when there is none, or it doesn't know the language.
    """
    from asr.recognition.loading import open_model
    from asr.recognition.long import Listener, default_chunk

    recognizer = open_model(arguments.model)
    known = recognizer.model.supported_languages
    if arguments.language is not None and arguments.language not in known:
        raise DataError(f"--language {arguments.language}: {arguments.model} knows {', '.join(sorted(known))}")
    chunk = arguments.chunk_seconds or default_chunk(recognizer.longest_clip)
    return Listener(recognizer, chunk, arguments.language, arguments.channel)


@dataclass
class Work:
    """The recordings' way through the model; `failed` are those that could not be read, or not all of them."""

    listener: "Listener"
    form: Format
    model: str
    failed: list[Path] = field(default_factory=list)

    def steps(self, paths: Sequence[Path], seconds: Sequence[int], outputs: Sequence[Path] | None) -> Iterator[int]:
        """Transcribe each recording, and write it.

        Args:
            paths: the recordings.
            seconds: how long each of them is said to be.
            outputs: where its transcript goes; None: to stdout.

        Yields:
            how many more seconds of sound are done.

        Raises:
            DataError: when a transcript can't be written.
        """
        for number, (path, length) in enumerate(zip(paths, seconds, strict=True)):
            done = 0
            try:
                listening = self.listener.hear(path)
                segments: list[Segment] = []
                for segment in listening.segments:
                    segments.append(segment)
                    yield int(segment.end) - done
                    done = int(segment.end)
            except DataError as error:
                print(f"transcribe: {error}", file=sys.stderr)
                self.failed.append(path)
            else:
                if not segments:
                    print(f"transcribe: {path}: no speech in it", file=sys.stderr)
                if listening.missing:
                    print(f"transcribe: {path}: {listening.missing}; the rest is transcribed", file=sys.stderr)
                    self.failed.append(path)
                said = Transcript(_printable(path), listening.duration, listening.language, self.model, tuple(segments))
                _write(render(said, self.form), outputs[number] if outputs else None)
            yield max(0, length - done)


def _write(content: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(content)
        return
    try:
        write_whole(output, content.encode())
    except OSError as error:
        raise DataError(f"{output}: {error.strerror}") from error


def _printable(path: Path) -> str:
    """A path in which a name that is no text, which Linux allows, has question marks."""
    return path.as_posix().encode(errors="replace").decode()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 2 <= seconds <= 30:
        raise argparse.ArgumentTypeError(f"{text} is not from 2 to 30")
    return seconds


if __name__ == "__main__":
    main()
