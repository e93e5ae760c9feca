"""The comparison of two revisions, or of several, as it is printed."""

from dataclasses import replace

from asr.scoring.predictions import Prediction
from commands.comparing.family import family
from commands.comparing.sides import Side
from commands.comparing.tables import of_several, of_two


def heard(hypothesis: str, clip: str, dataset: str = "test", reference: str = "a b c d") -> Prediction:
    wrong = sum(said != heard for said, heard in zip(reference.split(), hypothesis.split(), strict=True))
    return Prediction(
        dataset, clip, f"{clip}.wav", None, "en", 2.0, reference, hypothesis, reference, hypothesis,
        metric="WER", errors=wrong, words=len(reference.split()),
        substitutions=0, deletions=0, insertions=0, is_cut_off=False, has_loop=False, alignment=(),
    )  # fmt: skip


HOW = {"normalizer": "none", "window": "fit", "precision": "fp32", "decode": {"num_beams": 1}}


def side(name: str, **sets: list[Prediction]) -> Side:
    return Side(name, dict(sets), HOW)


GOOD = [heard("a b c d", f"clip {number}") for number in range(20)]
BAD = [heard("a b x d" if number % 2 else "a x x d", f"clip {number}") for number in range(20)]


def table_of_two(first: Side, second: Side, md: bool) -> str:
    return of_two(first, second, family(first, [second]), md)


def test_the_table_says_which_is_better() -> None:
    assert table_of_two(side("main", test=BAD), side("slower", test=GOOD), md=False).splitlines() == [
        "        clips    WER main    WER slower    difference              95 %            p    better    worse",
        "test       20     37.50 %        0.00 %        -37.50  -43.53 to -31.47  under 0.001        20        0",
        "",
        "test: slower is better (drawn: 20 clips)",
    ]


def test_markdown_for_a_pull_request() -> None:
    assert table_of_two(side("main", test=GOOD), side("slower", test=GOOD), md=True).splitlines() == [
        "|      |   clips |   WER main |   WER slower |   difference |   95 % |     p |   better |   worse |",
        "|:-----|--------:|-----------:|-------------:|-------------:|-------:|------:|---------:|--------:|",
        "| test |      20 |     0.00 % |       0.00 % |        +0.00 |      - | 1.000 |        0 |       0 |",
        "",
        "- test: identical: the same hypothesis in each of the 20 clips",
    ]


def test_it_says_plainly_when_the_test_sets_differ() -> None:
    other = [*GOOD[:17], heard("a b", "clip 17", reference="a b"), heard("a b c d", "clip 20")]

    told = table_of_two(side("main", test=GOOD), side("slower", test=other, general=GOOD), md=False).splitlines()

    assert told[-2:] == [
        "test: identical: the same hypothesis in each of the 17 clips; the test sets differ: 2 only in main, 1 only in slower, "
        "1 with another reference; compared on the other 17 clips",
        "general: not compared: only in slower",
    ]


def test_what_is_counted_is_named_where_it_is_not_words() -> None:
    bad, good = ([replace(row, metric="CER") for row in rows] for rows in (BAD, GOOD))
    main, slower = side("main", test=bad, general=BAD), side("slower", test=good, general=GOOD)
    told = table_of_two(side("main", test=bad), side("slower", test=good), md=False).splitlines()
    mixed = table_of_two(main, slower, md=False).splitlines()

    assert told[0].startswith("        clips    CER main    CER slower    difference")
    assert told[3] == "test: errors are counted in characters"
    assert mixed[0].startswith("           clips    error rate main    error rate slower    difference")
    assert mixed[4:6] == ["test: errors are counted in characters", "general: errors are counted in words"]
    assert "error rate main    error rate" in of_several(main, [slower], family(main, [slower]), md=False).splitlines()[0]


def test_nothing_in_common() -> None:
    told = table_of_two(side("main", test=GOOD[:3], general=GOOD), side("slower", test=GOOD[3:]), md=False).splitlines()

    assert told[-2:] == ["test: not compared: without a clip in common", "general: not compared: only in main"]


def test_models_that_were_not_heard_alike() -> None:
    other = Side("slower", {"test": GOOD}, {**HOW, "window": "full", "decode": {"num_beams": 5}})

    told = table_of_two(side("main", test=GOOD), other, md=False).splitlines()

    assert told[-1] == "decoded and compared otherwise: window fit -> full, num_beams 1 -> 5"


def test_other_packages_are_told() -> None:
    newer = Side("newer", {"test": GOOD}, {**HOW, "versions": {"torch": "2.14.0", "jiwer": "4.0.0"}})
    older = Side("older", {"test": GOOD}, {**HOW, "versions": {"torch": "2.13.0", "jiwer": "4.0.0"}})

    assert table_of_two(older, newer, md=False).splitlines()[-1] == "scored with other packages: torch 2.13.0 -> 2.14.0"
    assert "scored with" not in table_of_two(older, older, md=False)


# Against BAD, better in four of 20 clips: by a hair more than chance when it is the only one.
CLOSE = [heard("a b x d" if number % 2 or number < 8 else "a x x d", f"clip {number}") for number in range(20)]


TABLE = """\
                  clips    WER main      WER    difference              95 %            p    corrected    better    worse  verdict
test     close       20     37.50 %  32.50 %         -5.00    -9.78 to -0.22        0.041        0.082         4        0  not quite sure
test     good        20     37.50 %   0.00 %        -37.50  -43.53 to -31.47  under 0.001  under 0.001        20        0  better
test     same        20     37.50 %  37.50 %         +0.00                 -        1.000        1.000         0        0  identical
general  same         4     37.50 %  37.50 %         +0.00                 -            -            -         0        0  identical

interval and p are each comparison's own; corrected is p for all 3 together (Holm), and a model is called better or worse where that is under 0.045
drawn: utterances, in test
close, general: without a clip in common
good, general: without a clip in common
same, general: the test sets differ: 16 only in main; compared on the other 4 clips
same, other: not in main
"""  # noqa: E501


def several(md: bool = False) -> list[str]:
    first = side("main", test=BAD, general=BAD)
    others = [side("close", test=CLOSE), side("good", test=GOOD), side("same", test=BAD, general=BAD[:4], other=GOOD)]
    return of_several(first, others, family(first, others), md).splitlines()


def test_several_are_compared_with_the_first_and_judged_together() -> None:
    assert several() == TABLE.splitlines()
    assert [line.removeprefix("- ") for line in several(md=True)[6:]] == TABLE.splitlines()[5:]
    assert several(md=True)[3].startswith("| test    | good  |")


def test_what_is_close_would_be_called_better_if_it_were_the_only_one() -> None:
    assert table_of_two(side("main", test=BAD), side("close", test=CLOSE), md=False).splitlines()[-1] == (
        "test: close is better (drawn: 20 clips)"
    )
    assert [member.verdict for member in family(side("main", test=BAD), [side("close", test=CLOSE)])] == ["better"]
