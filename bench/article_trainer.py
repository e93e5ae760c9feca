"""The article's trainer settings: batches of 4, 16 of them to a step, gradient checkpointing, fp16 on CUDA.

Every clip is padded to the whole window in float32. In words of our own; it starts from the same stored features, as its own
are computed beforehand too.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments, WhisperForConditionalGeneration

from asr.machine.device import Precision
from asr.model.whisper import Whisper
from asr.shards.frames import LogMel, pad_frames
from asr.training.batch import IGNORED, Examples
from asr.training.recipe import Train, learning_rate
from bench.clock import Clock

# transformers 5.23 renamed the argument and warns of the old name, the only one that 5.17 knows.
CHECKPOINTING = next(
    name
    for name in ("activation_checkpointing", "gradient_checkpointing")
    if name in Seq2SeqTrainingArguments.__dataclass_fields__
)

ROWS_AT_ONCE = 4


def timed_article(whisper: Whisper, examples: Examples, settings: Train) -> tuple[Precision, Clock]:
    """Train so, and time every step; returns the format, too."""
    cuda, width = torch.cuda.is_available(), whisper.model.config.d_model
    whisper.model.config.use_cache = False
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Seq2SeqTrainer(
            model=whisper.model,
            args=_arguments(settings, settings.passes(len(examples)), learning_rate(settings, width), folder, cuda),
            train_dataset=Padded(list(examples.frames), examples.labels, whisper.window_frames),
            data_collator=LabelPadding(whisper.model.config.decoder_start_token_id),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.get_batch_samples = clock.load(trainer.get_batch_samples)
        # The library's loss would come out 16 times too large; that is not what is compared here.
        trainer.model_accepts_loss_kwargs = False
        trainer.train()
    clock.stop()
    return "fp16" if cuda else "fp32", clock


def _arguments(settings: Train, epochs: int, rate: float, folder: str, cuda: bool) -> Seq2SeqTrainingArguments:
    return Seq2SeqTrainingArguments(
        output_dir=folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=ROWS_AT_ONCE,
        gradient_accumulation_steps=settings.effective_batch // ROWS_AT_ONCE,
        **{CHECKPOINTING: True},
        fp16=cuda,
        learning_rate=rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_share,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not cuda,
    )


def pad_to_window(extractor: Any, whisper: WhisperForConditionalGeneration) -> None:
    """Have features padded to the model's window, which is the extractor's own 30 s for every released one."""
    frames = 2 * whisper.config.max_source_positions
    extractor.n_samples, extractor.nb_max_frames = frames * extractor.hop_length, frames


class Padded(torch.utils.data.Dataset[dict[str, Any]]):
    """Clips padded to the window in float32, as the article stores them."""

    def __init__(self, clips: Sequence[LogMel], labels: Sequence[Sequence[int]], window: int) -> None:
        self._clips, self._labels, self._window = clips, labels, window

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> dict[str, Any]:
        frames = pad_frames(self._clips[index], self._window)
        return {"input_features": frames.T.astype(np.float32), "labels": self._labels[index]}


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
