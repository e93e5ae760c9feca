"""Validation: how well a model in training hears the validation split, and a diary of what it hears worst."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from transformers import TrainerState

from asr.base.files import read_csv, write_csv
from asr.base.rates import Metric, joined, together
from asr.base.text import Normalization
from asr.machine.device import Precision
from asr.machine.shutdown import StopRequest
from asr.model.limits import ANY_PACE, Pace
from asr.model.parameters import greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import Hypothesis, transcribe
from asr.model.whisper import Whisper
from asr.ranks.group import rank_and_ranks
from asr.training.batch import Examples, StepBatch, collate, micro_batches
from asr.training.callbacks import StoppedError
from asr.training.labels import at, chained, spread
from asr.training.plan import Slot
from asr.training.variety import NO_VARIETY

CLIPS_AT_A_TIME = 256
"""Copied to the device together."""

MOST_DECODED = 64
"""Whole windows at once, or as many frames in narrower ones."""

KEPT, SAID = 50, 2
"""Utterances of an epoch that are written down and that are printed."""

Loss = Callable[[StepBatch, slice], Tensor]
"""Of some rows of a batch on the device, summed over their labels."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class HeardClip:
    """One clip: both texts as compared, and the error rate in percent."""

    path: str
    reference: str
    hypothesis: str
    error_rate: float


@dataclass(frozen=True)
class Validation:
    """A model's mean loss over all labels, its corpus error rate in percent, and the clips, worst first.

    `cut_off` counts hypotheses that reached the limit of their clips, `looping` those that were ended in a loop. `errors` and
    `words` (characters, for a CER) are those of each clip, in the order of the split.
    """

    loss: float
    error_rate: float
    clips: list[HeardClip]
    cut_off: int = 0
    looping: int = 0
    errors: Sequence[int] = ()
    words: Sequence[int] = ()


