"""Clips: a table's rows checked against their audio. A row is either a usable clip or a reject with its reason."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asr.audio.findings import Finding
from asr.base.entries import Clip, View, in_seconds, view_id
from asr.base.errors import DataError
from asr.base.languages import language_code
from asr.base.text import TIMESTAMP
from asr.machine.engine import Engine
from asr.recordings.inspecting import Inspected, Part, inspect_parts
from asr.recordings.locating import Located, Locator
from asr.recordings.outliers import outliers
from asr.recordings.rejects import EMPTY, SPEECHLESS, Reject, reject
from asr.tables.row import BadRow, Row

CLAIMED = "duration"
"""The column in which NeMo's manifests say how long a clip is."""

MOST_SECONDS_OFF, MOST_SHARE_OFF = 0.5, 0.05
"""A clip may be this much longer or shorter than its row says, whichever is more."""


SPECIAL = re.compile(r"<\|[^|]{0,30}\|>")
"""How Whisper writes what is no text."""


@dataclass(frozen=True)
class Source:
    """Where the rows' files are.

    Attributes:
        root: where their paths start.
        root_name: what the user calls it, for the remedies.
        channel: of all files, where a row names none; None: all channels.
        kept: the path and reason of each warning that somebody has overruled.
        without_speech: the path of each clip in which nobody speaks, as somebody has said. Its transcript is taken for empty.
        may_lack_text: whether a row may be without a transcript although somebody speaks, as a model will hear it.
    """

    root: str
    root_name: str = "data.audio_root"
    channel: int | None = None
    kept: Collection[tuple[str, str]] = frozenset()
    without_speech: Collection[str] = frozenset()
    may_lack_text: bool = False


@dataclass(frozen=True)
class Checked:
    """The rows, parted into clips that are used and rows that are left out, each in the table's order."""

    clips: list[Clip]
    rejects: list[Reject]


@dataclass(frozen=True)
class _Placed:
    """A row whose file is there. `name` is as written, with the part of the file that is meant."""

    row: Row
    name: str
    file: Located
    view: View

    def reject(self, finding: Finding) -> Reject:
        """Leave it out."""
        return reject(self.row.line, self.name, finding, self.file.path, self.view)


def check_rows(rows: Sequence[Row | BadRow], source: Source, kept_in: Path, engine: Engine) -> Checked:
    """Locate every row's file, inspect its audio, and sort the rows into clips and rejects.

    Args:
        rows: the table's.
        source: where their files are.
        kept_in: the file in which inspections are kept.
        engine: where files are decoded.
    """
    locator = Locator(source.root, source.root_name)
    placed = [_place(row, locator, source) for row in rows]
    parts = [Part(each.row.line, each.name, each.file, each.view) for each in placed if isinstance(each, _Placed)]
    inspected = iter(inspect_parts(parts, kept_in, engine))
    judged = [_judge(each, next(inspected), source) if isinstance(each, _Placed) else each for each in placed]
    named = list(_name_clips(placed, judged))
    odd = outliers([each for each in named if isinstance(each, Clip) and each.text])
    results = [
        _weigh(place, result, odd[result.id], source)
        if isinstance(place, _Placed) and isinstance(result, Clip) and result.id in odd
        else result
        for place, result in zip(placed, named, strict=True)
    ]
    return Checked([each for each in results if isinstance(each, Clip)], [each for each in results if isinstance(each, Reject)])


def require_enough(checked: Checked, min_clips: int, max_reject_share: float) -> None:
    """Stop when too little is usable.

    Raises:
        DataError: naming the commonest reasons.
    """
    clips, rejects = checked.clips, checked.rejects
    total = len(clips) + len(rejects)
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(r.reason for r in rejects).most_common())
    first = "".join(f"\n  line {r.line}: {r.path}: {r.detail}; {r.remedy}" for r in rejects[:5])
    why = f" ({reasons}){first}" if rejects else ""
    if len(clips) < min_clips:
        raise DataError(f"{len(clips)} of {total} rows are usable, data.min_clips asks for {min_clips}{why}")
    if len(rejects) > max_reject_share * total:
        raise DataError(
            f"{len(rejects)} of {total} rows are left out, more than data.max_reject_share {max_reject_share:g}{why}"
        )


