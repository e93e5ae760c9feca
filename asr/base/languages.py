"""Languages: those that Whisper knows, by its codes (openai/whisper `tokenizer.py`), and which of them don't part words."""

from typing import Annotated

from pydantic import AfterValidator

_NAMES = """
    en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese, pt portuguese, tr turkish, pl
    polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian, id indonesian, hi hindi, fi finnish, vi vietnamese, he
    hebrew, uk ukrainian, el greek, ms malay, cs czech, ro romanian, da danish, hu hungarian, ta tamil, no norwegian, th thai,
    ur urdu, hr croatian, bg bulgarian, lt lithuanian, la latin, mi maori, ml malayalam, cy welsh, sk slovak, te telugu, fa
    persian, lv latvian, bn bengali, sr serbian, az azerbaijani, sl slovenian, kn kannada, et estonian, mk macedonian, br
    breton, eu basque, is icelandic, hy armenian, ne nepali, mn mongolian, bs bosnian, kk kazakh, sq albanian, sw swahili, gl
    galician, mr marathi, pa punjabi, si sinhala, km khmer, sn shona, yo yoruba, so somali, af afrikaans, oc occitan, ka
    georgian, be belarusian, tg tajik, sd sindhi, gu gujarati, am amharic, yi yiddish, lo lao, uz uzbek, fo faroese, ht haitian
    creole, ps pashto, tk turkmen, nn nynorsk, mt maltese, sa sanskrit, lb luxembourgish, my myanmar, bo tibetan, tl tagalog, mg
    malagasy, as assamese, tt tatar, haw hawaiian, ln lingala, ha hausa, ba bashkir, jw javanese, su sundanese, yue cantonese
"""

_OTHER_NAMES = """
    my burmese, ca valencian, nl flemish, ht haitian, lb letzeburgesch, ps pushto, pa panjabi, ro moldavian, ro moldovan, si
    sinhalese, es castilian, zh mandarin
"""

_OTHER_CODES = """
    no nb, jw jv, tl fil, zh cmn, he iw
"""


def _parsed(listed: str) -> dict[str, str]:
    """From each name to its code."""
    entries = (entry.split() for entry in listed.split(","))
    return {" ".join(name): code for code, *name in entries}


CODES = _parsed(_NAMES)
"""From each language's name to its code."""

OTHER_NAMES = _parsed(_OTHER_NAMES)
"""Likewise, from names that a language also goes by."""

OTHER_CODES = _parsed(_OTHER_CODES)
"""From codes that others have for these languages, such as FLEURS and Android, to Whisper's."""

UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my", "bo"})
"""Languages that don't part words by spaces, so that errors are counted in characters. Of these the Whisper paper
(arXiv:2212.04356, appendix C) counts Chinese, Japanese, Thai, Lao and Burmese so; Cantonese, Khmer and Tibetan are written
alike.
"""


def language_code(written: str) -> str | None:
    """The code of a language that is given by code or by name, in any case; None for one that Whisper doesn't know.

    A region or script behind the code, as in `pt-BR` or `zh_Hant`, is passed over.
    """
    name = written.strip().lower()
    code = CODES.get(name) or OTHER_NAMES.get(name) or name.replace("_", "-").partition("-")[0]
    code = OTHER_CODES.get(code, code)
    return code if code in CODES.values() else None


def _known(written: str) -> str:
    code = language_code(written)
    if code is None:
        raise ValueError(f"Whisper doesn't know {written}; it knows {', '.join(sorted(CODES))}")
    return code


Language = Annotated[str, AfterValidator(_known)]
"""A parameter that is given by code or by name, and is a code once it is read."""
