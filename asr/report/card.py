"""The model card: what a stranger has to know about the tuned model, as the hub shows it beside the files.

It is made for others to read, and what it is made from is private. So it has numbers, and few texts: no path, no transcript, no
speaker's name, and of params.yaml no value but numbers and what this project has words for.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from asr.base.entries import TEST_SPLIT
from asr.base.languages import language_code
from asr.base.rates import EXPLAINED, SHORT, UNITS, together
from asr.report.comparison import Outcome, otherness, tone
from asr.report.figures import DASH, figure, probability, signed, tested_on, verdict, whole
from asr.report.metrics import Json
from asr.report.page import FOLDER, KINDS, WINDOWS, Page, SliceRow
from asr.report.slices import SPEAKER, Slice
from asr.scoring.predictions import Summary

if TYPE_CHECKING:  # not before it is needed: it takes most of a second
    from huggingface_hub import EvalResult

Contents = Literal["model", "export", "both"]
"""What a repository holds: the model, its export for CTranslate2, or the model and in a folder the export."""

REPOSITORY = "OWNER/NAME"
"""The repository, as long as nobody has named one."""

EXPORT_FOLDER = "ctranslate2"
"""Where the export lies in a repository that holds the model, too: either has a config.json."""

SECTIONS = ("filter", "split", "text", "features", "augment", "model", "train", "decode")
CHOICES = frozenset(
    "method group_by near_same labels timestamps normalizer language task window epochs batch_size precision "
    "activation_checkpointing optimizer learning_rate keep_of_base least_window full_window_share schedule "
    "freeze_encoder_layers suppress".split()
)
"""The parameters that have words of ours for values. Any other text may be a path."""

WRITES = {
    "basic_english": "in small letters a to z, digits and spaces: without punctuation and other signs",
    "whisper_english": "as Whisper's English normaliser leaves it: in small letters without punctuation, numbers in digits",
    "multilingual": "in small letters and digits, without punctuation",
    "none": "as the transcripts were written",
}
"""What the model has learned to write, by the normaliser that its labels went through."""

ISO_CODES = {"jw": "jv"}
"""Where Whisper's code of a language is not ISO's, which the hub takes."""


def card(page: Page, training: Json, base_commit: str | None) -> str:
    """Write the card, of the same bytes for the same arguments: metadata in YAML, and Markdown.

    Args:
        page: what the page shows.
        training: metrics/train.json.
        base_commit: the base model's on the hub; None when it is a folder, which is nobody else's.
    """
    from huggingface_hub import ModelCard, ModelCardData

    model = page.params["model"]
    base = page.model if base_commit else PurePath(page.model).name
    languages = [ISO_CODES.get(code, code) for code in page.languages]
    data = ModelCardData(
        language=languages,
        library_name="transformers",
        pipeline_tag="automatic-speech-recognition",
        base_model=base if base_commit else None,
        tags=["whisper"],
        metrics=["wer", "cer"],
        model_name=f"{base.rpartition('/')[2]}, tuned",
        eval_results=[result for each in page.sets for result in results(each)],
    )
    text = _render(
        "card.md",
        page=page,
        base=base,
        base_commit=base_commit,
        languages=languages,
        training=training,
        test=next(each for each in page.sets if each.name == TEST_SPLIT),
        others=[each for each in page.sets if each.name != TEST_SPLIT],
        slices=shown_slices(page),
        deployed=page.deployed,
        metric=SHORT[together(each.tuned.metric for each in page.sets)],
        writes="; ".join(WRITES[name] for name in normalizers_of_labels(page)),
        settings=yaml.safe_dump(settings(page.params), sort_keys=False),
        loading=loading(REPOSITORY, "both", language_of(model), model["task"]),
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


def normalizers_of_labels(page: Page) -> list[str]:
    """The normalisers that the labels went through: those that both sides of a comparison do, or none."""
    return page.normalizer.split(", ") if page.params["text"]["labels"] == "normalized" else ["none"]


def results(tested: Outcome) -> list["EvalResult"]:
    """A test set's results for the `model-index`: those of the tuned model, whose card it is."""
    from huggingface_hub import EvalResult

    rates = {"wer": "WER, %", "cer": "CER, %"} if tested.tuned.metric == "WER" else {"cer": "CER, %"}
    headline = tested.tuned.metric.lower()  # the hub has no name for an error rate of words and characters
    if headline in rates and tested.tuned.error_rate_low is not None:
        rates[headline] += f" (95 %: {interval(tested.tuned)})"
    return [
        EvalResult(
            task_type="automatic-speech-recognition",
            dataset_type="private",
            dataset_name="test split" if tested.name == TEST_SPLIT else tested.name,
            dataset_config=tested.name,
            dataset_split="test",
            metric_type=rate,
            metric_value=getattr(tested.tuned, rate),
            metric_name=name,
        )
        for rate, name in rates.items()
    ]


def loading(repository: str, contents: Contents, language: str | None, task: str) -> str:
    """Say how to load what is in `repository`, in Markdown.

    Args:
        repository: OWNER/NAME.
        contents: what is there.
        language: its code, which a multilingual model has to be told; None for one that knows English only, or was tuned on
            several.
        task: model.task.
    """
    folder = EXPORT_FOLDER if contents == "both" else None
    return _render("loading.md", repository=repository, contents=contents, folder=folder, language=language, task=task)


def language_of(model: Mapping[str, Any]) -> str | None:
    """The code of model.language, as Whisper has it; None where there is none."""
    return None if model["language"] is None else language_code(model["language"])


def settings(params: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What params.yaml says of how the model was made: numbers and CHOICES, and nothing that may be a path."""
    return {
        section: {
            key: value
            for key, value in params[section].items()
            if isinstance(value, bool | int | float) or (isinstance(value, str) and key in CHOICES)
        }
        for section in SECTIONS
    }


def shown_slices(page: Page) -> list[SliceRow]:
    """The slices of the test split without speakers, and without any column of the CSV whose values are paths or what somebody
    said.
    """
    said = {_folded(text) for row in page.utterances for text in (row.tuned.raw_reference, row.tuned.reference)}
    private = {SPEAKER} | {
        row.tuned.kind for row in page.slices if _folded(row.tuned.value) in said or re.search(r"[/\\]", row.tuned.value)
    }
    return [row for row in page.slices if row.dataset == TEST_SPLIT and row.tuned.kind not in private]


def interval(rates: Summary | Slice) -> str:
    """Where an error rate lies with 95 % confidence."""
    return DASH if rates.error_rate_low is None else f"{rates.error_rate_low:.2f} to {rates.error_rate_high:.2f}"


def cell(text: str) -> str:
    """A text of the data's in Markdown: its signs are signs, wherever it stands."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=False,  # Markdown; `cell` escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for each in (figure, whole, signed, probability, tone, verdict, tested_on, otherness, interval, cell):
        templates.filters[each.__name__] = each
    templates.globals.update(KINDS=KINDS, WINDOWS=WINDOWS, SHORT=SHORT, UNITS=UNITS, EXPLAINED=EXPLAINED)
    return templates
