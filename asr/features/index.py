"""The index: in which shard, and where in it, the features of a clip are that some run has computed."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from asr.shards.records import Record, name_of


class Found(NamedTuple):
    """A clip's rows in a shard: the first of them and how many, or, where it has none, the reason.

    `name` is that of the shard's record, `modified_ns` the time when the shard's bytes were right.
    """

    name: str
    sha256: str
    modified_ns: int | None
    first: int
    rows: int
    reason: str


class Index:
    """Records of shards whose features were all made in the same way, by chunk and by clip."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Read them; where two have a clip, either will do. What is to be tried again counts as not found."""
        self._chunks: dict[str, Record] = {}
        self._clips: dict[str, Found] = {}
        for record in records:
            name, first = record.name, 0
            if not any(held.again for held in record.clips):
                self._chunks[name] = record
            for held in record.clips:
                if not held.again:
                    self._clips[held.key] = Found(name, record.sha256, record.modified_ns, first, held.rows, held.reason)
                first += held.rows

    def chunk(self, keys: Sequence[str]) -> Record | None:
        """The record of a shard that holds exactly these clips, in this order."""
        return self._chunks.get(name_of(keys))

    def clip(self, key: str) -> Found | None:
        """Where a clip is."""
        return self._clips.get(key)
