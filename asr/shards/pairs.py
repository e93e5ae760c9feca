"""Pairs: clips' features joined with their transcripts."""

from collections.abc import Sequence

from asr.base.entries import TextEntry
from asr.base.errors import DataError
from asr.shards.reader import StoredFeatures, StoredFrames


def pair(features: StoredFeatures, texts: Sequence[TextEntry]) -> tuple[StoredFrames, list[TextEntry]]:
    """Match transcripts to features by clip id.

    Returns:
        frames, and the transcript of each: one for every stored copy of its clip. Clips that were dropped when features were
        extracted (they are named in the shards' manifest) are left out.

    Raises:
        DataError: when a transcript's clip is in neither.
    """
    where: dict[str, list[int]] = {}
    for position, clip_id in enumerate(features.ids):
        where.setdefault(clip_id, []).append(position)
    gone = {clip.id for clip in features.dropped}
    unknown = [text.path for text in texts if text.id not in where and text.id not in gone]
    if unknown:
        raise DataError(
            f"{len(unknown)} clips have no features in {features.folder} (the first: {unknown[0]}); run `dvc repro`"
        )
    paired = [(position, text) for text in texts for position in where.get(text.id, [])]
    return features.at([position for position, _ in paired]), [text for _, text in paired]
