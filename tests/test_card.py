"""The model card: its numbers are the metrics', what is private is not in it, and the hub's own classes can read it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from huggingface_hub import ModelCard

from asr.report.card import CHOICES, SECTIONS, card, cell, results, settings
from asr.report.metrics import data_metrics, model_metrics
from asr.report.page import Page, SliceRow
from asr.report.slices import Slice
from commands.check import Params
from tests.pages import report, utterance
from tests.project import ROOT, read_yaml
from tests.test_report import CHANGES, FINDINGS, TESTED, TUNED

TRAINING = {
    "metric": "WER", "validation_error_rate": 20.0,
    "base_validation_error_rate": 40.0, "best_step": 28, "steps": 35, "learning_rate": 0.001,
    "precision": "fp32", "effective_batch": 64,
    "window": "fit", "versions": {"torch": "2.13.0"}, "clips_mixed_in": 0,
}  # fmt: skip


def shown(*values: tuple[str, str], **more: Any) -> Page:
    """A page of the sets of tests/test_report.py, with slices of these kinds and values; params.yaml is the project's own."""
    rows = [
        SliceRow("test", each, each) for each in (Slice(kind, value, 5, 12, "WER", 25.0, None, None) for kind, value in values)
    ]
    said = utterance("recordings/ada.wav", said="take 3 drops")
    about = {"params": read_yaml(ROOT / "params.yaml"), "data": data_metrics(FINDINGS), "sets": TESTED, "slices": rows}
    return report(said, **{**about, **more})


def with_params(**changes: dict[str, Any]) -> dict[str, Any]:
    params = read_yaml(ROOT / "params.yaml")
    return params | {section: params[section] | values for section, values in changes.items()}


def told(page: Page, **more: Any) -> str:
    return card(page, TRAINING, more.pop("commit", None), **more)


