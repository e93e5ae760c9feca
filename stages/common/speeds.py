"""Speeds, which are never twice the same: outside of the outputs, where the page finds them."""

import json
from collections.abc import Mapping
from pathlib import Path

from asr.base.hashes import fingerprint
from stages.common.machine import at_home

SPEEDS = Path(".cache/speeds")


def write_speeds(output: Path, speeds: Mapping[str, float]) -> None:
    """Write how fast a stage was, for the page: a script named by the hash of `output`, a file that it has written.

    Where the page does not find it, it shows nothing.
    """
    key = fingerprint({}, [output])
    folder = at_home(SPEEDS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.js").write_text(f'(window.speeds ??= {{}})["{key}"] = {json.dumps(dict(speeds))};\n', encoding="utf-8")


def real_time_factor(taken: float, sound: float) -> float:
    """Seconds of work for a second of sound, to three digits."""
    return float(f"{taken / sound:.3g}")
