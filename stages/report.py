"""Gather every stage's findings into metrics/*.json, which git keeps, tables for plots, and a page to look at.

Reads what the other stages found; writes metrics/data.json, train.json, baseline.json, evaluate.json, export.json,
usage.json, plots, report.txt, report.html and card.md. Fails, once all is written, when a test set got worse by more than
evaluate.max_regression, or the export by more than export.max_wer_increase.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.base.copies import read_copies
from asr.base.entries import TEST_SPLIT, ColumnsEntry, Heard, TextEntry, Written
from asr.base.errors import DataError
from asr.base.files import guarded, read_csv, read_json, read_rows, reading, write_json
from asr.base.hashes import fingerprint
from asr.base.text import Normalization, Speech, Text
from asr.base.versions import changes
from asr.report.card import card
from asr.report.comparison import Comparison, Outcome, compare
from asr.report.deployed import Deployed, blocks, deployed, deployed_lines, deployed_metrics, increase, usage_lines
from asr.report.metrics import Findings, ScoredModel, data_metrics, model_metrics, summed_up
from asr.report.page import Page, SliceRow, Speeds, UtteranceRow, render
from asr.report.parameters import Export, Regression
from asr.report.plots import paired, plots
from asr.report.slices import Columns
from asr.report.table import regressions, table
from asr.report.urls import seen_from
from asr.report.words import confusions, vocabulary
from asr.scoring.predictions import parse_predictions
from asr.scoring.usage import Usage, usage, usage_metrics
from stages.common.params import PARAMS, StageParams, read_params, read_yaml

FEATURES = Path("data/features")
METRICS = Path("metrics")
PLOTS = METRICS / "plots"
PAGE, TABLE, CARD = METRICS / "report.html", METRICS / "report.txt", METRICS / "card.md"
REJECTS = (Path("data/validated/rejects.csv"), Path("data/sets/rejects.csv"))
STAGES = {"base": "baseline", "tuned": "evaluate"}
HEARD = METRICS / "export/hypotheses.jsonl"
WRITTEN = METRICS / "usage/written.jsonl"
SPEEDS = "../.cache/speeds"
"""Where those stages write how fast they were, as the page sees it."""
CONFUSIONS = 30


class Model(Speech):
    """What the report has to know of the base model."""

    name: str


class Params(StageParams):
    """What this stage reads of params.yaml; the page shows all of it."""

    evaluate: Regression
    export: Export
    text: Text
    data: dict[str, Any]
    filter: dict[str, Any]
    split: dict[str, Any]
    features: dict[str, Any]
    augment: dict[str, Any]
    model: Model
    train: dict[str, Any]
    decode: dict[str, Any]


def main() -> None:
    """Gather, write, and say the table."""
    params = read_params(Params)
    normalization = Normalization.of(params.text, params.model)
    trained_on = read_rows(Path("data/splits/text/train.jsonl"), TextEntry)
    seen = vocabulary(normalization.compared(row.text, row.language) for row in trained_on)
    findings = Findings(
        validate=read_json(Path("data/validated/summary.json")),
        split=read_json(Path("data/splits/summary.json")),
        sets=read_json(Path("data/sets/summary.json")),
        features_dropped=read_json(FEATURES / "train_summary.json") | read_json(FEATURES / "eval_summary.json"),
        copies=read_copies(Path("data/sets/copies.csv")),
    )
    columns = read_columns()
    before, after = read_model("baseline", seen, columns), read_model("evaluate", seen, columns)
    tested = [
        Outcome(name, before.summaries[name], after.summaries[name], compare(before.predictions[name], rows))
        for name, rows in after.predictions.items()
    ]
    compared = {each.name: each.change for each in tested}
    training = read_json(METRICS / "train/summary.json")
    write_json(METRICS / "data.json", data_metrics(findings))
    write_json(METRICS / "train.json", training)
    write_json(METRICS / "baseline.json", model_metrics(before, {}))
    write_json(METRICS / "evaluate.json", model_metrics(after, compared))
    exported = read_export(after, normalization)
    write_json(METRICS / "export.json", deployed_metrics(exported))
    used = usage(read_rows(WRITTEN, Written), after.predictions[TEST_SPLIT], normalization)
    write_json(METRICS / "usage.json", usage_metrics(used))
    PLOTS.mkdir()
    for name, frame in plots(before, after).items():
        frame.map(guarded).to_csv(PLOTS / f"{name}.csv", index=False)
    told = table(findings, tested, changes(before.scores["versions"], after.scores["versions"]))
    told = "\n".join([told, *deployed_lines(exported), *usage_lines(used)])
    TABLE.write_text(told + "\n", encoding="utf-8")
    languages = sorted({normalization.spoken_in(row.language) for row in trained_on})
    shown = page(params, languages, findings, tested, before, after, exported, used)
    PAGE.write_text(render(shown), encoding="utf-8")
    CARD.write_text(card(shown, training, before.scores["base_commit"]), encoding="utf-8")
    print(told)
    require_good_enough(params, compared, exported)


def require_good_enough(params: Params, compared: Mapping[str, Comparison | None], exported: Deployed | None) -> None:
    """Stop when something is worse than params.yaml allows.

    Raises:
        DataError: with what was found and the limit.
    """
    told = []
    limit = params.evaluate.max_regression
    if limit is not None and (worse := regressions(compared, limit)):
        told.append(f"worse by more than evaluate.max_regression, {limit:g} points:\n  " + "\n  ".join(worse))
    if over := increase(exported, params.export.max_wer_increase):
        told.append(over)
    if told:
        raise DataError("\n".join(told))


def read_columns() -> Columns:
    """Read what the table's other columns say of the clips of the test split."""
    return {row.id: row.extra for row in read_rows(Path("data/splits/columns.jsonl"), ColumnsEntry)}


