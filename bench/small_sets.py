"""Small healthy sets of four clips, one in each format that is read, for mutations to start from."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import soundfile
from numpy.typing import NDArray
from pyarrow import parquet

from bench.recordings import speechlike

SENTENCE = "good morning doctor"
CLIPS = 4
SECONDS = 1.2
RATE = 16_000
ENDINGS = ("wav", "flac", "mp3", "ogg", "m4a", "webm")


@dataclass(frozen=True)
class SmallSet:
    """The files of a set, by their paths in its folder.

    Attributes:
        table: the file or folder that data.csv would name.
        tables: the files that say what the clips are.
        rows: how many clips there are.
    """

    format: str
    table: str
    tables: tuple[str, ...]
    files: Mapping[str, bytes]
    rows: int = CLIPS
    encoding: str = "utf-8"

    @property
    def audio(self) -> list[str]:
        """The files of sound."""
        return [name for name in self.files if name not in self.tables]

    @property
    def is_text(self) -> bool:
        """Whether a person could have written its table."""
        return self.format != "parquet"

    def write(self, folder: Path) -> None:
        """Write the files into `folder`."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def small_sets() -> list[SmallSet]:
    """One set in each format; the sound of their clips is in formats of all kinds."""
    sound = {
        f"clip-{number}.{ENDINGS[number % len(ENDINGS)]}": encoded(number, ENDINGS[number % len(ENDINGS)])
        for number in range(8)
    }
    first, last = dict(list(sound.items())[:CLIPS]), dict(list(sound.items())[-CLIPS:])
    wavs = {f"clip-{number}.wav": encoded(number, "wav") for number in range(CLIPS)}
    long = {"clip-0.flac": encoded(0, "flac", CLIPS * SECONDS)}
    times = [(f"{number * SECONDS:.2f}", f"{(number + 1) * SECONDS:.2f}") for number in range(CLIPS)]
    says = [f"{SENTENCE} {word}" for word in ("one", "two", "three", "four")]
    return [
        _delimited("comma", ",", "audios,transcription,speaker", first, says),
        _delimited("semicolon, cp1252", ";", "Datei;audio;text;sprecher", last, [f"{each} für" for each in says], "cp1252"),
        _delimited("tab", "\t", "client_id\tpath\tsentence\tlocale", first, says),
        _delimited("ljspeech", "|", None, {f"wavs/{name}": content for name, content in wavs.items()}, says),
        _times("comma, with times", long, says, times),
        _jsonl("jsonl", last, says, times),
        _jsonl("audiofolder", first, says, times, "metadata.jsonl", "."),
        _kaldi(long, says, times),
        _parquet(first, says),
        _subtitles(long, says, times),
    ]


def _delimited(
    name: str, by: str, header: str | None, sound: Mapping[str, bytes], says: list[str], encoding: str = "utf-8"
) -> SmallSet:
    lines = [header] if header else []
    for number, (file, text) in enumerate(zip(sound, says, strict=True)):
        cells = {
            ",": [file, text, f"speaker {number % 2}"],
            ";": [str(number), file, text, f"speaker {number % 2}"],
            "\t": [f"speaker {number % 2}", file, text, "en"],
            "|": [Path(file).stem, text, text],
        }[by]
        lines.append(by.join(cells))
    table = "metadata.csv" if by == "|" else "clips.csv"
    return SmallSet(name, table, (table,), {**sound, table: "\n".join(lines).encode(encoding)}, encoding=encoding)


def _times(name: str, sound: Mapping[str, bytes], says: list[str], times: list[tuple[str, str]]) -> SmallSet:
    (file,) = sound
    lines = ["file,text,start,end", *(f"{file},{text},{start},{end}" for text, (start, end) in zip(says, times, strict=True))]
    return SmallSet(name, "clips.csv", ("clips.csv",), {**sound, "clips.csv": "\n".join(lines).encode()})


def _jsonl(
    name: str,
    sound: Mapping[str, bytes],
    says: list[str],
    times: list[tuple[str, str]],
    table: str = "manifest.json",
    path: str = "",
) -> SmallSet:
    key = "audio_filepath" if name == "jsonl" else "file_name"
    rows = [{key: file, "text": text, "duration": float(times[0][1])} for file, text in zip(sound, says, strict=True)]
    return SmallSet(name, path or table, (table,), {**sound, table: "\n".join(json.dumps(row) for row in rows).encode()})


def _kaldi(sound: Mapping[str, bytes], says: list[str], times: list[tuple[str, str]]) -> SmallSet:
    (file,) = sound
    names = [f"clip-{number}" for number in range(CLIPS)]
    tables = {
        "wav.scp": f"call {file}\n",
        "text": "".join(f"{name} {text}\n" for name, text in zip(names, says, strict=True)),
        "segments": "".join(f"{name} call {start} {end}\n" for name, (start, end) in zip(names, times, strict=True)),
        "utt2spk": "".join(f"{name} speaker\n" for name in names),
    }
    return SmallSet("kaldi", ".", tuple(tables), {**sound, **{name: text.encode() for name, text in tables.items()}})


def _parquet(sound: Mapping[str, bytes], says: list[str]) -> SmallSet:
    audio = [{"bytes": content, "path": name} for name, content in sound.items()]
    written = io.BytesIO()
    parquet.write_table(pa.table({"audio": audio, "transcription": says}), written)
    return SmallSet("parquet", "clips.parquet", ("clips.parquet",), {"clips.parquet": written.getvalue()})


def _subtitles(sound: Mapping[str, bytes], says: list[str], times: list[tuple[str, str]]) -> SmallSet:
    cues = [
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n"
        for number, (text, (start, end)) in enumerate(zip(says, times, strict=True), start=1)
    ]
    return SmallSet("subtitles", ".", ("clip-0.srt",), {**sound, "clip-0.srt": "\n".join(cues).encode()})


def _clock(seconds: str) -> str:
    whole, part = seconds.split(".")
    return f"00:00:{int(whole):02d},{part}0"


def encoded(seed: int, ending: str, seconds: float = SECONDS) -> bytes:
    """A recording in the format of an ending."""
    samples = speechlike(seed, seconds, RATE)[: int(seconds * RATE)]
    samples = np.pad(samples, (0, int(seconds * RATE) - len(samples)))
    file = io.BytesIO()
    if ending in ("m4a", "webm"):
        return _with_ffmpeg(samples, "aac" if ending == "m4a" else "libopus", "ipod" if ending == "m4a" else "webm")
    soundfile.write(file, samples, RATE, format=ending.upper())
    return file.getvalue()


def _with_ffmpeg(samples: NDArray[np.float32], codec: str, container_format: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()
