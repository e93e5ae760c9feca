"""History: what validation heard after each epoch, worst first."""

from pathlib import Path

import pytest
from transformers import TrainerState

from asr.training.history import KEPT, Diary
from asr.training.validation import HeardClip, Validation


def test_a_diary_keeps_each_epochs_worst_and_says_the_worst_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    utterances = [HeardClip(f"{n}.wav", "a b", "NA", float(100 - n)) for n in range(KEPT + 5)]
    diary = Diary(tmp_path)

    diary(TrainerState(epoch=1.0, global_step=9), Validation(1.0, 50.0, utterances))
    diary(TrainerState(epoch=2.0, global_step=18), Validation(1.0, 50.0, [HeardClip("1.wav", "a b", "", 0.0)], cut_off=3))

    kept = diary.read()
    assert len(kept) == KEPT + 1
    assert list(kept[0].values()) == ["9", "1", "0.wav", "a b", "NA", "100.0"]
    assert list(kept[-1].values()) == ["18", "2", "1.wav", "a b", "", "0.0"]
    assert capsys.readouterr().err.splitlines() == [
        "train:   0.wav: 'a b' heard as 'NA'",
        "train:   1.wav: 'a b' heard as 'NA'",
        "train:   3 hypotheses went on past the longest label's length",
    ]
