"""One training run of a bench, in a process of its own: the article's trainer settings, or this project's.

    python -m bench.trainers SIDE OPTIONS

SIDE is article, full, fit or pack; OPTIONS is JSON (see `Options`). Prints one line of JSON (see `Run`).

The article's: `Seq2SeqTrainer` with batches of 4, 16 of them to a step, gradient checkpointing, fp16 on CUDA, every clip padded
to the whole window in float32. In words of our own; it starts from the same stored features, as its own are computed
beforehand too.
"""

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from transformers import PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments, logging

from asr.batch import IGNORED, Examples
from asr.decoding import transcribe
from asr.labels import continuation, label
from asr.lifeline import Wish
from asr.logmel import pad_frames
from asr.manifest import TextEntry, read_rows
from asr.pairs import pair
from asr.params import parse
from asr.plan import Plan
from asr.rates import learning_rate
from asr.recipe import Train
from asr.scoring import predictions
from asr.shards import Features
from asr.text import normalizer
from asr.training import plan_of, train
from asr.tuner import StepKeys, Steps, Tuner, step_loader
from asr.validation import Validation, Validator
from asr.whisper import Whisper, load
from bench.shapes import SHAPES, random_whisper, training_flops
from stages.settings import read_machine, read_yaml

HOME = Path(__file__).parents[1]

# transformers 5.23 renamed the argument and warns of the old name, the only one that 5.17 knows.
CHECKPOINTING = next(
    name
    for name in ("activation_checkpointing", "gradient_checkpointing")
    if name in Seq2SeqTrainingArguments.__dataclass_fields__
)

ARTICLE_BATCH, ARTICLE_ACCUMULATION = 4, 16
EFFECTIVE = ARTICLE_BATCH * ARTICLE_ACCUMULATION


@dataclass(frozen=True)
class Options:
    """What both sides share.

    Attributes:
        data: a project's folder, with data/features and data/splits.
        cache: its cache of shards.
        model: a folder with a checkpoint, or the name of a shape.
        epochs: over the training clips.
        clips: at most so many of them; 0: all.
        seed: of the order of clips.
        score: whether to decode the test split afterwards.
    """

    data: str
    cache: str
    model: str
    epochs: int
    clips: int
    seed: int
    score: bool


@dataclass(frozen=True)
class Run:
    """What came of it. The first step is not timed: `clips` and `seconds` are of the others.

    `waited` are the seconds among them in which the loader was waited for. `flops_per_clip` are what the model needs, in the
    windows that it was given. `errors` and `words` are of each test clip, decoded at the whole window.
    """

    clips: int
    seconds: float
    waited: float
    loader_clips_per_second: float | None
    cuda_bytes: int | None
    flops_per_clip: float
    precision: str
    rows_at_once: int
    errors: list[int]
    words: list[int]

    @property
    def wer(self) -> float:
        """Of the test split, in percent."""
        return 100 * sum(self.errors) / sum(self.words)


class Clock:
    """Seconds of each step, from asking the loader for it to the end of the optimiser's work, and of the waiting among them."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.waits: list[float] = []
        self._start: float | None = None

    def load(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps what asks the loader for a step."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.stop()
            self._start = time.perf_counter()
            loaded = whole(*args, **kwargs)
            self.waits.append(time.perf_counter() - self._start)
            return loaded

        return timed

    def after(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps what comes after an epoch's last step."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.stop()
            return whole(*args, **kwargs)

        return timed

    def stop(self) -> None:
        """The step is over."""
        if self._start is not None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.steps.append(time.perf_counter() - self._start)
            self._start = None


def read_split(whisper: Whisper, options: Options, split: str) -> tuple[Examples, list[TextEntry]]:
    """A split's clips, as the train stage reads them."""
    features = Features(Path(options.data, "data/features", split), Path(options.cache))
    positions, texts = pair(features, read_rows(Path(options.data, f"data/splits/text/{split}.jsonl"), TextEntry))
    if split == "train" and options.clips:
        positions, texts = positions[: options.clips], texts[: options.clips]
    labels = [label(whisper.tokenizer, text.text) for text in texts]
    following = [continuation(whisper.tokenizer, text.text) for text in texts]
    return Examples(features, positions, labels, following), texts