@dataclass(frozen=True)
class Validator:
    """The validation split, and the model that is scored on it.

    Attributes:
        whisper: the model in training.
        examples: the split's clips with their labels.
        paths: of the clips.
        texts: what is said in them.
        normalization: of both sides.
        pace: of the fastest training clips, which limits hypotheses as it does when the test split is scored.
        stop: asks for the end, which does not wait for all clips; None: nobody does.
    """

    whisper: Whisper
    examples: Examples
    paths: Sequence[str]
    texts: Sequence[str]
    normalization: Normalization
    pace: Pace = ANY_PACE
    stop: StopRequest | None = None

    def validate(self, loss: Loss, most: Callable[[int], int], rank: int = 0, ranks: int = 1) -> Validation:
        """Score the model as it is now. Ranks share the clips, and each learns what all have found.

        Args:
            loss: the model's.
            most: rows of a window that fit on the device while training.
            rank: of this process.
            ranks: how many share the work.

        Raises:
            StoppedError: on all ranks, when one was asked to end before it was done.
        """
        # Without what a backward pass needs, several times as many whole windows fit.
        whole = self.whisper.window_frames
        at_once = min(MOST_DECODED, 4 * most(whole)) * whole
        shares, heard = self._shared(
            lambda clips: (self._losses(clips, loss, most), self._hypotheses(clips, at_once)), rank, ranks
        )
        total, labels = (sum(column) for column in zip(*shares, strict=True))
        return self._compared(total / labels, heard)

    def heard(self, precision: Precision) -> Validation:
        """What the model as it is now hears, in this format, without its loss, which is 0 here; ranks share the clips."""
        with hearing_in(self.whisper.model, precision):
            _, heard = self._shared(lambda clips: (None, self._hypotheses(clips, None)), *rank_and_ranks())
        return self._compared(0.0, heard)

    def _shared(
        self, hear: Callable[[Sequence[int]], tuple[Found, list[Hypothesis]]], rank: int, ranks: int
    ) -> tuple[list[Found], list[Hypothesis]]:
        """What each rank has found out about its clips, and the hypotheses of all clips in their order."""
        model = self.whisper.model
        model.eval()
        clips = list(range(rank, len(self.texts), ranks))
        share: tuple[Found, dict[int, Hypothesis]] | None = None
        # no_grad: see asr/model/transcribe.py. It is asked before each token, as a batch may take minutes; and a rank that ends
        # goes to where the others wait for it.
        with torch.no_grad(), suppress(StoppedError), model.register_forward_pre_hook(self._end_if_asked):
            found, hypotheses = hear(clips)
            share = found, dict(zip(clips, hypotheses, strict=True))
        gathered = [share] * ranks
        if ranks > 1:
            distributed.all_gather_object(gathered, share)
        shares = [share for share in gathered if share is not None]
        if len(shares) < ranks:
            raise StoppedError
        heard = {clip: hypothesis for _, hypotheses in shares for clip, hypothesis in hypotheses.items()}
        assert len(heard) == len(self.texts)
        return [found for found, _ in shares], [heard[clip] for clip in range(len(heard))]

    def _end_if_asked(self, *_: Any) -> None:
        if self.stop is not None and self.stop.is_made:
            raise StoppedError

    def some(self, most: int) -> "Validator":
        """The same with so many of the clips at most, taken from all over the split."""
        if len(self.texts) <= most:
            return self
        places = spread(len(self.texts), most)
        paths, texts = ([column[place] for place in places] for column in (self.paths, self.texts))
        return replace(self, examples=at(self.examples, places), paths=paths, texts=texts)

    def besides(self, silent: Examples) -> "Validator":
        """The same with clips besides in which nothing is said, so that each word that is heard in them is an error."""
        nothing = [""] * len(silent.labels)
        examples = chained(self.examples, silent)
        return replace(self, examples=examples, paths=[*self.paths, *nothing], texts=[*self.texts, *nothing])

    @property
    def metric(self) -> Metric:
        """The rate that the clips have together."""
        return together(self.normalization.metric(language) for language in self.examples.languages)

    def _losses(self, clips: Sequence[int], loss: Loss, most: Callable[[int], int]) -> tuple[float, int]:
        losses, labels = list[Tensor](), 0
        for start in range(0, len(clips), CLIPS_AT_A_TIME):
            slots = tuple(
                Slot((clip,), self.whisper.window_of(len(self.examples.frames[clip])))
                for clip in clips[start : start + CLIPS_AT_A_TIME]
            )
            batch = collate(self.examples, slots, NO_VARIETY, seed=())
            batch = batch.to(self.whisper.model.device)
            losses += [loss(batch, group) for group in micro_batches(batch.rows, most)]
            labels += batch.step_labels
        return sum(torch.stack(losses).tolist()) if losses else 0.0, labels

    def _hypotheses(self, clips: Sequence[int], frames_at_once: int | None) -> list[Hypothesis]:
        frames = [self.examples.frames[clip] for clip in clips]
        languages = [self.examples.languages[clip] for clip in clips]
        greedily = greedy(self.whisper.model.config.max_target_positions)
        return transcribe(self.whisper, frames, greedily, languages, frames_at_once, self.pace)

    def _compared(self, loss: float, hypotheses: Sequence[Hypothesis]) -> Validation:
        import jiwer  # here, as a bench of training needs no scores and may have no jiwer

        languages, compared = self.examples.languages, self.normalization.compared
        metrics = [self.normalization.metric(language) for language in languages]
        said = [compared(text, language) for text, language in zip(self.texts, languages, strict=True)]
        heard = [compared(each.text, language) for each, language in zip(hypotheses, languages, strict=True)]
        aligned = [jiwer.process_words(a, b) for a, b in zip(said, heard, strict=True)]
        clips = [
            HeardClip(path, joined(a, metric), joined(b, metric), round(100 * each.wer, 2))
            for path, metric, a, b, each in zip(self.paths, metrics, said, heard, aligned, strict=True)
        ]
        errors = [each.substitutions + each.deletions + each.insertions for each in aligned]
        words = [each.hits + each.substitutions + each.deletions for each in aligned]
        worst_first = sorted(clips, key=lambda clip: (-clip.error_rate, clip.path))
        cut_off, looping = (sum(getattr(each, kind) for each in hypotheses) for kind in ("is_cut_off", "has_loop"))
        return Validation(loss, round(100 * jiwer.wer(said, heard), 2), worst_first, cut_off, looping, errors, words)


DIARY_COLUMNS = ("step", "epoch", *(field.name for field in fields(HeardClip)))


@dataclass(frozen=True)
class Diary:
    """The KEPT worst utterances after each epoch, a file an epoch, worst first: `folder`/validation-STEP.csv."""

    folder: Path

    def __call__(self, state: TrainerState, found: Validation) -> None:
        """Write down an epoch's utterances, and say the worst of them."""
        at = {"step": state.global_step, "epoch": round(state.epoch or 0)}
        rows = [{**at, **asdict(row)} for row in found.clips[:KEPT]]
        write_csv(self.folder / f"validation-{state.global_step}.csv", DIARY_COLUMNS, rows)
        if found.cut_off:
            print(f"train:   {found.cut_off} hypotheses went on for longer than their clips can hold", file=sys.stderr)
        if found.looping:
            print(f"train:   {found.looping} hypotheses went round in a loop", file=sys.stderr)
        for row in found.clips[:SAID]:
            if row.error_rate:
                print(f"train:   {row.path}: {row.reference!r} heard as {row.hypothesis!r}", file=sys.stderr)

    def read(self) -> list[dict[str, str]]:
        """Read every epoch's utterances, in their order."""
        files = sorted(self.folder.glob("validation-*.csv"), key=lambda path: int(path.stem.rpartition("-")[2]))
        return [row for path in files for row in read_csv(path)]
