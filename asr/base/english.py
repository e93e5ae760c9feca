"""English: OpenAI's normaliser, and rules around it that bring every way to write a number, a sign or a unit to one."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

Replacement = str | Callable[[re.Match[str]], str]

MARK = "\ue000"
"""Of private use. As a token it keeps two numbers apart; in a word it hides this from the reference's own rules."""

SMALL = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    "nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
DIGITS = SMALL.split("|")[:10]
LARGE = "hundred|thousand|million|billion|trillion"
NUMBER = rf"(\b(?:{SMALL}|{LARGE})|\d)"
"""The end of a number, in words or in digits."""

FAR = 24
"""Characters, within which the words next to one are looked for."""

FILLERS = re.compile(r"\b(?:hmm|mm|mhm|mmm|uh|um)\b")
"""The reference's."""

PARTS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
         "ninth": 9, "tenth": 10}  # fmt: skip
CURRENCIES = {"$": "dollars", "€": "euros", "£": "pounds", "¢": "cents", "¥": "yen", "₹": "rupees", "₽": "rubles", "₩": "won"}
UNITS = {
    "mmhg": "(?:mm|millimet(?:er|re)s?) (?:of mercury|hg)", "mm": "millimet(?:er|re)s?", "cm": "centimet(?:er|re)s?",
    "kmh": "(?:km|kilomet(?:er|re)s?) (?:per |an )?h(?:our)?|kph", "mph": "miles (?:per|an) hour", "km": "kilomet(?:er|re)s?",
    "m": "met(?:er|re)s?", "mcg": "micrograms?|μg", "mg": "milligram(?:me)?s?", "kg": "kilo(?:gram(?:me)?)?s?",
    "g": "gram(?:me)?s?", "ml": "millilit(?:er|re)s?", "dl": "decilit(?:er|re)s?", "l": "lit(?:er|re)s?",
    "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz",
    "kb": "kilobytes?", "mb": "megabytes?", "gb": "gigabytes?", "tb": "terabytes?", "degrees": "degrees?",
}  # fmt: skip
"""A unit, and the other ways to write it behind a number."""


class Rule(NamedTuple):
    """What is written in several ways and means the same.

    Attributes:
        name: what it is about.
        written, same: an example: two ways to write one thing. docs/data.md shows it.
        steps: patterns, and what becomes of them; in this order, in small letters.
    """

    name: str
    written: str
    same: str
    steps: Sequence[tuple[str, Replacement]]


@lru_cache(maxsize=1 << 18)
def english(text: str) -> str:
    """Normalise as the reference does, with FIRST and RULES before it and AFTER behind it.

    The reference is put together anew from its parts, without two of them: the removal of what stands in brackets, and what it
    does to numbers once they are in digits, such as `one` for 1 %.
    """
    reference = _reference()
    kept = re.sub(r"\s+'", "'", _applied(RULES, FILLERS.sub(" ", _applied(FIRST, text.lower().replace(MARK, " ")))))
    for pattern, replacement in reference.replacers.items():
        kept = re.sub(pattern, replacement, kept)
    numbers = reference.standardize_numbers
    from whisper_normalizer.basic import remove_symbols_and_diacritics  # here, as a bench on a GPU machine needs none

    words = numbers.preprocess(remove_symbols_and_diacritics(kept, "$€£¢")).split()
    kept = reference.standardize_spellings(" ".join(numbers.process_words(words)).replace(MARK, ""))
    return " ".join(_applied(AFTER, kept).split())


def fillers(text: str) -> int:
    """Count the words that `english` drops, such as um."""
    return len(FILLERS.findall(_applied(FIRST, text.lower())))


def read_out(text: str) -> str:
    """Write what `english` leaves as it is compared: by COMPARED, numbers digit by digit, and their signs as words.

    So a digit is a word, and one wrong digit is one error however the number is written. As in the reference, 1 is `one`.
    """
    return " ".join(_applied(COMPARED, text).split())


def _applied(rules: Sequence[Rule], text: str) -> str:
    for rule in rules:
        for pattern, replacement in rule.steps:
            text = re.sub(pattern, replacement, text)
    return text