def read_model(stage: str, seen: Mapping[str, int], columns: Columns) -> ScoredModel:
    """Read what a stage has found out about its model."""
    with reading(predictions(stage)), predictions(stage).open(encoding="utf-8") as lines:
        heard = parse_predictions(lines)
    return summed_up(read_json(METRICS / stage / "scores.json"), heard, seen, columns)


def read_export(after: ScoredModel, normalization: Normalization) -> Deployed | None:
    """Read what stage export has heard, and score it as the tuned model was scored."""
    heard = read_rows(HEARD, Heard)
    return deployed(read_json(METRICS / "export/summary.json"), heard, after.predictions[TEST_SPLIT], normalization)


def predictions(stage: str) -> Path:
    """The file of what a stage's model has heard."""
    return METRICS / stage / "predictions.jsonl"


def page(
    params: Params,
    languages: Sequence[str],
    findings: Findings,
    tested: Sequence[Outcome],
    before: ScoredModel,
    after: ScoredModel,
    exported: Deployed | None,
    used: Usage,
) -> Page:
    """Gather all that the page shows."""
    said = {name: predictions(stage) for name, stage in STAGES.items()} | ({"export": HEARD} if exported else {})
    base_heard = {(row.dataset, row.id): row.raw_hypothesis for rows in before.predictions.values() for row in rows}
    utterances = [
        UtteranceRow(row, base_heard.get((row.dataset, row.id)), seen_from(METRICS, row.path))
        for rows in after.predictions.values()
        for row in rows
    ]
    return Page(
        model=params.model.name,
        languages=languages,
        normalizer=after.scores["normalizer"],
        base_window=before.scores["window"],
        window=after.scores["window"],
        sets=tested,
        deployed=exported,
        used=blocks(used),
        slices=[SliceRow(name, *pair) for name in after.predictions for pair in paired(before, after, name)],
        confusions=confusions(after.predictions[TEST_SPLIT], CONFUSIONS),
        recalls={rarity: (recall, after.recalls[rarity]) for rarity, recall in before.recalls.items()},
        curves=read_numbers(METRICS / "train/curves.csv"),
        searched=read_numbers(METRICS / "train/search.csv"),
        keeping=read_numbers(METRICS / "train/keeping.csv"),
        utterances=utterances,
        data=data_metrics(findings),
        rejects=[row for path in REJECTS for row in read_csv(path)],
        speeds=Speeds(
            SPEEDS,
            {name: fingerprint({}, [file]) for name, file in said.items()},
            fingerprint({}, [METRICS / "train/summary.json"]),
        ),
        params=read_yaml(PARAMS),
        versions={
            "train": read_json(METRICS / "train/summary.json")["versions"],
            "baseline": before.scores["versions"],
            "evaluate": after.scores["versions"],
        },
    )


def read_numbers(path: Path) -> list[dict[str, float | None]]:
    """Read a row per step; a blank cell is None."""
    with reading(path):
        return [{name: float(cell) if cell else None for name, cell in row.items()} for row in read_csv(path)]


if __name__ == "__main__":
    run("report", main, writes=(PLOTS, PAGE, TABLE, CARD))
