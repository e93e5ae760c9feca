"""Limits: loops end alone and real speech does not, whatever shares the batch; nothing else is changed by them."""

import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from transformers import LogitsProcessorList

from asr.base.sections import parse
from asr.model import transcribe as transcribing
from asr.model.limits import ANY_PACE, EVERY, Limit, Pace, cut, ends_in_loop
from asr.model.parameters import Decode
from asr.model.stopping import AtLimit
from asr.model.transcribe import Hypothesis, transcribe
from asr.model.whisper import Whisper, load
from tests.sounds import byte_tokenizer, write_tiny_whisper
from tests.test_transcribe import DECODE

ZERO, NO, REFRAIN = [7], [8, 9], [11, 12, 13, 14, 15, 16]
SENTENCE = list(range(100, 130))


@pytest.mark.parametrize(
    "tokens",
    [
        ZERO * 24,
        [1, 2, 3] + NO * 12,
        [1, 2, 3] + REFRAIN * 4,
        SENTENCE * 3,
        (REFRAIN * 20)[:-4],
        list(range(60)) + list(range(200, 240)) * 3,
    ],
)
def test_the_same_three_times_and_for_longer_than_a_short_clip_holds_is_a_loop(tokens: list[int]) -> None:
    assert ends_in_loop(tokens, 24)


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [1],
        ZERO * 23,  # ten digits alike are seen on forms
        NO * 11,
        REFRAIN * 3,
        SENTENCE * 2,
        [*SENTENCE, 1, *SENTENCE, 2, *SENTENCE],
        ZERO * 50 + [1],  # it went on
        list(range(41)) * 5,
    ],
)
def test_less_is_none(tokens: list[int]) -> None:
    assert not ends_in_loop(tokens, 24)


def test_who_has_the_time_to_say_it_over_and_over_is_let_finish() -> None:
    """Half a minute of a refrain, at three tokens a second, and of zeros at 14 bytes a second, where the fastest say 20."""
    pace = Pace(20.0)

    assert not ends_in_loop(REFRAIN * 15, pace.limit(30.0, 444).loop)
    assert not ends_in_loop(ZERO * 84, pace.limit(30.0, 444).loop)
    assert ends_in_loop(ZERO * 120, pace.limit(30.0, 444).loop)


def test_a_limit_follows_the_clip_up_to_what_there_is_room_for() -> None:
    assert Pace(20.0).limit(3.0, 444) == Limit(tokens=92, loop=24)
    assert Pace(20.0).limit(12.05, 444) == Limit(tokens=273, loop=49)
    assert Pace(20.0).limit(30.0, 444) == Limit(tokens=444, loop=120)
    assert Pace(0.0).limit(0.1, 444) == Limit(tokens=32, loop=24)


def test_looking_for_loops_takes_no_time() -> None:
    """A batch of 64 clips of which none loops, over 444 tokens, where a decoder takes seconds."""
    rows = torch.from_numpy(np.random.default_rng(0).integers(0, 20, (64, 448)))
    ends = AtLimit([Limit(444, 24)] * 64, torch.device("cpu"))
    start = time.process_time()
    for length in range(5, 448):
        ends(rows[:, :length], None)

    assert time.process_time() - start < 2


