"""Try the models as their users will: on recordings as they are, quieter and joined, and where nobody speaks.

Reads the base and the tuned model, its export, and data/recordings; writes metrics/usage/written.jsonl, what each model wrote
in each condition, which the report scores.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from asr.base.entries import Written
from asr.base.errors import DataError
from asr.base.files import read_json, write_rows
from asr.export.convert import convert
from asr.export.recognizer import Recognizer, load_recognizer
from asr.export.sound import decode
from asr.model.hub import checkpoint_folder
from asr.model.parameters import Model
from asr.model.whisper import Whisper, languages_of, load, load_tuned
from asr.usage.hearing import Recorded, by_faster_whisper, by_transformers, hear_joined, hear_nobody, hear_recordings
from asr.usage.material import joined, sampled, without_speech
from asr.usage.parameters import Usage
from stages.common.commit import base_commit
from stages.common.params import StageParams, read_params

CHECKPOINT = Path("models/whisper")
EXPORT = Path("models/export")
RECORDINGS = Path("data/recordings")
LANGUAGES = Path("data/splits/languages.json")
OUT = Path("metrics/usage")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model
    usage: Usage


def main() -> None:
    """Hear with each model."""
    params = read_params(Params)
    tuned = load_tuned(CHECKPOINT)
    recordings = recorded(tuned, params.usage.clips)
    written = [*hear_with_all(params.model, tuned, recordings)]
    write_rows(OUT / "written.jsonl", written)
    print(f"usage: {len(recordings)} recordings, {len(written)} hypotheses", file=sys.stderr)


def recorded(tuned: Whisper, most: int) -> list[Recorded]:
    """Choose recordings, each with its language."""
    said = read_json(LANGUAGES)
    paths = sampled(RECORDINGS.iterdir(), most)
    languages = languages_of(tuned, [path.name for path in paths], [said.get(path.stem) for path in paths])
    return [Recorded(path, language) for path, language in zip(paths, languages, strict=True)]


def hear_with_all(settings: Model, tuned: Whisper, recordings: list[Recorded]) -> Iterator[Written]:
    """Hear with the base model, the tuned one, and its export where there is one."""
    commit, language = base_commit(settings), recordings[0].language
    nobody = without_speech(decode(each.path).waveform for each in recordings)
    together = joined((each.path.stem, decode(each.path).waveform) for each in recordings if each.language == language)
    for name, whisper in {"base": load(settings.name, settings.language, settings.task, commit), "tuned": tuned}.items():
        hear = by_transformers(whisper)
        yield from hear_recordings(name, hear, recordings)
        yield from hear_nobody(name, hear, nobody, language)
    if not (EXPORT / "model.bin").is_file():
        return  # export.quantization is null
    export = load_recognizer(EXPORT)
    yield from hear_recordings("export", by_faster_whisper(export), recordings)
    yield from hear_nobody("export", by_faster_whisper(export), nobody, language)
    yield from hear_joined("export", export, together, language)
    if base := converted(checkpoint_folder(settings.name, commit), export):
        yield from hear_joined("base", base, together, language)


def converted(checkpoint: Path, export: Recognizer) -> Recognizer | None:
    """The base model as faster-whisper runs it, told what the export is told; None where it can't be converted."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            convert(checkpoint, Path(folder) / "base", "float32")
        except DataError as error:
            print(f"usage: the base model hears no long recording: {error}", file=sys.stderr)
            return None
        base = load_recognizer(Path(folder) / "base")
    told = {name: getattr(export, name) for name in ("language", "task", "longest_clip", "trim_below_peak_db")}
    return replace(base, **told)


if __name__ == "__main__":
    run("usage", main, writes=(OUT,))
