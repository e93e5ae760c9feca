#!/bin/sh
# What whisper-normalizer 0.1.15, and so OpenAI's English normaliser, does to numbers, signs and brackets. Each pair of lines is one thing that
# is written in two ways, or two things that are not the same. asr/base/english.py has rules for all of them.
#
# Seen: a minus in front of digits, a minus in front of money, a percent behind 1 and behind a space, zeros in front, and whatever stands in
# brackets are deleted, and so is mm behind a number. "2020 five" is added up, "one third" is 13rd, "1.5" is one.5 and "$0.5" is five cents.
#
# It installs the package into a folder of its own, which it removes. It fails when the output is no longer the one below.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" whisper-normalizer==0.1.15

cat > "$folder/expected" <<'END'
'THREE EIGHT NINE EIGHT' -> '3898'
'3, 8, 9, 8' -> '3 8 9 8'
'one two one oh' -> '1210'
'1, 2, 1, 0' -> 'one 2 one 0'
'double oh seven' -> '007'
'007' -> '7'
'eight thirty' -> '830'
'8:30' -> '8 30'
"eight o'clock" -> '80 clock'
'two point zero' -> '2.0'
'2.0' -> '2'
'one point five' -> 'one.5'
'minus five' -> '-5'
'-5' -> '5'
'minus five dollars' -> '$5'
'one percent' -> 'one '
'5 %' -> '5 '
'$1' -> ' one'
'$0.5' -> '¢5'
'between one hundred and two hundred' -> 'between 10200'
'between 100 and 200' -> 'between 100 and 200'
'in 2020 five people' -> 'in 2025 people'
'one third' -> '13rd'
'8½' -> '81 2'
'5²' -> '52'
'eight and a half' -> '8.5'
'8 and a half' -> '8 and a half'
'wasn’t' -> 'wasn t'
'a 5 mm nodule' -> 'a 5 nodule'
'take (aspirin) now' -> 'take now'
'take [aspirin] now' -> 'take now'
'take <aspirin> now' -> 'take now'
'at this point and then' -> 'at this and then'
'Oh, really' -> '0 really'
END

PYTHONPATH="$folder" PYTHONIOENCODING=utf-8 python3 - > "$folder/found" <<'END'
from whisper_normalizer.english import EnglishTextNormalizer

normalize = EnglishTextNormalizer()
texts = (
    "THREE EIGHT NINE EIGHT", "3, 8, 9, 8", "one two one oh", "1, 2, 1, 0", "double oh seven", "007", "eight thirty", "8:30",
    "eight o'clock", "two point zero", "2.0", "one point five", "minus five", "-5", "minus five dollars", "one percent", "5 %", "$1",
    "$0.5", "between one hundred and two hundred", "between 100 and 200", "in 2020 five people", "one third", "8½", "5²",
    "eight and a half", "8 and a half", "wasn’t", "a 5 mm nodule", "take (aspirin) now", "take [aspirin] now", "take <aspirin> now",
    "at this point and then", "Oh, really",
)
for text in texts:
    print(f"{text!r} -> {normalize(text)!r}")
END
diff "$folder/expected" "$folder/found"
echo "whisper-normalizer 0.1.15 still does all of this"
