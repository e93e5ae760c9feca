"""Texts: what is learned of a transcript, and what it becomes before it is compared, in many languages."""

import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from asr.base.errors import DataError
from asr.base.letters import require_letters_kept, require_text_kept
from asr.base.normalizers import NormalizerName, normalizer
from asr.base.sections import parse
from asr.base.text import Normalization, Speech, Text, labels

SENTENCES = {
    "de": "Für die Prüfung müssen Sie größere Maße nehmen.",
    "hi": "मैं हिन्दी में बात कर रहा हूँ।",
    "ja": "今日はとても良い天気ですね。",
    "ar": "ذَهَبَ الوَلَدُ إِلَى المَدْرَسَةِ.",
    "th": "วันนี้อากาศดีมาก",
    "tr": "Işık İstanbul'da yağmurlu bir gün.",
    "fa": "من می\u200cخواهم به خانه بروم.",
    "en": "It's ninety one, um, and the café is naïve.",
}


def text(labels: str = "written", timestamps: str = "drop", normalizer: str = "auto") -> Text:
    return parse(Text, {"labels": labels, "timestamps": timestamps, "normalizer": normalizer}, "params.yaml")


def learned(transcript: str, language: str | None = None, **settings: str) -> str:
    params = text(**settings)
    return labels(params, Normalization(params.normalizer))(transcript, language)


@pytest.mark.parametrize(
    ("name", "transcript", "expected"),
    [
        ("basic_english", "Hi,  how ARE you? It's 5pm.", "hi how are you its 5pm"),
        ("basic_english", "مرحبا", ""),
        ("whisper_english", "Mr. Brown isn't coming to the colour centre", "mister brown is not coming to the color center"),
        ("whisper_english", "twenty five", "25"),
        ("multilingual", "L'été, ça va? ÇA VA!", "lété ça va ça va"),
        ("multilingual", "नमस्ते, दुनिया।", "नमस्ते दुनिया"),
        ("multilingual", "مَرْحَبًا بِكُم!", "مَرْحَبًا بِكُم"),
        ("multilingual", "می\u200cخواهم", "میخواهم"),
        ("multilingual", "room ４２ / ٤٢", "room 42 ٤٢"),
        ("multilingual", "ＡＩ ｶﾀｶﾅ", "ai カタカナ"),
        ("multilingual", "п'ять пʼять п’ять oʻzbek o‘zbek qu`il", "пять пять пять ozbek ozbek quil"),
        ("multilingual", "null", "null"),
        ("multilingual", "−5 Grad, -2,5 und 3-4, 2020-05-01", "− 5 grad − 2 5 und 3 4 2020 05 01"),
        ("multilingual", "5 %, 20°, -€5, 7 $", "5 % 20 ° − 5 € 7 $"),
        ("multilingual", "E-Mail – 5 C++", "e mail 5 c"),
        ("none", "  As It Is. ", "As It Is."),
        ("auto", "twenty five", "25"),
    ],
)
def test_normalizer(name: NormalizerName, transcript: str, expected: str) -> None:
    assert normalizer(name)(transcript) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("tr", "ışık istanbul ılık"), ("az", "ışık istanbul ılık"), ("de", "işık i\u0307stanbul ilik")],
)
def test_lower_case_suits_the_language(language: str, expected: str) -> None:
    assert normalizer("auto", language)("Işık İstanbul ILIK") == expected
    assert normalizer("auto", language)("Işık I\u0307stanbul ILIK") == expected


