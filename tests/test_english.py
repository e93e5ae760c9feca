"""English: a right hypothesis that is written otherwise has no error, and one that differs in a number or a sign has one."""

import itertools
import random
import re
from collections.abc import Callable, Iterator

import jiwer
import pytest

from asr.base.english import AFTER, COMPARED, FIRST, RULES
from asr.base.text import Normalization
from tests.project import ROOT

ENGLISH = Normalization("whisper_english")

SAME = (
    ("THREE EIGHT NINE EIGHT", "3, 8, 9, 8"),
    ("three eight nine eight", "3898"),
    ("3 8 9 8", "Three, eight, nine, eight."),
    ("one two one oh", "1, 2, 1, 0."),
    ("one two one zero", "1-2-1-0"),
    ("double oh seven", "007"),
    ("double seven triple four", "77444"),
    ("call 020 7946 0958", "call oh two zero seven nine four six oh nine five eight"),
    ("my pin is zero zero one", "My PIN is 001."),
    ("plus four four twenty", "+44 20"),
    ("at eight thirty", "at 8:30"),
    ("at 8:30", "at 08:30"),
    ("at eight oh five", "At 8:05."),
    ("eight o'clock", "8:00"),
    ("the meeting is at eight o’clock", "The meeting is at 8 o'clock."),
    ("eight thirty a m", "8:30 a.m."),
    ("8.30 pm", "eight thirty p.m."),
    ("at eight am", "at 8:00 AM"),
    ("twenty forty five", "20:45"),
    ("two point zero", "2.0"),
    ("version three point one four", "version 3.14"),
    ("zero point five", ".5"),
    ("one point oh five", "1.05"),
    ("two point five million", "2,500,000"),
    ("minus five", "−5"),
    ("negative five", "-5"),
    ("minus five degrees", "–5°"),
    ("it was minus twelve point five", "It was -12.5."),
    ("plus three", "+3"),
    ("seven minus two", "7 - 2"),
    ("minus five dollars", "-$5"),
    ("five percent", "5 %"),
    ("one percent", "1%"),
    ("two point five per cent", "2.5%"),
    ("it wasn’t me", "it wasn't me"),
    ("we`re sure it isnʼt", "we are sure it is not"),
    ("the nineteen sixties", "the 1960’s"),
    ("twenty-five", "25"),
    ("twenty‑five", "twenty five"),
    ("five to ten days", "5–10 days"),
    ("one million two hundred thousand", "1,200,000"),
    ("ten thousand", "10 000"),
    ("a hundred and five people", "105 people"),
    ("between one hundred and two hundred", "between 100 and 200"),
    ("in twenty twenty, five people", "in 2020 5 people"),
    ("in 2020 five people", "in 2020, 5 people"),
    ("twenty, five", "20, 5"),
    ("twenty first", "21st"),
    ("the one hundred and third", "the 103rd"),
    ("nineteen ninety nine", "1999"),
    ("two thousand and five", "2005"),
    ("nineteen oh five", "1905"),
    ("five dollars", "$5"),
    ("one dollar", "$1.00"),
    ("two dollars and fifty cents", "$2.50"),
    ("fifty cents", "$0.50"),
    ("twenty euros", "20€"),
    ("five hundred yen", "¥500"),
    ("two and a half million pounds", "£2.5 million"),
    ("one half", "1/2"),
    ("three quarters", "¾"),
    ("eight and a half", "8 1/2"),
    ("8½", "8.5"),
    ("two and a quarter", "2 1/4"),
    ("two thirds of them", "2/3 of them"),
    ("one twenty over eighty", "120/80"),
    ("a five millimeter nodule", "a 5 mm nodule"),
    ("five millimetres", "5mm"),
    ("five milligrams", "5 mg"),
    ("one milligram per kilogram", "1 mg/kg"),
    ("a one by two centimeter mass", "a 1 x 2 cm mass"),
    ("three kilometers per hour", "3 km/h"),
    ("forty degrees celsius", "40 °C"),
    ("less than five", "< 5"),
    ("number six", "#6"),
    ("salt and pepper", "salt & pepper"),
    ("take aspirin (one tablet)", "take aspirin, 1 tablet"),
    ("take [aspirin] <now>", "take aspirin now"),
    ("one of them", "1 of them"),
    ("um, five people", "5 people"),
    ("oh, no one", "Oh no one!"),
    ("at this point and later", "At this point, and later."),
)