@cache
def _reference() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer  # likewise

    return EnglishTextNormalizer()


def _time(match: re.Match[str]) -> str:
    hour, *rest = (part for part in match.groups() if part)
    return str(int(hour)) + ("" if rest == ["00"] else "".join(rest))


def _fraction(match: re.Match[str]) -> str:
    above, below = (int(part) for part in match.groups())
    return f" {above} over {below} " if 0 < above < below <= 10 else match[0]


def _over(match: re.Match[str]) -> str:
    return f"{match[1]} over {match[2]}" if int(match[1]) > int(match[2]) else match[0]


def _fraction_in_words(match: re.Match[str]) -> str:
    number, above, part, plural = match.groups()
    if number or (above in ("one", "1")) == bool(plural):  # twenty one third graders; one thirds
        return match[0]
    return f"{above} over {PARTS[part]}"


def _oh(match: re.Match[str]) -> str:
    before = re.search(rf"({NUMBER}|\b(double|triple|point))\W*$", match.string[max(0, match.start() - FAR) : match.start()])
    is_zero = before or re.match(rf"\W*((?:{SMALL})\b|\d+(?![\dsnrt]))", match.string[match.end() : match.end() + FAR])
    return re.sub(r"\boh?\b", "zero" if is_zero else f"oh{MARK}", match[0])


def _digits(match: re.Match[str]) -> str:
    return " ".join(DIGITS[int(digit)] for digit in match[1])


def _cents(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}.{int(match[3]):02d}"


def _read_out(match: re.Match[str]) -> str:
    sign, currency, number, suffix, percent = match.groups()
    digits = ["point" if each == "." else each for each in number]
    said = " ".join("one" if each == "1" else each for each in digits[:-1])
    last = digits[-1] + suffix if suffix else "one" if digits[-1] == "1" else digits[-1]
    words = ({"-": "minus", "+": "plus"}.get(sign, ""), said, last, CURRENCIES.get(currency, ""), "percent" if percent else "")
    return f" {' '.join(words)} "


NUMERAL = r"([-+]?)([$€£¢]?)(\d+(?:\.\d+)*)(st|nd|rd|th|s)?(?![a-z])(%?)"
APART = rf"(?<=\d)\s+(?=(?:{SMALL})\b|\.?\d)", f" {MARK} "