def test_a_decomposed_letter_equals_a_composed_one() -> None:
    normalize = normalizer("multilingual")

    assert normalize("e\u0301te\u0301") == normalize("été")


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [
        ("  Dr. Müller  said:\n“Nein!”\t ", "Dr. Müller said: “Nein!”"),
        ("Mu\u0308ller", "Müller"),
        ("\ufeffzero\u200bwidth\u00ad \u202eturned\x07", "zerowidth turned"),
        ("a\u00a0b\u3000c\u2028d", "a b c d"),
        ("من می\u200cخواهم", "من می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_what_is_written_is_learned_but_for_what_nobody_sees(transcript: str, expected: str) -> None:
    assert learned(transcript) == expected


def test_labels_may_be_what_the_normaliser_leaves_in_each_language() -> None:
    assert learned("It's ninety-one!", labels="normalized") == "it is 91"
    assert learned("Größe: 91!", "de", labels="normalized") == "größe 91"
    assert learned("今日は、晴れ。", "ja", labels="normalized") == "今日は 晴れ"


def test_timestamps_are_dropped_or_kept_for_labels_and_never_scored() -> None:
    timed = "<|0.00|> Hello, <|1.20|><|1.40|>\u200b World!<|2.00|>"

    assert learned(timed) == "Hello, World!"
    assert learned(timed, labels="normalized") == "hello world"
    assert learned(timed, timestamps="keep") == "<|0.00|> Hello,<|1.20|><|1.40|> World!<|2.00|>"
    assert learned(timed, timestamps="keep", labels="normalized") == "<|0.00|> hello<|1.20|><|1.40|> world<|2.00|>"
    assert learned("Hello, <|World!", timestamps="keep", labels="normalized") == "hello world"
    assert Normalization("basic_english").compared(timed) == "hello world"


def test_what_is_compared_is_parted_into_characters_where_words_are_not() -> None:
    normalization = Normalization("auto", "ja")

    assert normalization.compared("今日は、晴れ。") == "今 日 は 晴 れ"
    assert normalization.compared("ที่", "th") == "ท \u0e35 \u0e48"
    assert normalization.compared("Größe: 91!", "de") == "größe 91"
    assert [normalization.metric(language) for language in (None, "zh", "de")] == ["CER", "CER", "WER"]
    assert Normalization("none", "zh").compared(" 你 好。") == "你 好 。"


def test_a_translation_is_english_whatever_is_spoken() -> None:
    speech = parse(Speech, {"language": "Japanese", "task": "translate", "name": "anything"}, "params.yaml")
    normalization = Normalization.of(text(), speech)

    assert normalization.spoken_in(None) == "ja"
    assert normalization.compared("It's ninety one.") == "it is 9 one"
    assert normalization.metric("th") == "WER"


def test_the_normalisers_are_named_by_what_auto_comes_to() -> None:
    assert Normalization("auto").names([None]) == "whisper_english"
    assert Normalization("auto", "nl").names([None, "en"]) == "multilingual, whisper_english"
    assert Normalization("basic_english", "nl").names([None, "en"]) == "basic_english"


def test_a_language_that_whisper_does_not_know_is_told() -> None:
    with pytest.raises(DataError, match=r"^params.yaml: language: Whisper doesn't know klingon; it knows .*, dutch, .*"):
        parse(Speech, {"language": "klingon", "task": "transcribe"}, "params.yaml")


@pytest.mark.parametrize("language", SENTENCES)
def test_by_the_language_no_letter_is_lost(language: str) -> None:
    assert require_letters_kept([(SENTENCES[language], None)], Normalization("auto", language)) == 0
    assert require_letters_kept([(SENTENCES[language], language)], Normalization("auto")) == 0


@pytest.mark.parametrize("language", ["de", "hi", "ja", "ar", "th", "tr", "fa"])
def test_letters_that_the_guides_normaliser_deletes_stop_the_run_and_a_better_one_is_named(language: str) -> None:
    with pytest.raises(DataError, match=r"^text.normalizer basic_english deletes .*: set text.normalizer to multilingual$"):
        require_letters_kept([(SENTENCES[language], language)], Normalization("basic_english"))


def test_the_letters_that_are_lost_most_are_named() -> None:
    transcripts = [("Grüße aus Köln: üben, süß", "de")] * 2 + [("plain words", "en")]

    with pytest.raises(DataError, match=r"basic_english deletes 25\.0 % of the letters \(ü, ß, ö\), so errors"):
        require_letters_kept(transcripts, Normalization("basic_english"))
    with pytest.raises(DataError, match=r"auto, here whisper_english, deletes 55\.6 % of the letters \(मै, मं, हि\)"):
        require_letters_kept([("मैं हिन्दी", None)], Normalization("auto"))


def test_numbers_in_digits_and_words_left_out_lose_no_letter_and_an_accent_none_either() -> None:
    spoken = "um, Mr. Brown's heart rate is ninety one, double oh seven, hmm, and it isn't the café's"

    assert require_letters_kept([(spoken, "en")], Normalization("whisper_english")) == 0
    assert require_letters_kept([("Größe", "de")], Normalization("whisper_english")) == 0  # it becomes grosse


def test_words_that_vanish_from_a_transcript_are_lost_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    transcripts = [("take ten (of aspirin) [now]", "en"), ("twenty five, say minus two dollars", "en")]
    kept = Normalization("whisper_english")

    assert require_letters_kept(transcripts, kept) == 0

    monkeypatch.setattr("asr.base.text.normalizer", lambda name, language: EnglishTextNormalizer())
    with pytest.raises(DataError, match=r"whisper_english deletes 25\.5 % of the letters \(aspirin, \[now\], of\), so errors"):
        require_letters_kept(transcripts, kept)


def test_where_no_language_was_named_that_is_the_first_remedy() -> None:
    transcripts = [("नमस्ते दुनिया", None)]
    normalization = Normalization("auto")

    with pytest.raises(DataError, match=r"count: set model.language, or text.normalizer to multilingual$"):
        require_letters_kept(transcripts, normalization)
    with pytest.raises(DataError, match=r"count: set text.normalizer to multilingual$"):
        require_letters_kept(transcripts, Normalization("whisper_english"))


def test_one_letter_in_a_hundred_may_be_lost() -> None:
    assert require_letters_kept([("a" * 99 + "é", None)], Normalization("basic_english")) == pytest.approx(0.01)
    with pytest.raises(DataError, match=r"deletes 2\.0 %"):
        require_letters_kept([("a" * 98 + "éé", None)], Normalization("basic_english"))
    assert require_letters_kept([], Normalization("basic_english")) == 0


def test_an_english_normalizer_on_arabic_is_refused_and_a_better_one_named() -> None:
    transcripts = [("hello", None), ("مرحبا", None), ("شكرا", None), ("نعم", None)]

    with pytest.raises(DataError, match=r"basic_english empties 3 of 4 transcripts .* set text.normalizer to multilingual"):
        require_text_kept(transcripts, Normalization("basic_english"))


def test_two_percent_may_be_emptied() -> None:
    assert require_text_kept([("hello", None)] * 98 + [("نعم", None)] * 2, Normalization("basic_english")) == [98, 99]
    with pytest.raises(DataError):
        require_text_kept([("hello", None)] * 97 + [("نعم", None)] * 3, Normalization("basic_english"))
