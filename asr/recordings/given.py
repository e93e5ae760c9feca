"""Given splits: which clip a column of the data itself puts into which split."""

from collections.abc import Sequence
from dataclasses import dataclass

from asr.base.entries import Clip
from asr.base.errors import DataError
from asr.base.names import split_named

AUTO = "auto"
COLUMNS = ("split", "set")
MOST_TOLD = 10


@dataclass(frozen=True)
class Given:
    """What the data says.

    Attributes:
        splits: of each clip; None where nothing is said.
        column: that says it; None when there is none.
        doubt: why a column that looks as if it said so isn't believed.
    """

    splits: Sequence[str | None]
    column: str | None = None
    doubt: str | None = None


def given_splits(clips: Sequence[Clip], column: str | None) -> Given:
    """Read the column of that name; with AUTO one of COLUMNS, if all its values are known; with None no column.

    Raises:
        DataError: when a column that was named isn't there, says nothing, or has a value that is no split's name.
    """
    if column == AUTO:
        return _found(clips)
    if column is None:
        return Given([None] * len(clips))
    if not any(column in clip.extra for clip in clips):
        raise DataError(f"split.column: there is no column {column}; the columns are {', '.join(_columns(clips)) or 'none'}")
    unknown = _unknown(clips, column)
    if unknown:
        lines = "".join(f"\n  line {clip.line}: {clip.extra[column]}" for clip in unknown[:MOST_TOLD])
        more = f"\n  and {len(unknown) - MOST_TOLD} more" if len(unknown) > MOST_TOLD else ""
        raise DataError(
            f"split.column: {len(unknown)} rows have no split's name in column {column}; write train, validation or test, or "
            f"nothing{lines}{more}"
        )
    splits = [_split(clip, column) for clip in clips]
    if not any(splits):
        raise DataError(f"split.column: column {column} is blank in every row; set split.column to null to draw all splits")
    return Given(splits, column)


def _found(clips: Sequence[Clip]) -> Given:
    doubt = None
    for usual in COLUMNS:
        for column in [name for name in _columns(clips) if name.strip().casefold() == usual]:
            splits, unknown = [_split(clip, column) for clip in clips], _unknown(clips, column)
            if any(splits) and not unknown:
                return Given(splits, column)
            if any(splits) and doubt is None:
                doubt = (
                    f"column {column} is passed over, as line {unknown[0].line} says {unknown[0].extra[column]}, which is no "
                    f"split's name; correct it, or set split.column to null"
                )
    return Given([None] * len(clips), doubt=doubt)


def _columns(clips: Sequence[Clip]) -> list[str]:
    return list(dict.fromkeys(name for clip in clips for name in clip.extra))


def _split(clip: Clip, column: str) -> str | None:
    return split_named(clip.extra.get(column, ""))


def _unknown(clips: Sequence[Clip], column: str) -> list[Clip]:
    return [clip for clip in clips if clip.extra.get(column, "").strip() and _split(clip, column) is None]