def article(whisper: Whisper, options: Options) -> Run:
    """The article's trainer settings."""
    cuda = torch.cuda.is_available()
    examples, _ = read_split(whisper, options, "train")
    settings = stage_settings("full", options)
    whisper.model.config.use_cache = False
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Seq2SeqTrainer(
            model=whisper.model,
            args=Seq2SeqTrainingArguments(
                output_dir=folder,
                num_train_epochs=options.epochs,
                per_device_train_batch_size=ARTICLE_BATCH,
                gradient_accumulation_steps=ARTICLE_ACCUMULATION,
                **{CHECKPOINTING: True},
                fp16=cuda,
                learning_rate=learning_rate(settings, whisper.model.config.d_model),
                lr_scheduler_type=settings.schedule,
                warmup_steps=settings.warmup_share,
                weight_decay=settings.weight_decay,
                max_grad_norm=settings.max_gradient_norm,
                seed=options.seed,
                save_strategy="no",
                eval_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
                remove_unused_columns=False,
                use_cpu=not cuda,
            ),
            train_dataset=Padded(examples, whisper.window_frames),
            data_collator=LabelPadding(whisper.model.config.decoder_start_token_id),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.get_batch_samples = clock.load(trainer.get_batch_samples)
        # The library's loss would come out 16 times too large; that is not what is compared here.
        trainer.model_accepts_loss_kwargs = False
        trainer.train()
    clock.stop()
    flops = sum(training_flops(whisper, whisper.window_frames, len(label)) for label in examples.labels) / len(examples)
    return Run(
        clips=len(examples) * options.epochs - EFFECTIVE,
        seconds=sum(clock.steps[1:]),
        waited=sum(clock.waits[1:]),
        loader_clips_per_second=None,
        cuda_bytes=torch.cuda.max_memory_allocated() if cuda else None,
        flops_per_clip=flops,
        precision="fp16" if cuda else "fp32",
        rows_at_once=ARTICLE_BATCH,
        **tested(whisper, options),
    )


class Padded(torch.utils.data.Dataset[dict[str, Any]]):
    """Clips padded to the window in float32, as the article stores them."""

    def __init__(self, examples: Examples, window: int) -> None:
        self._examples, self._window = examples, window

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        frames = pad_frames(self._examples.features[self._examples.positions[index]], self._window)
        return {"input_features": frames.T.astype(np.float32), "labels": self._examples.labels[index]}


@dataclass(frozen=True)
class LabelPadding:
    """Pads labels and cuts the start token, which the model puts in front again."""

    start: int

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """A batch."""
        labels = torch.full((len(items), max(len(item["labels"]) for item in items)), IGNORED)
        for row, item in enumerate(items):
            labels[row, : len(item["labels"])] = torch.tensor(item["labels"])
        if (labels[:, 0] == self.start).all():
            labels = labels[:, 1:]
        return {"input_features": torch.from_numpy(np.stack([item["input_features"] for item in items])), "labels": labels}


def stage_settings(window: str, options: Options) -> Train:
    """Of params.yaml, but for what the bench sets."""
    values = {**read_yaml(HOME / "params.yaml")["train"], "window": window, "epochs": options.epochs, "seed": options.seed}
    return parse(Train, {**values, "effective_batch": EFFECTIVE, "early_stopping_patience": options.epochs}, "params.yaml")


@dataclass(frozen=True)
class Unvalidated:
    """In the place of a Validator, as training alone is timed. Each epoch is better than the one before: the last is kept."""

    whisper: Whisper
    epochs: Iterator[int]

    def validate(self, *args: Any) -> Validation:
        """Nothing."""
        return Validation(0.0, float(-next(self.epochs)), [])


def stage(whisper: Whisper, options: Options, window: str) -> Run:
    """The train stage's training, in a window mode."""
    examples, _ = read_split(whisper, options, "train")
    settings = stage_settings(window, options)
    clock = Clock()
    Tuner.get_batch_samples = clock.load(Tuner.get_batch_samples)  # type: ignore[method-assign]
    Tuner.evaluate = clock.after(Tuner.evaluate)  # type: ignore[method-assign]
    cuda = torch.cuda.is_available()
    workers = read_machine().loader_workers
    with tempfile.TemporaryDirectory() as folder:
        validator = cast(Validator, Unvalidated(whisper, itertools.count()))
        wish = Wish(Path(folder, "stop"))
        trained = train(
            whisper, examples, validator, settings, Path(folder), Path(folder, "events"), wish, loader_workers=workers
        )
    plan = plan_of(whisper, examples, settings)
    return Run(
        clips=len(examples) * options.epochs - EFFECTIVE,
        seconds=sum(clock.steps[1:]),
        waited=sum(clock.waits[1:]),
        loader_clips_per_second=loader_speed(examples, plan, settings, workers),
        cuda_bytes=torch.cuda.max_memory_allocated() if cuda else None,
        flops_per_clip=planned_flops(whisper, examples, plan, options.epochs),
        precision=trained.precision,
        rows_at_once=trained.rows_at_once,
        **tested(whisper, options),
    )


def loader_speed(examples: Examples, plan: Plan, settings: Train, workers: int) -> float:
    """Clips a second of the loader alone, over one epoch after its first step."""
    keys = StepKeys(plan.steps_per_epoch)
    loader = step_loader(Steps(examples, plan, settings.masks, 0, 1), keys, workers, pin=torch.cuda.is_available())
    start, clips = 0.0, 0
    for number, batch in enumerate(loader):
        if number == 0:
            start = time.perf_counter()
        else:
            clips += batch.step_clips
    return clips / (time.perf_counter() - start)


def planned_flops(whisper: Whisper, examples: Examples, plan: Plan, epochs: int) -> float:
    """A clip's, in the windows that the plan gave it."""
    lines = [line for epoch in range(epochs) for step in plan.epoch(epoch) for line in step]
    tokens = [sum(len(examples.labels[clip]) for clip in line.clips) for line in lines]
    flops = sum(training_flops(whisper, line.window, count) for line, count in zip(lines, tokens, strict=True))
    return flops / (epochs * len(examples))


def tested(whisper: Whisper, options: Options) -> dict[str, Any]:
    """Errors and words of each test clip, heard in the whole window."""
    if not options.score:
        return {"errors": [], "words": []}
    examples, texts = read_split(whisper, options, "test")
    whisper.model.config.use_cache = True
    clips = [examples.features[position] for position in examples.positions]
    with torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_available()):
        heard = transcribe(whisper.model.eval(), whisper.tokenizer, clips, 16, 128, num_beams=1)
    rows = predictions(texts, heard, normalizer(read_yaml(HOME / "params.yaml")["text"]["normalizer"]))
    rows.sort(key=lambda row: row.id)
    return {"errors": [row.errors for row in rows], "words": [row.words for row in rows]}


def main() -> None:
    """Run a side."""
    logging.set_verbosity_error()
    side, options = sys.argv[1], Options(**json.loads(sys.argv[2]))
    whisper = random_whisper(options.model) if options.model in SHAPES else load(options.model, None, "transcribe")
    run = article(whisper, options) if side == "article" else stage(whisper, options, side)
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
