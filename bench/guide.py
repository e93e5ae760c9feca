"""The guide's script from its preparation to its model, in words of our own: the peer of bench.real.

    python -m bench.guide FOLDER EPOCHS

Run in the folder of a project whose split stage has run; FOLDER gets its features, its checkpoints and, in MODEL, what it ends
with. A run that was stopped goes on from its last epoch. Prints one line of JSON (see `Guided`).

It does what the script does, mistakes included: a language for English-only models, a start token that is there twice, lists of
floating-point numbers for features, the loss as transformers scales it. It departs from it where

- it would not run today: `warmup_ratio`, `evaluation_strategy`, `tokenizer` and `gradient_checkpointing` have other names;
  recordings are read by soundfile (see bench/article.py); weights are asked for in float32, which was the default; the WER is
  jiwer's, which `evaluate.load("wer")` calls once it has fetched it; padding in what was generated is not decoded, and clips of
  which its cleaning leaves no text are not scored;
- it would not be comparable: clips are those of the train split, and the epoch is chosen on the validation split, where its own
  script draws a tenth of all clips and chooses on what it tests. The evaluation at its end is the bench's;
- it could not take the data: a part of a file, and what soundfile can't read, is written as a file of its own beforehand,
  outside of its time; features are padded to the model's own window; `model.language`, where it is set, is the language in the
  place of English.

Early stopping counts anew in a run that goes on, as it does in the library.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import jiwer
import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    logging,
)

from asr.base.files import read_json, write_json
from asr.machine.shutdown import end_with_parent
from asr.model.hub import checkpoint_folder
from asr.model.parameters import Model
from asr.training.batch import IGNORED
from bench import article
from bench.article_trainer import CHECKPOINTING, ROWS_AT_ONCE, pad_to_window
from bench.guide_clips import FEATURES, prepare
from bench.real_times import KeptTimes
from stages.common.commit import base_commit
from stages.common.params import StageParams, read_params

MODEL, CHECKPOINTS, PREPARED = "model", "checkpoints", "prepared.json"
STATE = "trainer_state.json"
"""What the library writes last into a checkpoint."""


class Params(StageParams):
    """What is read of params.yaml."""

    model: Model


@dataclass(frozen=True)
class Guided:
    """What came of it: the clips of train and validation that its filter kept, the best WER in percent by its own count, and
    the seconds for preparing them, start included, and for what is no part of the script; `was_prepared`: by a run before.
    """

    train_clips: int
    validation_clips: int
    best_wer: float
    prepare_seconds: float
    cut_seconds: float
    was_prepared: bool


def main() -> None:
    """Prepare, train, save."""
    end_with_parent()
    began = time.perf_counter()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
    model = read_params(Params).model
    checkpoint = checkpoint_folder(model.name, base_commit(model))
    processor = WhisperProcessor.from_pretrained(checkpoint, language=model.language or "English", task="transcribe")
    whisper = WhisperForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    pad_to_window(processor.feature_extractor, whisper)
    was_prepared = (folder / PREPARED).exists()
    if not was_prepared:
        prepared = prepare(processor, folder)
        taken = time.perf_counter() - began - prepared["cut_seconds"]
        write_json(folder / PREPARED, {**prepared, "prepare_seconds": taken})
    best = train(whisper, processor, folder, epochs)
    print(json.dumps(asdict(Guided(best_wer=best, was_prepared=was_prepared, **read_json(folder / PREPARED)))))


def train(whisper: WhisperForConditionalGeneration, processor: WhisperProcessor, folder: Path, epochs: int) -> float:
    """Train, from the newest checkpoint where there is one, and save model and processor; gives the best WER in percent."""
    config = whisper.config
    config.forced_decoder_ids, config.suppress_tokens, config.use_cache = None, [], False
    read = [Dataset.from_file(str(folder / FEATURES / split / article.RESULT)) for split in ("train", "validation")]
    trainer = Seq2SeqTrainer(
        model=whisper,
        args=arguments(folder / CHECKPOINTS, epochs),
        train_dataset=read[0],
        eval_dataset=read[1],
        data_collator=Collator(processor),
        compute_metrics=Metric(processor.tokenizer),
        processing_class=processor.feature_extractor,
        callbacks=[EarlyStoppingCallback(early_stopping_patience=3), KeptTimes(), Lines()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=newest(folder / CHECKPOINTS))
    trainer.save_model(str(folder / MODEL))
    processor.save_pretrained(folder / MODEL)
    return float(trainer.state.best_metric)


def arguments(folder: Path, epochs: int) -> Seq2SeqTrainingArguments:
    """The script's own, under today's names."""
    return Seq2SeqTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=ROWS_AT_ONCE,
        per_device_eval_batch_size=ROWS_AT_ONCE,
        gradient_accumulation_steps=16,
        learning_rate=1e-5,
        warmup_steps=0.05,
        lr_scheduler_type="cosine",
        weight_decay=0.01,
        **{CHECKPOINTING: True},
        fp16=torch.cuda.is_available(),
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        logging_steps=50,
        predict_with_generate=True,
        generation_max_length=128,
        load_best_model_at_end=True,
        metric_for_best_model="wer",
        greater_is_better=False,
        seed=42,
        report_to=["tensorboard"],
        disable_tqdm=True,
    )


def newest(checkpoints: Path) -> str | None:
    """The last checkpoint that is whole."""
    whole = [path.parent for path in checkpoints.glob(f"checkpoint-*/{STATE}")]
    return str(max(whole, key=lambda path: int(path.name.rpartition("-")[2]))) if whole else None


@dataclass(frozen=True)
class Collator:
    """Pads a batch. The start token that the model puts in front stays in the labels, too, as the script looks for another."""

    processor: WhisperProcessor

    def __call__(self, items: Sequence[dict[str, Any]]) -> Any:
        """A batch."""
        features = [{"input_features": item["input_features"]} for item in items]
        batch = self.processor.feature_extractor.pad(features, return_tensors="pt")
        labels = self.processor.tokenizer.pad([{"input_ids": item["labels"]} for item in items], return_tensors="pt")
        batch["labels"] = labels.input_ids.masked_fill(labels.attention_mask == 0, IGNORED)
        return batch


@dataclass(frozen=True)
class Metric:
    """The WER in percent, of what both sides are once they are cleaned as labels are."""

    tokenizer: Any

    def __call__(self, found: Any) -> dict[str, float]:
        """Of all validation clips."""
        said, heard = self._texts(found.label_ids), self._texts(found.predictions)
        scored = [place for place, reference in enumerate(said) if reference]
        return {"wer": 100 * jiwer.wer([said[place] for place in scored], [heard[place] for place in scored])}

    def _texts(self, ids: NDArray[np.int64]) -> list[str]:
        padded = np.where(ids == IGNORED, self.tokenizer.pad_token_id, ids)
        return [article.cleaned(text) for text in self.tokenizer.batch_decode(padded, skip_special_tokens=True)]


class Lines(TrainerCallback):
    """Says on stderr what the library logs."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        """Say it."""
        told = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items() if isinstance(value, int | float))
        print(f"guide: step {state.global_step} of {state.max_steps}, {told}", file=sys.stderr)


if __name__ == "__main__":
    main()
