"""History: what validation heard after each epoch, worst first; and which runs lead nowhere."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from transformers import TrainerState

from asr.training.callbacks import best_of, divergence
from asr.training.history import outcome
from asr.training.validation import KEPT, Diary, HeardClip, Validation


def test_a_diary_keeps_each_epochs_worst_and_says_the_worst_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    utterances = [HeardClip(f"{n}.wav", "a b", "NA", float(100 - n)) for n in range(KEPT + 5)]
    diary = Diary(tmp_path)

    diary(TrainerState(epoch=1.0, global_step=9), Validation(1.0, 50.0, utterances))
    diary(
        TrainerState(epoch=2.0, global_step=18),
        Validation(1.0, 50.0, [HeardClip("1.wav", "a b", "", 0.0)], cut_off=3, looping=2),
    )

    kept = diary.read()
    assert len(kept) == KEPT + 1
    assert list(kept[0].values()) == ["9", "1", "0.wav", "a b", "NA", "100.0"]
    assert list(kept[-1].values()) == ["18", "2", "1.wav", "a b", "", "0.0"]
    assert capsys.readouterr().err.splitlines() == [
        "train:   0.wav: 'a b' heard as 'NA'",
        "train:   1.wav: 'a b' heard as 'NA'",
        "train:   3 hypotheses went on for longer than their clips can hold",
        "train:   2 hypotheses went round in a loop",
    ]


def test_what_comes_out_is_worth_using_or_not_whatever_the_best_epoch_is() -> None:
    best = "the best step is 44, validation WER 5.0 %, before the first 30.0 %"

    assert outcome(44, 5.0, 29.0, 30.0, "WER") == [best]
    assert [line[:79] for line in outcome(44, 5.0, 30.5, 30.0, "WER")] == [
        best,
        "the model is no better than the base model: validation WER 30.0 % -> 30.5 %. Tr",
    ]


WHISPER = 51_865


def log(losses: Sequence[float], validated: Sequence[float] = ()) -> list[dict[str, float]]:
    return [*({"step": n, "loss": loss} for n, loss in enumerate(losses)), *({"eval_loss": loss} for loss in validated)]


@pytest.mark.parametrize(
    "losses",
    [
        [0.186, 0.336, 419_684.1, 582_950.8, 629_575.0],  # the bundled model at a rate of 100
        [0.2, 0.3, 5.6, 6.1, 6.0],  # what is left when all that it knew is gone
        [0.2, math.nan, math.nan, math.nan],
        [math.nan, math.nan, math.nan, math.nan],
        [9.0, 28.0, 40.0, 31.0],
        [0.2, *[0.1] * 500, math.inf, math.inf, math.inf],
    ],
)
def test_a_loss_that_has_left_the_first_for_good_is_told(losses: list[float]) -> None:
    assert divergence(log(losses[:-1]), WHISPER) is None
    told = divergence(log(losses), WHISPER)

    assert told == f"the loss was {losses[0]:.3g} at first and is {losses[-1]:.3g}"


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [0.2],
        [0.01, 0.3, 0.4, 0.2, 0.5, 0.3],  # small at first, as it was pretrained on such clips
        [11.2, 10.9, 12.5, 9.0, 8.0, 7.5],  # random weights
        [8.9, 14.0, 12.0, 9.0, 5.0],  # a model that knows whole windows alone, in fitted ones
        [0.2, 0.3, 900.0, 700.0, 0.4, 0.3],
        [0.2, 50.0, 60.0, 0.3, 50.0, 60.0],
        [1.5, 2.0, 4.9, 5.2, 5.0, 3.0],  # a rate that is warming up
        [math.nan, 0.3, 0.2, 0.2],  # fp16 at its first scale
        [0.3, math.inf, math.nan, 0.2],
    ],
)
def test_a_loss_that_is_only_rough_is_none_of_it(losses: list[float]) -> None:
    assert all(divergence(log(losses[:length]), WHISPER) is None for length in range(len(losses) + 1))


def test_validation_after_an_epoch_tells_it_too() -> None:
    assert divergence(log([0.2, 700.0], [0.1]), WHISPER) is None
    assert divergence(log([0.2, 700.0], [0.1, 625_770.8]), WHISPER) == "validation's loss was 0.1 at first and is 6.26e+05"
    assert divergence(log([0.2], [0.1, math.nan]), WHISPER) == "validation's loss was 0.1 at first and is nan"
    assert divergence(log([0.2], [2.5, 1.0, 4.0]), WHISPER) is None


def test_the_base_model_is_no_epoch() -> None:
    history = [{"step": 0, "eval_error_rate": 10.0}, {"step": 4, "loss": 1.0}, {"step": 4, "eval_error_rate": 12.0}]

    assert best_of(history) == (10.0, 12.0)
