"""The clock of the training benches."""

import time
from collections.abc import Callable
from typing import Any

import torch


class Clock:
    """Seconds of each step, from asking the loader for it to the end of the optimiser's work, and of the waiting among them."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.waits: list[float] = []
        self._start: float | None = None

    def load(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps what asks the loader for a step."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.stop()
            self._start = time.perf_counter()
            loaded = whole(*args, **kwargs)
            self.waits.append(time.perf_counter() - self._start)
            return loaded

        return timed

    @property
    def seconds(self) -> float:
        """Of all steps but the first, which warms up."""
        return sum(self.steps[1:])

    @property
    def waited(self) -> float:
        """Seconds among them in which the loader was waited for."""
        return sum(self.waits[1:])

    def after(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps what comes after an epoch's last step."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.stop()
            return whole(*args, **kwargs)

        return timed

    def stop(self) -> None:
        """The step is over."""
        if self._start is not None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.steps.append(time.perf_counter() - self._start)
            self._start = None
