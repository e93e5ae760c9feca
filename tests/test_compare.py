"""The comparison of two revisions as it is printed."""

from asr.scoring.predictions import Prediction
from commands.compare import Side, compared


def heard(hypothesis: str, clip: str, dataset: str = "test", reference: str = "a b c d") -> Prediction:
    wrong = sum(said != heard for said, heard in zip(reference.split(), hypothesis.split(), strict=True))
    return Prediction(
        dataset, clip, f"{clip}.wav", None, {}, 2.0, reference, hypothesis, reference, hypothesis,
        errors=wrong, words=len(reference.split()),
        substitutions=0, deletions=0, insertions=0, is_cut_off=False, has_loop=False, alignment=(),
    )  # fmt: skip


HOW = {"normalizer": "none", "window": "fit", "precision": "fp32", "decode": {"num_beams": 1}}


def side(name: str, **sets: list[Prediction]) -> Side:
    return Side(name, dict(sets), HOW)


GOOD = [heard("a b c d", f"clip {number}") for number in range(20)]
BAD = [heard("a b x d" if number % 2 else "a x x d", f"clip {number}") for number in range(20)]


def test_the_table_says_which_is_better() -> None:
    assert compared(side("main", test=BAD), side("slower", test=GOOD), md=False).splitlines() == [
        "        clips    WER main    WER slower    difference              95 %            p    better    worse",
        "test       20     37.50 %        0.00 %        -37.50  -43.53 to -31.47  under 0.001        20        0",
        "",
        "test: slower is better (drawn: utterances)",
    ]


def test_markdown_for_a_pull_request() -> None:
    assert compared(side("main", test=GOOD), side("slower", test=GOOD), md=True).splitlines() == [
        "|      |   clips |   WER main |   WER slower |   difference |           95 % |     p |   better |   worse |",
        "|:-----|--------:|-----------:|-------------:|-------------:|---------------:|------:|---------:|--------:|",
        "| test |      20 |     0.00 % |       0.00 % |        +0.00 | +0.00 to +0.00 | 1.000 |        0 |       0 |",
        "",
        "- test: no difference beyond chance (drawn: utterances)",
    ]


def test_it_says_plainly_when_the_test_sets_differ() -> None:
    other = [*GOOD[:17], heard("a b", "clip 17", reference="a b"), heard("a b c d", "clip 20")]

    told = compared(side("main", test=GOOD), side("slower", test=other, general=GOOD), md=False).splitlines()

    assert told[-2:] == [
        "test: no difference beyond chance (drawn: utterances); the test sets differ: 2 only in main, 1 only in slower, "
        "1 with another reference; compared on the other 17 clips",
        "general: not compared: only in slower",
    ]


def test_nothing_in_common() -> None:
    told = compared(side("main", test=GOOD[:3], general=GOOD), side("slower", test=GOOD[3:]), md=False).splitlines()

    assert told[-2:] == ["test: not compared: without a clip in common", "general: not compared: only in main"]


def test_models_that_were_not_heard_alike() -> None:
    other = Side("slower", {"test": GOOD}, {**HOW, "window": "full", "decode": {"num_beams": 5}})

    told = compared(side("main", test=GOOD), other, md=False).splitlines()

    assert told[-1] == "decoded and compared otherwise: window fit -> full, num_beams 1 -> 5"


def test_other_packages_are_told() -> None:
    newer = Side("newer", {"test": GOOD}, {**HOW, "versions": {"torch": "2.14.0", "jiwer": "4.0.0"}})
    older = Side("older", {"test": GOOD}, {**HOW, "versions": {"torch": "2.13.0", "jiwer": "4.0.0"}})

    assert compared(older, newer, md=False).splitlines()[-1] == "scored with other packages: torch 2.13.0 -> 2.14.0"
    assert "scored with" not in compared(older, older, md=False)
