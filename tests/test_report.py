"""The report: numbers that add up, and a table to read."""

from asr.report import Findings, data_metrics, table

BEFORE = {"wer": 40.0, "cer": 20.0, "substitutions": 30, "deletions": 6, "insertions": 4, "words": 100, "clips": 9}
AFTER = {"wer": 12.5, "cer": 5.25, "substitutions": 10, "deletions": 1, "insertions": 2, "words": 100, "clips": 9}
FINDINGS = Findings(
    validate={"rows": 105, "clips": 100, "rejected": {"silence": 2, "file not found": 3}, "repeated_audio": 1},
    split={
        "dropped": {"not over 1 s": 10},
        "clips": {"train": 71, "validation": 10, "test": 9},
        "speakers": {"train": 7, "validation": 0, "test": 1},
        "hours": {"train": 0.1, "validation": 0.02, "test": 0.01},
        "letters_lost_percent": 0.0,
    },
    features_dropped={"train": 1, "validation": 0, "test": 0},
    train={},
    baseline=BEFORE,
    evaluate=AFTER,
)


def test_every_row_is_rejected_dropped_or_in_a_split() -> None:
    data = data_metrics(FINDINGS)

    assert data["clips"] == {"train": 71, "validation": 10, "test": 9}
    assert data["dropped"] == {"not over 1 s": 10}
    assert data["without_features"] == {"train": 1}
    assert data["rows"] == sum(data["rejected"].values()) + sum(data["dropped"].values()) + sum(data["clips"].values())


def test_the_table() -> None:
    assert table(FINDINGS).splitlines() == [
        "rows in the CSV    105",
        "rejected           5 (2 silence, 3 file not found)",
        "dropped            10 (10 not over 1 s)",
        "train              71 clips, 6.0 min, 7 speakers",
        "validation         10 clips, 1.2 min",
        "test               9 clips, 0.6 min, 1 speaker",
        "without features   1 (1 train)",
        "",
        "                      WER      CER   substituted  deleted  inserted   of words",
        "base model          40.00 %  20.00 %          30        6         4        100",
        "tuned model         12.50 %   5.25 %          10        1         2        100",
        "",
        "WER 40.00 % -> 12.50 % on the test split: solid",
    ]
