"""What is told: control characters of names and cells are shown, as a terminal would obey them (ESC begins its commands)."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TextIO, cast

SHOWN = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}
"""C0 and C1 controls. Lines end in one, tables have tabs, and a bar of progress goes back to the begin of its line."""

UPWARDS = re.compile(r"(\x1b\[A)+")
"""So tqdm goes to the line of another bar, where several files are fetched from the hub; it writes nothing else with it."""


@dataclass(frozen=True)
class Shown:
    """A stream of text that writes into another, whose terminal obeys nothing in it. All else is the other's."""

    stream: TextIO

    def write(self, text: str) -> int:
        """Write it; gives its length."""
        self.stream.write(text if UPWARDS.fullmatch(text) else text.translate(SHOWN))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "stream"), name)


def show_controls(*names: Literal["stdout", "stderr"]) -> None:
    """Show them in what this process prints from here on."""
    for name in names:
        stream = getattr(sys, name)
        if not isinstance(stream, Shown):
            setattr(sys, name, cast(TextIO, Shown(stream)))
