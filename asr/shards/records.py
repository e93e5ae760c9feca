"""Records: which clips a finished shard holds, known without opening it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Held(NamedTuple):
    """What a shard holds of a clip: its key, and how many rows, one for each copy.

    Of a clip that has none, the reason, and whether that may be another the next time: a decoder can fail for want of memory.
    """

    key: str
    rows: int
    reason: str = ""
    again: bool = False


@dataclass(frozen=True)
class Record:
    """What is known of a finished shard without opening it.

    `clips` are in the order of its rows. `modified_ns` is the file's time when its bytes were last known to be right; None in
    an object store, which has checksums of its own.
    """

    sha256: str
    size: int
    clips: tuple[Held, ...]
    modified_ns: int | None = None

    @property
    def rows(self) -> int:
        """How many rows the shard has."""
        return sum(held.rows for held in self.clips)

    @property
    def name(self) -> str:
        """See `name_of`. Shards of other clips may have equal bytes, as all do that are empty."""
        return name_of([held.key for held in self.clips])


def name_of(keys: Sequence[str]) -> str:
    """The name under which the record of a shard of these clips is filed."""
    return hashlib.blake2b(" ".join(keys).encode(), digest_size=16).hexdigest()


def to_json(record: Record) -> bytes:
    """Write a record, with a checksum: a damaged one would give a clip another's rows."""
    values = asdict(record)
    return json.dumps({**values, "checksum": _checksum(values)}).encode()


def to_record(content: bytes) -> Record | None:
    """Read what `to_json` wrote; None for anything else."""
    try:
        values = json.loads(content)
        if values.pop("checksum") != _checksum(values):
            return None
        return Record(**{**values, "clips": tuple(Held(*held) for held in values["clips"])})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _checksum(values: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()