DIFFERENT = (
    ("three eight nine eight", "3 8 9 7"),
    ("3898", "three eight nine"),
    ("three eight nine eight", "3,897"),
    ("007", "07"),
    ("double seven", "7"),
    ("triple four", "44"),
    ("zero five", "5"),
    ("8:30", "eight thirty one"),
    ("8:30", "8:13"),
    ("8:05", "eight fifty"),
    ("8:30 am", "8:30 pm"),
    ("eight o'clock", "nine o'clock"),
    ("8:00", "8:10"),
    ("2.0", "20"),
    ("two point zero", "two point one"),
    ("2.5", "25"),
    ("two point five", "two five"),
    ("0.5", "0.05"),
    ("two point five", "2"),
    ("minus five", "5"),
    ("−5", "5"),
    ("-5", "+5"),
    ("plus five", "five"),
    ("it is –12.5", "it is 12.5"),
    ("-$5", "$5"),
    ("minus five dollars", "five dollars"),
    ("7 - 2", "7 + 2"),
    ("5%", "5"),
    ("1 percent", "1"),
    ("1 %", "one"),
    ("5%", "50%"),
    ("$1", "1"),
    ("$5", "€5"),
    ("$5", "5 cents"),
    ("$2.50", "$2.05"),
    ("$0.50", "$0.05"),
    ("£5", "5"),
    ("¥500", "500"),
    ("it wasn’t me", "it was me"),
    ("the 1960s", "the 1970s"),
    ("the nineteen sixties", "1960"),
    ("twenty-five", "twenty-four"),
    ("twenty five", "20, 5"),
    ("5–10 days", "5–12 days"),
    ("one million", "one billion"),
    ("1,000", "10,000"),
    ("between one hundred and two hundred", "between 100 and 300"),
    ("in 2020 five people", "in 2025 people"),
    ("twenty first", "twenty second"),
    ("21st", "21"),
    ("1999", "1998"),
    ("two thousand and five", "2050"),
    ("one third", "thirteenth"),
    ("one half", "one third"),
    ("one fifth", "fifteenth"),
    ("3/4", "3/5"),
    ("8½", "8"),
    ("8½", "81 2"),
    ("5²", "52"),
    ("120/80", "120/90"),
    ("a 5 mm nodule", "a 5 cm nodule"),
    ("a 5 mm nodule", "a 5 nodule"),
    ("five milligrams", "5 mcg"),
    ("1 mg", "1 g"),
    ("40 °C", "40 °F"),
    ("5°", "5"),
    ("< 5", "> 5"),
    ("#6", "#5"),
    ("take (aspirin)", "take (ibuprofen)"),
    ("take [aspirin] now", "take now"),
    ("take <five> tablets", "take <nine> tablets"),
    ("take aspirin now", "take aspirin (two) now"),
    ("hello", "hello [BLANK_AUDIO]"),
    ("one of them", "2 of them"),
)


def errors(reference: str, hypothesis: str) -> int:
    found = jiwer.process_words(ENGLISH.compared(reference), ENGLISH.compared(hypothesis))
    return found.substitutions + found.deletions + found.insertions


@pytest.mark.parametrize(("reference", "hypothesis"), SAME)
def test_what_is_right_and_written_otherwise_has_no_error(reference: str, hypothesis: str) -> None:
    assert ENGLISH.compared(reference) == ENGLISH.compared(hypothesis)


@pytest.mark.parametrize(("reference", "hypothesis"), DIFFERENT)
def test_what_differs_in_a_number_a_sign_a_unit_or_a_word_in_brackets_has_one(reference: str, hypothesis: str) -> None:
    assert errors(reference, hypothesis) > 0
    assert errors(hypothesis, reference) > 0


@pytest.mark.parametrize("text", [text for pair in SAME for text in pair])
def test_a_label_that_the_normaliser_has_written_is_compared_like_its_transcript(text: str) -> None:
    label = ENGLISH.normalized(text)

    assert ENGLISH.normalized(label) == label
    assert ENGLISH.compared(label) == ENGLISH.compared(text)


SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
).split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()


