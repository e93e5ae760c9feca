"""A template grammar of hospital phrases and numbers, for synthetic training sentences."""

from random import Random

UNITS = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

WORDS = {
    "person": "the patient|mister {name}|missus {name}|the man|the woman|the child|the nurse|doctor {name}".split("|"),
    "name": (
        "brown carter evans garcia hughes jackson kelly lewis martin nelson parker roberts smith taylor walker young"
    ).split(),
    "place": "ward {small}|bed {small}|room {small}|the clinic|the theatre|intensive care|the waiting room|radiology".split(
        "|"
    ),
    "part": "chest knee shoulder ankle wrist head neck back hip elbow stomach foot hand arm leg".split(),
    "side": "left right upper lower".split(),
    "symptom": "pain|swelling|a rash|bleeding|numbness|an infection|a fracture|weakness|a cough|stiffness".split("|"),
    "drug": "aspirin insulin morphine penicillin ibuprofen heparin codeine paracetamol warfarin steroids".split(),
    "form": "tablets milligrams drops units millilitres capsules".split(),
    "often": "once a day|twice a day|every {small} hours|before meals|after breakfast|at night|when needed".split("|"),
    "scan": "scan|x ray|ultrasound|blood test|biopsy|heart trace".split("|"),
    "result": "normal|clear|unchanged|abnormal|much better|a little worse|not ready".split("|"),
    "day": "monday tuesday wednesday thursday friday saturday sunday".split(),
    "month": "january february march april may june july august september october november december".split(),
    "verb": "check change clean remove prepare bring order replace".split(),
    "object": ("the dressing|the catheter|the drip|the monitor|the bandage|the bed|the oxygen|the chart|the needle").split("|"),
    "when": "now|today|tomorrow|this morning|this evening|before surgery|after the round|on {day}".split("|"),
}

TEMPLATES = (
    "{person} has {symptom} in the {side} {part}",
    "{person} is complaining of {symptom} since {day}",
    "give {small} {form} of {drug} {often}",
    "take {small} {form} {often}",
    "stop the {drug} and start {drug} {when}",
    "blood pressure is {large} over {medium}",
    "the heart rate is {large} beats per minute",
    "temperature is thirty {unit} point {unit} degrees",
    "oxygen saturation is {medium} percent",
    "call doctor {name} on extension {digits}",
    "the {scan} of the {side} {part} is {result}",
    "the {scan} of {person} is booked for {day}",
    "record number {digits}",
    "{digits}",
    "the code is {digits}",
    "move {person} from {place} to {place}",
    "please {verb} {object} {when}",
    "{verb} {object} in {place}",
    "{person} is allergic to {drug}",
    "no known allergy to {drug} or {drug}",
    "the appointment is on {day} the {small} of {month}",
    "discharge {person} {when} with {drug}",
    "{person} was admitted to {place} on {day}",
    "{person} weighs {medium} kilos and is {medium} years old",
    "surgery on the {side} {part} is planned for {month}",
    "the wound on the {part} looks {result}",
    "can you {verb} {object} for {person}",
    "ask {person} to come to {place} at {small} {minute}",
)


def sentence(random: Random) -> str:
    """One lower-case sentence without punctuation, numbers in words."""
    text = random.choice(TEMPLATES)
    while "{" in text:
        start = text.index("{")
        end = text.index("}", start)
        text = text[:start] + _fill(text[start + 1 : end], random) + text[end + 1 :]
    return text


def _fill(slot: str, random: Random) -> str:
    match slot:
        case "unit":
            return random.choice(UNITS)
        case "small":
            return number(random.randint(1, 30))
        case "medium":
            return number(random.randint(31, 99))
        case "large":
            return number(random.randint(80, 199))
        case "minute":
            return random.choice(["fifteen", "thirty", "forty five", "o clock"])
        case "digits":
            return " ".join(random.choices(UNITS, k=random.randint(3, 8)))
        case _:
            return random.choice(WORDS[slot])


def number(n: int) -> str:
    """0 to 199 in words: 142 is "one hundred and forty two"."""
    if n >= 100:
        rest = f" and {number(n - 100)}" if n > 100 else ""
        return f"one hundred{rest}"
    if n >= 20:
        return TENS[n // 10 - 2] + (f" {UNITS[n % 10]}" if n % 10 else "")
    return TEENS[n - 10] if n >= 10 else UNITS[n]
