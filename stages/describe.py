"""Describe recordings and transcripts on a page to look at, before anybody waits for training.

Reads what validate, split and sets wrote; of the test split's transcripts it only counts. Writes metrics/data.html, which no
stage reads, and says the most important of it.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

from pathlib import Path

from asr.base.copies import read_copies
from asr.base.entries import AudioEntry, Clip, TextEntry, read_texts
from asr.base.files import read_csv, read_json, read_rows
from asr.base.rates import UNITS, together
from asr.base.text import Normalization, Speech
from asr.recordings.joining import parts_of
from asr.report.data_page import render
from asr.report.portrait import Material, portray
from asr.report.table import data_table
from stages.common.params import StageParams, read_params

VALIDATED, SPLITS, SETS = Path("data/validated"), Path("data/splits"), Path("data/sets")
NAMES = ("train", "validation", "test")
PAGE = Path("metrics/data.html")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Speech


def main() -> None:
    """Count, measure, write, and say the table."""
    speech = read_params(Params).model
    # Words are counted in any case and without punctuation; OpenAI's English normaliser would take a minute for 100,000 clips.
    counting = Normalization("multilingual", speech.language, speech.task == "translate")
    material = read_material()
    metrics = (counting.metric(row.language) for rows in material.splits.values() for row in rows)
    portrait = portray(material, lambda row: counting.compared(row.text, row.language), UNITS[together(metrics)])
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(portrait, PAGE.parent), encoding="utf-8")
    print(data_table(portrait, PAGE))


def read_material() -> Material:
    """Read what the stages wrote that prepare the data."""
    clips = read_rows(VALIDATED / "clips.jsonl", Clip)
    return Material(
        clips=clips,
        placed={name: parts_of(read_rows(SPLITS / "audio" / f"{name}.jsonl", AudioEntry), clips) for name in NAMES},
        splits={name: read_rows(SPLITS / "text" / f"{name}.jsonl", TextEntry) for name in NAMES},
        sets=read_texts(SETS / "text.jsonl"),
        validated=read_json(VALIDATED / "summary.json"),
        divided=read_json(SPLITS / "summary.json"),
        tested=read_json(SETS / "summary.json"),
        rejects=[row for folder in (VALIDATED, SETS) for row in read_csv(folder / "rejects.csv")],
        copies=read_copies(SETS / "copies.csv"),
    )


if __name__ == "__main__":
    run("describe", main, writes=(PAGE,))