def test_the_hubs_classes_read_what_they_wrote_and_its_numbers_are_the_metrics(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text(told(shown()))
    numbers = model_metrics(TUNED, CHANGES)

    read = ModelCard.load(tmp_path / "card.md")

    assert str(read) == told(shown())
    found = {(each.dataset_config, each.metric_type): each.metric_value for each in read.data.eval_results}
    general = numbers["sets"]["general"]
    assert found == {
        ("test", "wer"): numbers["wer"],
        ("test", "cer"): numbers["cer"],
        ("general", "wer"): general["wer"],
        ("general", "cer"): general["cer"],
    }
    assert (
        read.data.eval_results[0].metric_name
        == f"WER, % (95 %: {numbers['error_rate_low']:.2f} to {numbers['error_rate_high']:.2f})"
    )


@pytest.mark.parametrize(
    ("given", "params", "sentence"),
    [
        ([], {}, "Clips were divided by speaker: no speaker who is known is in two splits."),
        ([], {"method": "random"}, "Clips were divided at random"),
        ([], {"group_by": "audio"}, "Clips were divided by their audio"),
        (
            ["validation", "test"],
            {},
            "Clips were divided as the data says (validation, test); 3 speakers are in two splits or more.",
        ),
    ],
)
def test_the_card_says_how_clips_were_divided(given: list[str], params: dict[str, Any], sentence: str) -> None:
    split = {**FINDINGS.split, "given": given, "speakers_in_two_splits": {"speakers": 3, "clips": 9}}

    page = shown(data=data_metrics(replace(FINDINGS, split=split)), params=with_params(split=params))

    assert sentence in told(page)
    assert told(page).count("Clips were divided") == 1


def test_every_test_set_is_told_before_and_after_with_intervals_and_what_became_worse_is() -> None:
    said = told(shown())

    assert "tuned on 71 recorded clips, 0.10 hours in all" in said
    assert "| validation | 10 | 0.0200 | unknown |" in said
    assert "| test | 8 | 24 | 33.33 | – | 8.33 | 0.00 to 32.78 | −25.00 | −36.10 to −13.90 |" in said
    assert "2 clips of general are among the training data, so its error rate is too good." in said
    assert (
        "- general: WER 0.00 % → 12.50 % on 8 clips, 6 speakers (p 0.056): too uncertain to tell: "
        "50 % of the errors, more or less, may be chance with 6 speakers\n"
    ) in said
    assert "**8.33 %** after (95 %: 0.00 to 32.78), on 8 clips, 6 speakers: the tuned model is better.\n" in said
    assert "nobody knows what the model has forgotten" in told(shown(sets=TESTED[:1]))


def test_nothing_of_the_datas_own_texts_is_told_but_its_categories() -> None:
    kinds = [
        ("speaker", "Ada"),
        ("line", "telephone"),
        ("sentence", "Take 3  drops"),
        ("folder", "calls/monday"),
        ("ward", "7"),
    ]
    params = with_params(
        data={"csv": "/srv/calls/clips.csv", "audio_root": "/srv/calls", "speaker_column": "nurse"},
        features={"store": "s3://bucket/nurses"},
        augment={"room_folder": "/srv/rooms", "background_folder": "noises"},
        model={"name": "/srv/models/base"},
        evaluate={"sets": {"general": "/srv/general.csv"}},
    )

    said = told(shown(*kinds, params=params, model="/srv/models/base"))

    assert "| line | telephone | 5 | 12 | 25.00 | 25.00 | – |" in said
    assert "| ward | 7 |" in said
    for private in ("Ada", "drops", "monday", "/srv", "nurse", "bucket", "noises", "ada.wav"):
        assert private not in said, private
    assert "# base, tuned" in said


def test_of_the_parameters_numbers_and_choices_are_told_and_no_text_that_is_free() -> None:
    for section in SECTIONS:
        for name, field in Params.model_fields[section].annotation.model_fields.items():  # type: ignore[union-attr]
            kinds = {field.annotation, *get_args(field.annotation)}
            words = [word for kind in kinds if getattr(kind, "__origin__", None) is Literal for word in get_args(kind)]
            words += [each for each in get_args(field.annotation) if isinstance(each, str)]
            if any(isinstance(word, str) for word in words):
                assert name in CHOICES, f"{section}.{name} is a choice, and the card leaves it out"
            if str in kinds:
                assert (name in CHOICES) == (name == "language"), f"{section}.{name} may be anything"
    recipe = read_yaml(ROOT / "params.yaml")["train"]
    del recipe["mix"]  # whose table is a path
    assert settings(read_yaml(ROOT / "params.yaml"))["train"] == recipe


def test_the_card_says_that_other_speech_was_learned_besides() -> None:
    words = "and on 1,200 of other speech besides, so that it forgets less."

    assert words in card(shown(), TRAINING | {"clips_mixed_in": 1200}, None)
    assert "of other speech besides" not in told(shown())


def test_a_value_of_the_csv_stays_in_its_cell() -> None:
    evil = "a|b <img src=x> `c` [d](e)\n# f"

    line = next(line for line in told(shown(("line", evil), ("line", "plain"))).splitlines() if "img" in line)

    assert r"| a\|b \<img src\=x\> \`c\` \[d\]\(e\) \# f |" in line
    assert cell("plain words, 3") == r"plain words\, 3"


def test_the_languages_are_those_of_the_training_clips_as_iso_has_them() -> None:
    page = shown(languages=["jw", "lo", "yue"])

    assert ModelCard(told(page)).data["language"] == ["jv", "lo", "yue"]
    assert "- Language: it has learned `jv`, `lo`, `yue`. What became of the others" in told(page)


@pytest.mark.parametrize(("language", "code"), [(None, None), ("nl", "nl"), ("Dutch", "nl"), ("javanese", "jw")])
def test_a_model_of_one_language_is_loaded_with_it(language: str | None, code: str | None) -> None:
    said = told(shown(params=with_params(model={"language": language})))

    assert (f'model.transcribe("speech.wav", language="{code}"' in said) == (code is not None)
    assert ('model.transcribe("speech.wav")' in said) == (code is None)


def test_what_the_model_writes_is_what_its_labels_are() -> None:
    def writes(**text: str) -> str:
        return told(shown(params=with_params(text=text), normalizer="multilingual, whisper_english")).partition("it writes ")[2]

    assert writes(labels="written").startswith("as the transcripts were written.\n")
    assert writes(labels="normalized").startswith("in small letters and digits, without punctuation; as Whisper's English")


def test_where_words_are_not_parted_the_rate_is_of_characters() -> None:
    test = replace(TESTED[0], base=replace(TESTED[0].base, metric="CER"), tuned=replace(TESTED[0].tuned, metric="CER"))
    said = card(shown(sets=[test]), TRAINING | {"metric": "CER"}, None)

    assert "On the test split: CER 33.33 % before" in said
    assert "| test | 8 | 24 characters | 33.33 |" in said
    assert "CER is all errors over all characters of a set" in said
    assert "WER" not in said
    assert [each.metric_name for each in results(test)] == ["CER, % (95 %: 0.00 to 32.78)"]


def test_the_base_is_named_when_it_is_on_the_hub_and_no_licence_is_made_up() -> None:
    local, tuned = ModelCard(told(shown())), ModelCard(told(shown(model="openai/whisper-small.en"), commit="0123abc"))

    assert local.data.get("base_model") is None
    assert tuned.data["base_model"] == "openai/whisper-small.en"
    assert tuned.data["model_name"] == "whisper-small.en, tuned"
    assert "[openai/whisper-small.en](https://huggingface.co/openai/whisper-small.en/tree/0123abc) tuned on" in tuned.text
    assert "license" not in str(tuned)


def test_the_exported_model_has_a_place() -> None:
    assert "exported" not in told(shown(deployed=None))
    assert "In int8 for CTranslate2 and faster-whisper, 2.1 MB: WER 26.00 % (95 %: 20.00 to 33.00) on" in told(shown())


@pytest.mark.slow
def test_the_card_of_a_real_run_has_the_numbers_of_its_metrics(finished: Path) -> None:
    data = ModelCard.load(finished / "metrics" / "card.md").data
    numbers = json.loads((finished / "metrics" / "evaluate.json").read_text())

    found = {(each.dataset_config, each.metric_type): each.metric_value for each in data.eval_results}

    sets = {"test": numbers, **numbers["sets"]}
    assert found == {(name, rate): rates[rate] for name, rates in sets.items() for rate in ("wer", "cer")}
    assert "general" in sets