# fmt: off
FIRST = (
    Rule("apostrophes", "wasn’t, the 1960’s", "was not, the 1960s", [
        (r"(?<=\d)\s?″", " inches "), (r"(?<=\d)\s?′", " feet "), ("[’‘ʼʻ´`′]", "'"), (r"(?<=\d)'s\b", "s"),
        (r"\bcannot\b", "can not"),
    ]),
    Rule("powers", "5 m²", "five m squared", [("²", " squared "), ("³", " cubed ")]),
    Rule("forms of a sign", "５, ½", "5, 1/2", [
        (r"(?<=\d)(?=[¼-¾⅐-⅞])", " "), ("[º˚]", "°"),
        (r"[^\x00-\x7f]+", lambda match: unicodedata.normalize("NFKC", match[0]).lower()), ("⁄", "/"),
    ]),
    Rule("brackets", "take [two] <aspirin> (now)", "take two aspirin now", [
        (r"<(?=\S)([^<>]*\S)>(?!\d)", r" \1 "), (r"[()\[\]{}]", " "),
    ]),
    Rule("millimetres", "a 5 mm nodule", "a five millimeter nodule", [
        (rf"{NUMBER}[\s-]*mm\b", rf"\1 m{MARK}m"), (r"\b(in|few|several|per|cubic|square) mm\b", r"\1 millimeters"),
    ]),
)
RULES = (
    Rule("hyphens", "twenty‑five", "twenty five", [(r"(?<=[a-z])[-‐](?=[a-z])", " ")]),
    Rule("times", "8:30 p.m., 8.05 pm, 8:00", "eight thirty pm, eight oh five p m, eight o'clock", [
        (rf"{NUMBER}\s*([ap])\.?\s?m\b\.?", r"\1 \2m"),
        (r"(?<![\d.:])(\d{1,2})\.([0-5]\d)(?= [ap]m\b)", r"\1:\2"),
        (r"(?<![\d.:])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?![\d:])", _time), (r"(?<=\d):(?=\d(?![\d:]))", " to "),
        (rf"{NUMBER}\s*\bo'? ?clock\b", r"\1"), (r"\bo'? ?clock\b", "oclock"),
    ]),
    Rule("ranges", "5–10", "five to ten", [(r"(?<=[\d%])\s?–\s?(?=[$€£]?\d)", " to ")]),
    Rule("minus and plus", "−5, -5, +3, 7 - 2", "minus five, negative five, plus three, seven minus two", [
        ("±", " plus or minus "), (rf"−\s?(?=[$€£¢¥]?\.?\d|(?:{SMALL})\b)", " minus "), (r"(?<=\d) - (?=\d)", " minus "),
        (r"(?<![\w.,%°'/-])[-–‐](?=[$€£¢¥]?\.?\d)", " minus "), (r"\+(?=\s?[$€£¢¥]?\.?\d)|(?<=\d)\s?\+", " plus "),
        (r"\b(minus|negative|plus|positive)\b", rf"\1{MARK}"),
    ]),
    Rule("percent", "5 %, 1%", "five per cent, one percent", [("%", " percent "), (r"\bper cent\b", "percent")]),
    Rule("currencies", "-$5, 3 €, ¥20", "minus five dollars, €3, twenty yen", [
        (rf"([¥₹₽₩])\s?(\d[\d,.]*(?: (?:{LARGE})\b)?)", lambda match: f"{match[2]} {CURRENCIES[match[1]]} "),
        (r"(?<=[a-z])(?=[$€£¢])", " "), (r"([$€£¢])\s+(?=\.?\d)", r"\1"),
        (r"(?<=\d)\s?([$€£¢¥₹₽₩])(?!\s?\.?\d)", lambda match: f" {CURRENCIES[match[1]]} "),
        (r"\blbs?\b", "pounds"), (r"\bpence\b", "cents"),
    ]),
    Rule("other signs", "#5 & 6, < 3 °C, 2 mg/kg", "number five and six, less than three degrees Celsius, two mg per kg", [
        (r"#(?=\s?\d)", " number "), ("&", " and "), (r"<(?=\s?[\d.$€£])", " less than "),
        (r"(?<!-)>(?=\s?[\d.$€£])", " greater than "),
        ("≤", " at most "), ("≥", " at least "), ("×", " x "), ("=", " equals "),
        (rf"(?<=[a-z\d])\s?/\s?(?=(?:{'|'.join(UNITS)}|h|hour|min|minute|day|week|month|year)\b)", " per "),
        (r"\bper h\b", "per hour"), (r"\bper min\b", "per minute"),
        (r"°\s?c\b", " degrees celsius "), (r"°\s?f\b", " degrees fahrenheit "), ("°", " degrees "),
    ]),
    Rule("fractions", "1/2, 8½, 3/4, 120/80", "one half, eight and a half, three quarters, 120 over 80", [
        (rf"{NUMBER}\s+and (?:(?:a|one) half\b|1/2(?![\d/]))", r"\1 point five"), (r"(\d)[\s-]+1/2(?![\d/])", r"\1 point five"),
        (r"\band a half\b", f"and {MARK} a half"), (rf"{NUMBER}\s+and a (?=(?:{'|'.join(PARTS)})\b)", r"\1 and one "),
        (r"(\d)[\s-]+(?=[1-9]/(?:\d|10)(?![\d/]))", r"\1 and "), (r"(?<![\d/.,])(\d)/(\d{1,2})(?![\d/]|\.\d)", _fraction),
        (rf"(?:{NUMBER}\s+)?\b({'|'.join(DIGITS[1:])}|\d)\s+({'|'.join(PARTS)})(s?)\b", _fraction_in_words),
        (r"(?<![\d/])([4-9]\d|\d{3})/(\d{2,3})(?![\d/])", _over),
    ]),
    Rule("a hundred", "a hundred or half a million", "100 or 500,000", [
        (rf"\bhalf an? (?=(?:{LARGE})\b)", f"{MARK} zero point five "), (rf"\ban? (?=(?:{LARGE})\b)", "one "),
    ]),
    Rule("double", "double 7", "double seven", [(r"\bdouble (\d)(?!\w)", r"\1\1"), (r"\btriple (\d)(?!\w)", r"\1\1\1")]),
    Rule("oh", "oh seven; Oh no", "07; o no", [(r"\boh?\b(?:\W*\boh?\b)*", _oh)]),
    Rule("numbers side by side", "twenty, five; in 2020 five; one hundred and two hundred", "20 5; in 2020, 5; 100 and 200", [
        (rf"{NUMBER}(?<!hundred)(?<!thousand)(?<!illion)(?:[,;:.!?]+\s+|\s*[—…]\s*)(?=(?:{SMALL})\b|\.?\d)", rf"\1 {MARK} "),
        (rf"\b({LARGE})([\s,]+(?:and )?)(?=(?:(?:{SMALL}|hundred)\s+){{1,4}}\1\b)", rf"\1 {MARK}\2"),
        (rf"\bzero (?=(?:{SMALL}) hundred\b)", f"zero {MARK} "),
        (rf"\b({LARGE})\s+(?=({'|'.join(DIGITS)})\s+({'|'.join(DIGITS)})\b)", rf"\1 {MARK} "), APART,
    ]),
    Rule("thousands", "1,234,567", "1234567", [(r"(\d),(?=\d{3}(?!\d))", r"\1"), (",", " ")]),
    Rule("decimals", "2.0, .5, at this point and", "two point zero, zero point five, at this point and", [
        (r"(?<![\w.])\.(?=\d)", "0."), (r"(?<=\d)\.(\d+)", lambda match: f" point {_digits(match)}"),
        (rf"\bpoint\b(?!\s+(?:(?:{SMALL})\b|\d))", f"point{MARK}"),
    ]),
    Rule("zeros in front", "007", "double oh seven", [(r"(?<![\d$€£¢])(0\d*)(?!\d|(?:st|nd|rd|th|s)\b)", _digits), APART]),
)
AFTER = (
    Rule("signs of numbers", "negative 5", "-5", [
        (r"\b(?:minus|negative) (?=[$€£¢]?[\d.])", "-"), (r"\b(?:plus|positive) (?=[$€£¢]?[\d.])", "+"),
        (r"(?<![\w.])\.(?=\d)", "0."),
    ]),
    Rule("dollars and cents", "$2.50 or £0.05", "two dollars and fifty cents or five pence", [
        (r"([$€£])(\d+) (?:and )?¢(\d{1,2})\b", _cents), (r"([$€£]\d+)\.0+(?![\d.])", r"\1"),
        (r"([$€£]\d+\.\d)(?![\d.])", r"\g<1>0"),
        (r"[$€£]0\.(\d\d)(?!\d)", lambda match: f"¢{int(match[1])}"),
        (r"([$€£¢])0+(?=\d)", r"\1"),
    ]),
    Rule("by", "2 × 4, 1x5", "two x four, one by five", [(r"(?<=\d) x (?=\d)", " by ")]),
    Rule("one", "1 of 12", "one of twelve", [(r"(?<!\S)(?<!\d )1(s?)(?!\S)(?! \d)", r"one\1"), (r"[.$€£¢](?!\d)", " ")]),
)
COMPARED = (
    Rule("units", "5 mg, 3 km/h", "five milligrams, three kilometres per hour", [
        *((rf"(?:(?<=\d)|(?<=\bone)|(?<=\bper)) (?:{written})\b", f" {unit}") for unit, written in UNITS.items()),
    ]),
    Rule("digits", "3, 8, 9, 8", "3898", [(NUMERAL, _read_out)]),
)
# fmt: on
