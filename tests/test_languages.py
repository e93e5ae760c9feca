"""Languages are those of Whisper."""

import pytest

from asr.base.languages import CODES, OTHER_NAMES, language_code


def test_the_languages_are_transformers_own() -> None:
    from transformers.models.whisper.tokenization_whisper import LANGUAGES, TO_LANGUAGE_CODE

    assert {code: name for name, code in CODES.items()} == LANGUAGES
    assert {name: code for name, code in TO_LANGUAGE_CODE.items() if name not in CODES} == OTHER_NAMES


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("nl", "nl"),
        ("Dutch", "nl"),
        (" flemish ", "nl"),
        ("pt-BR", "pt"),
        ("zh_Hant", "zh"),
        ("nb-NO", "no"),
        ("cmn_hans_cn", "zh"),
        ("fil_ph", "tl"),
        ("jv_id", "jw"),
        ("iw", "he"),
        ("Klingon", None),
        ("", None),
    ],
)
def test_a_language_is_known_by_code_and_by_name(written: str, code: str | None) -> None:
    assert language_code(written) == code