def _place(row: Row | BadRow, locator: Locator, source: Source) -> _Placed | Reject:
    if isinstance(row, BadRow):
        return Reject(row.line, row.audio, "refuse", row.reason, row.detail, row.remedy)
    view = View(row.start, row.end, source.channel if row.channel is None else row.channel)
    name = _named(row.audio, view)
    file = locator.find(row.audio)
    if isinstance(file, Finding):
        return reject(row.line, name, file)
    placed = _Placed(row, name, file, view)
    if name in source.without_speech:
        placed = _Placed(replace(row, text=""), name, file, view)
    elif not row.text and not source.may_lack_text:
        return placed.reject(Finding("refuse", EMPTY, "no text", "transcribe the clip or remove the row"))
    elif (command := SPECIAL.search(TIMESTAMP.sub("", row.text))) is not None:
        detail = f"{command[0]} would be a command to the model, and no text"
        return placed.reject(Finding("refuse", "special token in the transcript", detail, "take it out"))
    if row.language is not None and language_code(row.language) is None:
        remedy = "write a code or a name that Whisper knows, such as nl or dutch"
        return placed.reject(Finding("refuse", "unknown language", f"Whisper doesn't know {row.language}", remedy))
    return placed


def _named(audio: str, view: View) -> str:
    parts = []
    if view.start is not None or view.end is not None:
        end = "the end" if view.end is None else f"{in_seconds(view.end)} s"
        parts.append(f"{in_seconds(view.start or 0)} to {end}")
    if view.channel is not None:
        parts.append(f"channel {view.channel}")
    return f"{audio} ({', '.join(parts)})" if parts else audio


def _judge(place: _Placed, found: Inspected | Finding, source: Source) -> Clip | Reject:
    if isinstance(found, Finding):
        return place.reject(found)
    row, view, sound = place.row, place.view, found.sound
    clip = Clip(
        view_id(found.audio_hash, view), row.line, place.file.path, found.audio_hash, round(sound.seconds, 4),
        sound.rate, sound.channels, row.text, row.speaker, row.extra, view.start, view.end, view.channel,
        row.language and language_code(row.language), sound.peak_db, sound.bandwidth, sound.fingerprint, sound.sounding_seconds,
    )  # fmt: skip
    is_spoken = row.text or source.may_lack_text
    heard = [finding for finding in sound.findings if is_spoken or finding.reason not in SPEECHLESS]
    return _weigh(place, clip, [*heard, *_other_length(row, sound.seconds)], source)


def _other_length(row: Row, seconds: float) -> Iterator[Finding]:
    try:
        claimed = float(row.extra[CLAIMED])
    except (KeyError, ValueError):
        return
    if abs(claimed - seconds) > max(MOST_SECONDS_OFF, MOST_SHARE_OFF * seconds):
        detail = f"{seconds:.2f} s, where the column {CLAIMED} has {claimed:.2f}"
        yield Finding("warn", "other length than its row says", detail, "see whether it is the right file")


def _weigh(place: _Placed, clip: Clip, findings: Sequence[Finding], source: Source) -> Clip | Reject:
    """Leave a clip out for the worst of what was found, or use it and note all of it."""
    for finding in findings:
        if finding.severity == "refuse":
            return place.reject(finding)
    for finding in findings:
        if finding.severity == "warn" and (place.name, finding.reason) not in source.kept:
            return place.reject(finding)
    return replace(clip, notes=[*clip.notes, *(finding.reason for finding in findings)])


def _name_clips(places: Iterable[_Placed | Reject], results: Iterable[Clip | Reject]) -> Iterator[Clip | Reject]:
    """Give repeated audio ids of its own; the same audio under two speakers could straddle splits, so it is refused."""
    seen: dict[str, Clip] = {}
    repeats: Counter[str] = Counter()
    for place, result in zip(places, results, strict=True):
        if isinstance(place, Reject) or isinstance(result, Reject):
            yield result
            continue
        first = seen.setdefault(result.id, result)
        repeats[result.id] += 1
        number = repeats[result.id]
        if first.speaker != result.speaker and (first.text or result.text):
            detail = f"same audio as line {first.line}, there spoken by {first.speaker or 'nobody'}"
            yield place.reject(Finding("refuse", "audio of two speakers", detail, "correct one of the two rows"))
        else:
            yield result if number == 1 else replace(result, id=f"{result.id}-{number}")
