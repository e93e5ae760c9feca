"""Columns: which of a table's columns is what, by the names that were given or by the usual ones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from asr.base.errors import DataError
from asr.tables.row import shown

USUAL = {
    "audio": tuple(
        """audios audio path file file_name filename audio_file audio_path audio_filepath audio_filename file_path filepath wav
        wav_path wav_file wav_filename clip""".split()
    ),
    "text": ("transcription", "text", "sentence", "transcript", "transcriptions", "transcripts", "utterance"),
    "speaker": ("speaker", "speaker_id", "speaker_name", "client_id", "spk", "spk_id"),
    "language": ("language", "lang", "locale"),
    "start": ("start", "start_time", "offset"),
    "end": ("end", "end_time"),
    "duration": ("duration",),
    "channel": ("channel",),
}
"""What columns are called, in small letters; the first of these that is there is taken."""

NOUNS = {"audio": "audio", "text": "transcript", "speaker": "speaker", "language": "language"}
"""What the four columns that can be named hold."""

MOST_COLUMNS = 1_000
MOST_LISTED = 20
MOST_LOOKED_FOR = 6

SPEAKERLESS = "the split and the intervals know no speakers"


@dataclass(frozen=True)
class ColumnNames:
    """The columns as params.yaml names them. None: found by its usual names.

    `are_required`: whether a column that is named must be there; otherwise it is looked for by its usual names then.
    `need_text`: whether there must be transcripts; otherwise a table may be without a column of them.
    """

    audio: str | None = None
    text: str | None = None
    speaker: str | None = None
    language: str | None = None
    are_required: bool = field(default=True, kw_only=True)
    need_text: bool = field(default=True, kw_only=True)

    @property
    def given(self) -> set[str]:
        """The names."""
        return {name for name in (self.audio, self.text, self.speaker, self.language) if name is not None}


@dataclass(frozen=True)
class Columns:
    """The positions of the columns, counted from 0; None: the table has no such column.

    `end` and `duration` go with `start`, and there is one of the two at most. `extra` has the names and positions of the rest,
    and of the duration, which is also what the table says of the whole file where a row has no start.
    """

    audio: int
    text: int | None = None
    speaker: int | None = None
    language: int | None = None
    start: int | None = None
    end: int | None = None
    duration: int | None = None
    channel: int | None = None
    extra: tuple[tuple[str, int], ...] = ()

    @property
    def limited(self) -> tuple[tuple[str, int], ...]:
        """What the columns hold that can be named, and their positions: what is in them can't be of any length."""
        positions = ((noun, getattr(self, role)) for role, noun in NOUNS.items())
        return tuple((noun, position) for noun, position in positions if position is not None)

    def name(self, position: int) -> str:
        """What a column is called in a message: by what it holds, or else by its name or number."""
        for role in USUAL:
            if getattr(self, role) == position:
                return f"the {NOUNS.get(role, role)}"
        return next((f"column {name}" for name, place in self.extra if place == position), f"column {position + 1}")

    @property
    def read(self) -> tuple[int, ...]:
        """The positions of all columns but the extra ones."""
        return tuple(position for role in USUAL if (position := getattr(self, role)) is not None)


