"""Write down what the base model hears in the clips of train.mix that have no transcript, which is learned in its place.

Reads their features and data/mix/text.jsonl; writes data/mix/heard.jsonl, a row for each such clip. Where the model goes round
in a loop, is cut off or writes nothing, its row says so, and the clip is not learned.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.base.entries import HeardByBase, TextEntry
from asr.base.files import read_rows, write_rows
from asr.model.parameters import Model, greedy
from stages.common.commit import base_commit
from stages.common.machine import read_machine
from stages.common.params import StageParams, read_params

if TYPE_CHECKING:
    from asr.model.transcribe import Hypothesis

TEXT, FEATURES = Path("data/mix/text.jsonl"), Path("data/features/mix")
HEARD = Path("data/mix/heard.jsonl")

MOST_TOKENS = 444
"""All that the released models have room for."""


class Params(StageParams):
    """What this stage reads of params.yaml."""

    model: Model


def main() -> None:
    """Hear each of them; with none, torch is not even imported."""
    texts = [text for text in read_rows(TEXT, TextEntry) if not text.raw_text]
    rows = hear(texts, read_params(Params).model) if texts else []
    write_rows(HEARD, rows)
    if texts:
        print(f"listen: {said(rows, len(texts))}", file=sys.stderr)


def hear(texts: Sequence[TextEntry], settings: Model) -> list[HeardByBase]:
    """Hear the first copy of each clip, in the window that the base model itself was trained in."""
    from asr.machine.device import pick_device, pick_precision  # here, as torch takes seconds
    from asr.model.precision import hearing_in
    from asr.model.transcribe import transcribe
    from asr.model.whisper import languages_of, load, require_in_window, require_same_mels
    from asr.shards.pairs import pair
    from asr.shards.reader import StoredFeatures

    whisper = load(settings.name, settings.language, settings.task, base_commit(settings))
    features = StoredFeatures(FEATURES, read_machine().cache_folder)
    require_same_mels(whisper, features.n_mels)
    frames, paired = pair(features, texts)
    first = {text.id: place for place, text in reversed(list(enumerate(paired)))}
    clips = [frames[place] for place in sorted(first.values())]
    told = [paired[place] for place in sorted(first.values())]
    paths = [text.path for text in told]
    require_in_window(whisper, paths, [len(clip) for clip in clips])
    languages = languages_of(whisper, paths, [text.language for text in told])
    device = pick_device()
    whisper.model.to(device).eval()
    with hearing_in(whisper.model, pick_precision(device, whisper.model.config.d_model)):
        hypotheses = transcribe(whisper, clips, greedy(MOST_TOKENS), languages)
    return [HeardByBase(text.id, heard.text, reason_to_leave_out(heard)) for text, heard in zip(told, hypotheses, strict=True)]


def reason_to_leave_out(heard: "Hypothesis") -> str:
    """Why what was heard is not learned; "" where it is."""
    if heard.has_loop:
        return "in a loop"
    if heard.is_cut_off:
        return "cut off at the limit of tokens"
    return "" if heard.text else "nothing written"


def said(rows: Sequence[HeardByBase], clips: int) -> str:
    """Count the clips whose hypothesis is learned, and the others by reason."""
    reasons = Counter(row.left_out for row in rows if row.left_out)
    if len(rows) < clips:
        reasons["without features"] = clips - len(rows)
    others = "".join(f"; left out {count}: {reason}" for reason, count in sorted(reasons.items()))
    return f"{sum(not row.left_out for row in rows)} of {clips} clips without a transcript are learned as heard{others}"


if __name__ == "__main__":
    run("listen", main, writes=(HEARD,))