class Script:
    """Has each clip say what is written for it, then end."""

    def __init__(self, scripts: list[list[int]], end: int) -> None:
        self._scripts, self._end, self._begin = scripts, end, -1
        self.steps = 0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of shape (clips times beams, vocabulary)."""
        self._begin = input_ids.shape[1] if self._begin < 0 else self._begin
        self.steps = input_ids.shape[1] - self._begin + 1
        said = torch.full_like(scores, -100.0 * self.steps)  # beams differ early, where that is cheap
        for row, script in enumerate(self._scripts):
            beams = len(scores) // len(self._scripts)
            said[row * beams : (row + 1) * beams, [*script, *[self._end] * 600][self.steps - 1]] = 0.0
        return said


@pytest.fixture
def whisper(tmp_path: Path) -> Whisper:
    found = load(str(write_tiny_whisper(tmp_path / "tiny")), None, "transcribe")
    found.model.eval()
    return found


def said(whisper: Whisper, scripts: list[str], seconds: float = 0.6, pace: Pace = ANY_PACE, **decode: object) -> Any:
    """What is heard of clips that say this, and the steps that it took."""
    tokens = [byte_tokenizer().encode(script, add_special_tokens=False) for script in scripts]
    script = Script(tokens, whisper.model.generation_config.eos_token_id)
    options = parse(Decode, {**DECODE, "max_new_tokens": 60, **decode}, "params.yaml")
    generate = whisper.model.generate
    clips = [np.zeros((round(100 * seconds), 80), np.float16)] * len(scripts)
    with patch.object(
        whisper.model, "generate", lambda *a, **k: generate(*a, logits_processor=LogitsProcessorList([script]), **k)
    ):
        return transcribe(whisper, clips, options, pace=pace), script.steps


@pytest.mark.parametrize("beams", [1, 3])
def test_a_clip_that_loops_ends_alone_and_no_longer_holds_its_batch(whisper: Whisper, beams: int) -> None:
    heard, steps = said(whisper, ["good morning", "ab" * 30, "x"], pace=Pace(40.0), num_beams=beams)

    assert heard == [
        Hypothesis("good morning", is_cut_off=False),
        Hypothesis("ab" * 12, is_cut_off=False, has_loop=True),
        Hypothesis("x", is_cut_off=False),
    ]
    assert steps <= 24 + EVERY


@pytest.mark.parametrize("beams", [1, 3])
def test_each_clip_of_a_batch_has_its_own_limit(whisper: Whisper, beams: int) -> None:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    short, _ = said(whisper, [letters, "x"], seconds=0.1, pace=Pace(30.0), num_beams=beams)
    longer, _ = said(whisper, [letters, letters[:40]], seconds=0.5, pace=Pace(30.0), num_beams=beams)

    assert short == [Hypothesis(letters[:35], is_cut_off=True), Hypothesis("x", is_cut_off=False)]
    assert longer == [Hypothesis(letters[:47], is_cut_off=True), Hypothesis(letters[:40], is_cut_off=False)]


def test_clips_of_unequal_length_in_one_batch_end_at_their_own_limits(whisper: Whisper) -> None:
    limits = [Limit(tokens, 24) for tokens in (30, 10, 20)]
    ends = AtLimit(limits, torch.device("cpu"))
    rows = torch.arange(3 * 40).reshape(3, 40)

    found = [ends(rows[:, :length], None).tolist() for length in (4, 12, 13, 23, 33)]

    assert found == [
        [False, False, False],
        [False, False, False],
        [False, True, False],
        [False, True, True],
        [True, True, True],
    ]


def test_each_hypothesis_of_a_clip_is_looked_at() -> None:
    loop, other = ZERO * 24, list(range(24))
    ends = AtLimit([Limit(100, 24), Limit(100, 25)], torch.device("cpu"))
    ends(torch.tensor([[50, 1]] * 6), None)

    found = ends(torch.tensor([[50, *row] for row in (loop, other, loop, loop, other, other)]), None)

    assert found.tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize("beams", [1, 3])
def test_what_does_not_loop_is_heard_to_the_very_token(whisper: Whisper, beams: int) -> None:
    scripts = ["no no no no no no no", "zero zero", "", "a" * 20 + "b" * 20, "x" * 23]

    heard, _ = said(whisper, scripts, num_beams=beams)
    with patch.object(transcribing, "AtLimit", lambda *_: lambda ids, scores, **_k: torch.zeros(len(ids), dtype=torch.bool)):
        expected, _ = said(whisper, scripts, num_beams=beams)

    assert heard == expected == [Hypothesis(script, is_cut_off=False) for script in scripts]


def test_what_nothing_has_ended_is_cut_where_decoding_would_have_ended_it() -> None:
    limit = Limit(100, 24)
    loop = [1, 2, 3, *[7, 8] * 60]
    said = list(range(90))

    criterion, ids = AtLimit([limit], torch.device("cpu")), [0]
    for token in loop:
        ids.append(token)
        if criterion(torch.tensor([ids]), None).item():
            break
    assert list(cut(loop, limit)) == ids[1:]
    assert len(ids) < 40
    assert list(cut(said, limit)) == said
    assert list(cut([*said, *range(200, 300)], limit)) == [*said, *range(200, 210)]