def find_columns(header: Sequence[str], source: str, named: ColumnNames) -> tuple[Columns, list[str]]:
    """Find the columns.

    Args:
        header: the table's column names.
        source: its place, for messages.
        named: the names that were given.

    Returns:
        the columns, and what is worth telling about how they were found.

    Raises:
        DataError: when there are too many, or a column that is needed is missing or there twice.
    """
    names = [name.strip() for name in header]
    if len(names) > MOST_COLUMNS:
        raise DataError(f"{source}: {len(names):,} columns, more than {MOST_COLUMNS:,}; is it a table of clips?")
    found: dict[str, int] = {}
    told: list[str] = []
    problems: list[str] = []
    for role, usual in USUAL.items():
        name: str | None = getattr(named, role, None)
        is_needed = role == "audio" or (role == "text" and named.need_text) or (name is not None and named.are_required)
        if name is not None and (named.are_required or name in names):
            positions = [names.index(name)] if name in names else []
        else:
            positions = _usual(names, usual, named)
        if positions:
            found[role] = positions[0]
            others = [names[position] for position in positions[1:] if names[position] != names[positions[0]]]
            if others and role in NOUNS:
                told.append(f"the {NOUNS[role]} is the column {names[positions[0]]}; {listed(others)} is there, too")
        elif is_needed:
            tried = usual if name is None else (name,)
            more = " / …" if len(tried) > MOST_LOOKED_FOR else ""
            problems.append(
                f"no {role} column: looked for {' / '.join(tried[:MOST_LOOKED_FOR])}{more} (set data.{role}_column)"
            )
    if problems:
        raise DataError(f"{source}: {'; '.join(problems)}; the columns are {listed(names)}")
    told += _settle_times(found, names)
    if "speaker" not in found:
        told.append(f"no speaker column: {SPEAKERLESS}")
    _require_once(names, found, source)
    extra, renamed = _extra(names, {position for role, position in found.items() if role != "duration"})
    return Columns(**found, extra=extra), told + renamed


def is_usual(name: str, *roles: str) -> bool:
    """Whether a column may go by this name that has one of these roles; without any: audio or transcripts."""
    return any(_plain(name) in USUAL[role] for role in roles or ("audio", "text"))


def listed(names: Sequence[str]) -> str:
    """The first names, for a message."""
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(shown(name) or "(no name)" for name in names[:MOST_LISTED]) + more or "none"


def _usual(names: Sequence[str], usual: Sequence[str], named: ColumnNames) -> list[int]:
    """The positions of the columns that go by one of these names and are not named for something else, the likeliest first."""
    free = ((position, _plain(name)) for position, name in enumerate(names) if name not in named.given)
    places = [(usual.index(plain), position) for position, plain in free if plain in usual]
    return [position for _, position in sorted(places)]


def _plain(name: str) -> str:
    """As in USUAL: `File name` is `file_name`."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _settle_times(found: dict[str, int], names: Sequence[str]) -> list[str]:
    """Keep of the columns of times those that say where a clip starts and ends; the others are extra, and told."""
    if "start" in found and "end" in found:
        found.pop("duration", None)
    if "start" in found and ("end" in found or "duration" in found):
        return []
    alone = [role for role in ("start", "end") if role in found]
    told = [
        f"the column {names[found[role]]} is not used: times come in pairs (start and end, offset and duration)"
        for role in alone
    ]
    # A duration alone is what a whole file is said to have.
    for role in (*alone, "duration"):
        found.pop(role, None)
    return told


def _require_once(names: Sequence[str], found: dict[str, int], source: str) -> None:
    twice = sorted({names[position] for position in found.values() if names.count(names[position]) > 1})
    if twice:
        raise DataError(f"{source}: two columns are named {listed(twice)}; rename one")


def _extra(names: Sequence[str], taken: set[int]) -> tuple[tuple[tuple[str, int], ...], list[str]]:
    """Name the other columns: one whose name was there before by name and number, one without a name not at all."""
    extra: list[tuple[str, int]] = []
    seen: Counter[str] = Counter()
    for position, name in enumerate(names):
        if position not in taken and name:
            seen[name] += 1
            extra.append((name if seen[name] == 1 else f"{name}_{seen[name]}", position))
    told = [
        f"several columns are named {shown(name)}; they are kept as {shown(name)}, {shown(name)}_2 …"
        for name, count in seen.items()
        if count > 1
    ]
    nameless = [position + 1 for position, name in enumerate(names) if position not in taken and not name]
    if nameless:
        told.append(f"columns without a name are left out: {', '.join(map(str, nameless[:MOST_LISTED]))}")
    return tuple(extra), told