def said(number: int) -> str:
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            link = " and " if size == 100 else " "
            return f"{said(number // size)} {name}" + (link + said(number % size) if number % size else "")
    if number < 20:
        return SMALL[number]
    return TENS[number // 10] + (f"-{SMALL[number % 10]}" if number % 10 else "")


def one_by_one(digits: str, zero: str = "zero") -> str:
    return " ".join(zero if digit == "0" else SMALL[int(digit)] for digit in digits)


def times() -> Iterator[tuple[str, str]]:
    for hour, minute in itertools.product(range(24), range(60)):
        minutes = "o'clock" if not minute else said(minute) if minute > 9 else f"oh {said(minute)}"
        yield f"{hour}:{minute:02d}", f"{said(hour)} {minutes}"
        yield f"{hour:02d}.{minute:02d} p.m.", f"{said(hour)} {minutes} pm"


def strings_of_digits() -> Iterator[tuple[str, str]]:
    drawn = random.Random(0)
    for length in range(2, 7):
        for _ in range(200):
            digits = "".join(drawn.choices("0123456789", k=length))
            yield digits, one_by_one(digits)
            yield ", ".join(digits), one_by_one(digits, "zero" if not digits.strip("0") else "oh")
            yield " ".join(digits), one_by_one(digits).replace(" ", ", ")


def integers() -> Iterator[tuple[str, str]]:
    for number in [*range(10_000), *random.Random(0).sample(range(10_000, 10**9), 500)]:
        yield str(number), said(number)
        if number % 7 == 0:
            yield f"{number:,}", said(number).replace(" and ", " ").replace("-", " ")


def years() -> Iterator[tuple[str, str]]:
    for year in range(1100, 2100):
        if year % 1000 > 9:
            last = f"oh {said(year % 100)}" if 0 < year % 100 < 10 else said(year % 100) if year % 100 else "hundred"
            yield str(year), f"{said(year // 100)} {last}"


def decimals_and_signs() -> Iterator[tuple[str, str]]:
    for number in range(1000):
        whole, tenths, cents = said(number // 100), one_by_one(f"{number // 10 % 10}"), one_by_one(f"{number % 100:02d}")
        yield f"{number // 100}.{number % 100:02d}", f"{whole} point {cents}"
        yield f"-{number // 100}.{number // 10 % 10} %", f"minus {whole} point {tenths} percent"
        yield f"−{number}", f"negative {said(number)}"
        yield f"+{number}°", f"plus {said(number)} degrees"
        yield f"{number}mm", f"{said(number)} millimeters"
        yield f"-${number}", f"minus {said(number)} dollars"


@pytest.mark.parametrize("pairs", [times, strings_of_digits, integers, years, decimals_and_signs])
def test_numbers_of_a_kind_all_agree_with_how_they_are_said(pairs: Callable[[], Iterator[tuple[str, str]]]) -> None:
    written, spoken = zip(*pairs(), strict=True)
    found, expected = (compared_together(texts) for texts in (written, spoken))

    assert [pair for pair in zip(written, spoken, found, expected, strict=True) if pair[2] != pair[3]] == []


def compared_together(texts: tuple[str, ...]) -> list[str]:
    """As many calls take long, a hundred at once."""
    batches = [" then ".join(texts[start : start + 100]) for start in range(0, len(texts), 100)]
    return [text for batch in batches for text in ENGLISH.compared(batch).split(" then ")]


def test_no_two_integers_are_compared_alike() -> None:
    assert len(set(compared_together(tuple(str(number) for number in range(-5000, 5000))))) == 10_000


@pytest.mark.parametrize(
    ("text", "normalized", "compared"),
    [
        ("It's ninety-one!", "it is 91", "it is 9 one"),
        ("$2.50 at 8:30", "$2.50 at 830", "2 point 5 0 dollars at 8 3 0"),
        ("−5 %", "-5%", "minus 5 percent"),
        ("the twenty first of May 1999", "the 21st of may 1999", "the 2 1st of may one 9 9 9"),
        ("a 5 mm nodule, mm, um", "a 5 mm nodule", "a 5 mm nodule"),
        ("(wind howling) [BLANK_AUDIO] *coughs* ♪", "wind howling blank audio coughs", "wind howling blank audio coughs"),
        ("", "", ""),
        (" \ue000 ", "", ""),
    ],
)
def test_a_number_is_normalized_as_a_word_and_compared_as_its_digits(text: str, normalized: str, compared: str) -> None:
    assert (ENGLISH.normalized(text), ENGLISH.compared(text)) == (normalized, compared)


def test_one_wrong_digit_of_four_is_one_error_of_four_words() -> None:
    assert errors("three eight nine eight", "3897") == 1
    assert len(ENGLISH.compared("3898").split()) == 4


def test_text_without_numbers_and_signs_is_as_the_reference_leaves_it() -> None:
    from whisper_normalizer.english import EnglishTextNormalizer

    text = "Mr. Brown's colour scheme, um, wasn't what he'd been promised; it's gonna be naïve, Dr. O'Neil said."

    assert ENGLISH.normalized(text) == EnglishTextNormalizer()(text).strip().replace("0 neil", "oh neil")


def test_words_that_fill_pauses_are_counted_and_millimetres_are_none() -> None:
    assert ENGLISH.ignored("Um, a 5 mm nodule, hmm, twelve mm, uh") == 3
    assert Normalization("multilingual").ignored("um") == 0
    assert Normalization("auto").ignored("ähm um", "de") == 0


def test_the_page_has_each_rule_with_an_example_that_holds() -> None:
    rows = re.findall(
        r"^\| ([\w ]+) \| `(.+)` \| `(.+)` \|$", (ROOT / "docs" / "data.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    rules = [*FIRST, *RULES, *AFTER, *COMPARED]

    assert rows == [(rule.name, rule.written, rule.same) for rule in rules]
    for rule in rules:
        assert ENGLISH.compared(rule.written) == ENGLISH.compared(rule.same), rule.name
