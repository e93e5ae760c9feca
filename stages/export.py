"""Export the tuned model for faster-whisper, and let it hear the test split's recordings.

Reads models/whisper, data/recordings and in which languages these are; writes models/export, a folder of CTranslate2's, and
metrics/export: hypotheses.jsonl, what the export and the model itself in whole windows have heard in the recordings, prepared
as clips are for training, and summary.json. The report scores them.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
import time
from pathlib import Path

from asr.base.entries import Heard
from asr.base.files import read_json, write_json, write_rows
from asr.base.versions import EXPORTING, versions
from asr.export.parameters import Export, Quantization
from stages.common.params import StageParams, read_params
from stages.common.speeds import real_time_factor, write_speeds

CHECKPOINT = Path("models/whisper")
MODEL = Path("models/export")
OUT = Path("metrics/export")
HYPOTHESES = OUT / "hypotheses.jsonl"
RECORDINGS = Path("data/recordings")
LANGUAGES = Path("data/splits/languages.json")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    export: Export


def main() -> None:
    """Export, where it is asked for."""
    quantization = read_params(Params).export.quantization
    OUT.mkdir(parents=True)
    if quantization is None:
        MODEL.mkdir(parents=True)
        write_rows(HYPOTHESES, [])
        write_json(OUT / "summary.json", {"quantization": None})
        print("export: export.quantization is null, so there is none", file=sys.stderr)
    else:
        export(quantization)


def export(quantization: Quantization) -> None:
    """Convert the model, listen with both, and write what they heard."""
    from asr.export.convert import convert  # here, as these take seconds, and who wants no export needs none of them
    from asr.export.hearing import hear_exported, hear_tuned
    from asr.export.recognizer import load_recognizer
    from asr.model.whisper import languages_of, load_tuned

    convert(CHECKPOINT, MODEL, quantization)
    recordings = sorted(RECORDINGS.iterdir())
    start = time.perf_counter()
    recognizer = load_recognizer(MODEL)
    loaded = time.perf_counter() - start
    whisper, said = load_tuned(CHECKPOINT), read_json(LANGUAGES)
    languages = languages_of(whisper, [path.name for path in recordings], [said.get(path.stem) for path in recordings])
    exported, speed = hear_exported(recognizer, recordings, languages)
    tuned = hear_tuned(whisper, recordings, languages, whisper.trim_below_peak_db)
    write_rows(HYPOTHESES, [Heard(path.stem, *texts) for path, *texts in zip(recordings, exported, tuned, strict=True)])
    write_json(
        OUT / "summary.json",
        {
            "quantization": quantization,
            "bytes": size(MODEL),
            "checkpoint_bytes": size(CHECKPOINT),
            "versions": versions(EXPORTING),
        },
    )
    factor = real_time_factor(speed.taken, speed.sound)
    write_speeds(
        HYPOTHESES,
        {
            "clips_per_second": round(len(recordings) / speed.taken, 2),
            "real_time_factor": factor,
            "load_seconds": round(loaded, 2),
        },
    )
    print(
        f"export: {quantization}, {size(MODEL) / 1e6:.1f} MB of {size(CHECKPOINT) / 1e6:.1f}, loads in {loaded:.2f} s, "
        f"{len(recordings) / speed.taken:.1f} clips/s, real-time factor {factor:g}",
        file=sys.stderr,
    )


def size(folder: Path) -> int:
    """The bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    run("export", main, writes=(MODEL, OUT))
