"""Stopping: a batch in which each clip ends at its own limit."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asr.model.limits import EVERY, LONGEST_PERIOD, SHORTEST_LOOP, TIMES, Limit, ends_in_loop


class AtLimit:
    """A stopping criterion for `generate`: ends each clip of a batch by itself, at its limit or when it loops. The others are
    decoded as if it were not there.

    With beams a hypothesis that loops competes as one does that is whole. It would have won by more later on, as a loop is the
    likelier the longer it is.
    """

    def __init__(self, limits: Sequence[Limit], device: torch.device) -> None:
        """
        Args:
            limits: of the clips, in their order.
            device: of the tokens.
        """
        self._limits = limits
        self._most = torch.tensor([limit.tokens for limit in limits], device=device)
        self._looked_at = max(TIMES * LONGEST_PERIOD, *(limit.loop for limit in limits))
        self._prompt = -1  # tokens, once something has been written

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Say which rows end, of shape (clips times hypotheses of each, prompt and tokens so far)."""
        if self._prompt < 0:
            self._prompt = input_ids.shape[1] - 1
        written, each = input_ids.shape[1] - self._prompt, len(input_ids) // len(self._limits)
        ended = (self._most <= written).repeat_interleave(each)
        if written >= SHORTEST_LOOP and written % EVERY == 0:
            rows = enumerate(input_ids[:, max(self._prompt, input_ids.shape[1] - self._looked_at) :].tolist())
            ended |= torch.tensor([ends_in_loop(row, self._limits[n // each].loop) for n, row in rows], device=ended.device)
        return ended
