"""Words: confusions, and the recall of rare ones."""

from asr.report.words import Confusion, Recall, confusions, recalls, vocabulary
from tests.predictions import scored


def test_the_commonest_confusions_come_first_and_among_equals_words_taken_for_others() -> None:
    rows = scored(["a b c", "a b", "d", "e f"], ["x b y", "x b", "d d", "f"])

    assert confusions(rows, most=10) == [
        Confusion("a", "x", 2),
        Confusion("c", "y", 1),
        Confusion("", "d", 1),
        Confusion("e", "", 1),
    ]


def test_only_so_many_confusions_are_told() -> None:
    assert confusions(scored(["a a b"], ["x x y"]), most=1) == [Confusion("a", "x", 2)]


def test_every_word_of_a_run_is_a_confusion_of_its_own() -> None:
    substituted, left_out, made_up = (
        confusions(scored([said], [heard]), most=9) for said, heard in [("a b", "x y"), ("a a b", ""), ("", "c c")]
    )

    assert substituted == [Confusion("a", "x", 1), Confusion("b", "y", 1)]
    assert left_out == [Confusion("a", "", 2), Confusion("b", "", 1)]
    assert made_up == [Confusion("", "c", 2)]


def test_without_errors_there_are_no_confusions() -> None:
    assert confusions(scored(["a b"], ["a b"]), most=9) == []
    assert confusions([], most=9) == []


def test_a_line_break_or_a_no_break_space_parts_words_as_a_space_does() -> None:
    assert confusions(scored(["a\nb oui\u00a0!"], ["a b oui !"]), most=9) == []
    assert confusions(scored(["oui\u00a0! c"], ["oui c"]), most=9) == [Confusion("!", "", 1)]


def test_vocabulary_counts_words() -> None:
    assert vocabulary(["a b a", "", "b c"]) == {"a": 2, "b": 2, "c": 1}


def test_recall_is_told_by_how_often_training_has_seen_a_word() -> None:
    rows = scored(["new once five six", "new six"], ["new once x six", "y six"])

    assert recalls(rows, {"once": 1, "five": 5, "six": 6}) == {
        "unseen": Recall(words=2, heard=1),
        "rare": Recall(words=2, heard=1),
        "common": Recall(words=2, heard=2),
    }


def test_a_word_heard_in_the_wrong_place_is_not_heard() -> None:
    assert recalls(scored(["a b c d"], ["b c d a"]), {})["unseen"] == Recall(words=4, heard=3)


def test_words_made_up_do_not_raise_the_recall() -> None:
    assert recalls(scored(["a"], ["a a a"]), {})["unseen"] == Recall(words=1, heard=1)


def test_recall_in_percent() -> None:
    assert Recall(words=8, heard=6).percent == 75
    assert Recall(words=0, heard=0).percent is None
