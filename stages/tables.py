"""What the two stages share that check tables besides one's own, sets and mix: the parameters, the checks, what is said."""

import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.text import Normalization, Speech, Text
from asr.recordings.clips import Source, check_rows
from asr.recordings.filters import Filtered, filter_clips
from asr.recordings.parameters import Data, Filter
from asr.recordings.rejects import Reject
from asr.tables.table import read_table
from stages.common.decisions import kept_warnings
from stages.common.inspections import inspections_file
from stages.common.machine import read_machine
from stages.common.params import StageParams


class Params(StageParams):
    """What both stages read of params.yaml."""

    data: Data
    filter: Filter
    text: Text
    model: Speech

    @property
    def normalization(self) -> Normalization:
        """What becomes of texts before they are compared."""
        return Normalization.of(self.text, self.model)


@dataclass(frozen=True)
class Named:
    """A table that params.yaml names.

    Attributes:
        key: that names it.
        csv: its path.
        log: how each line that is said of it begins.
        dataset: what decisions.csv calls it.
        may_lack_text: whether its rows may be without a transcript.
    """

    key: str
    csv: str
    log: str
    dataset: str
    may_lack_text: bool = False


@dataclass(frozen=True)
class CheckedTable:
    """A table: its clips, and what became of the other rows."""

    named: Named
    filtered: Filtered
    rejects: list[Reject]

    @property
    def clips(self) -> list[Clip]:
        """The clips that are used."""
        return self.filtered.kept


def check_table(named: Named, params: Params, unpack_to: Path) -> CheckedTable:
    """The usable clips of a table. Its columns may be named as those of data.csv, its paths start at its own folder.

    Raises:
        DataError: when there are none.
    """
    path = Path(named.csv)
    columns = replace(params.data.columns, are_required=False, need_text=not named.may_lack_text)
    table = read_table(path, columns, "auto", unpack_to)
    for line in table.told:
        print(f"{named.log}: {line}", file=sys.stderr)
    folder = table.root or (path if path.is_dir() else path.parent)
    kept = kept_warnings(named.dataset)
    audio = Source(str(folder), "the folder of its table", params.data.channel, kept, may_lack_text=named.may_lack_text)
    checked = check_rows(table.rows, audio, inspections_file(), read_machine().job_engine)
    filtered = filter_clips(checked.clips, params.filter, params.normalization)
    if not filtered.kept:
        reasons = Counter(reject.reason for reject in checked.rejects) + Counter(filtered.dropped)
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        raise DataError(f"{named.key}: none of {named.csv}'s {len(table.rows)} rows is usable ({why or 'it is empty'})")
    return CheckedTable(named, filtered, checked.rejects)
