"""Training: the right loss, the right rate, the best epoch by validation WER."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from asr.batch import Examples
from asr.curves import curves
from asr.decoding import transcribe
from asr.shards import Features
from asr.text import basic_english
from asr.training import Train, Trained, auto_learning_rate, loss_per_token, train
from asr.wer import load_error_rates
from asr.whisper import Whisper, load, load_tuned
from tests.shards import stored
from tests.sounds import write_tiny_whisper

ONE_STEP = Train(
    epochs=1, batch_size=16, accumulation=1, learning_rate=1e-2, warmup_share=0.0, schedule="constant_with_warmup",
    weight_decay=0.0, max_gradient_norm=1e9, max_new_tokens=8, early_stopping_patience=3, keep_checkpoints=2,
    gradient_checkpointing=False, seed=1,
)  # fmt: skip


@pytest.fixture
def whisper(tmp_path: Path) -> Whisper:
    return load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")


def unequal_examples(whisper: Whisper, folder: Path, clips: int = 16) -> Examples:
    random = np.random.default_rng(0)
    features = [random.normal(size=(20 + 10 * n, 80)).astype(np.float16) for n in range(clips)]
    labels = [whisper.tokenizer("abcdefgh"[: 1 + n % 8] * (1 + n // 4)).input_ids for n in range(clips)]
    return Examples(stored(folder, [str(n) for n in range(clips)], features), list(range(clips)), labels)


def run(tmp_path: Path, name: str, settings: Train, clips: int = 16) -> tuple[Whisper, Trained]:
    whisper = load(str(write_tiny_whisper(tmp_path / name / "model")), None, "transcribe")
    examples = unequal_examples(whisper, tmp_path / name / "features", clips)
    trained = train(
        whisper, examples, examples, settings, basic_english, tmp_path / name / "checkpoints", tmp_path / name / "events"
    )
    return whisper, trained


def test_four_micro_batches_of_four_unequal_clips_equal_one_batch_of_sixteen(tmp_path: Path) -> None:
    whole, whole_run = run(tmp_path, "whole", ONE_STEP)
    parts, parts_run = run(tmp_path, "parts", ONE_STEP.model_copy(update={"batch_size": 4, "accumulation": 4}))

    for key in ("loss", "grad_norm"):
        assert parts_run.log_history[0][key] == pytest.approx(whole_run.log_history[0][key], rel=1e-4)
    for (name, expected), got in zip(whole.model.named_parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=2e-4, msg=name)


def test_the_loss_is_the_models_own_when_there_is_one_batch(whisper: Whisper, tmp_path: Path) -> None:
    from asr.batch import Collator

    examples = unequal_examples(whisper, tmp_path / "features", clips=3)
    collate = Collator(whisper.window_frames, whisper.model.config.decoder_start_token_id, whisper.tokenizer.pad_token_id)
    batch = collate([examples[index] for index in range(3)])

    outputs = whisper.model(**batch)

    torch.testing.assert_close(loss_per_token(outputs, batch["labels"], None), outputs.loss)


class ScriptedRates:
    """Error rates that were written down before."""

    def __init__(self, rates: list[float]) -> None:
        self._rates = iter(rates)

    def compute(self, **texts: object) -> dict[str, float]:
        """The next one."""
        return {"wer": next(self._rates)}


def test_the_best_epoch_is_kept_and_training_stops_when_validation_does_not_improve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr.training.load_error_rates", lambda: ScriptedRates([0.9, 0.2, 0.5, 0.4, 0.1, 0.1]))
    settings = ONE_STEP.model_copy(update={"epochs": 6, "early_stopping_patience": 2, "keep_checkpoints": 2})

    whisper, trained = run(tmp_path, "run", settings)

    # Epochs 3 and 4 are worse than 2, so 5 and 6 are not run.
    assert (trained.best_step, trained.best_wer, trained.epochs) == (2, 20.0, 4.0)
    saved = {step: load_file(tmp_path / f"run/checkpoints/checkpoint-{step}/model.safetensors") for step in (2, 4)}
    name = "model.decoder.layers.0.fc1.weight"
    kept = whisper.model.state_dict()[name]
    assert torch.equal(kept, saved[2][name])
    assert not torch.equal(kept, saved[4][name])


def test_validation_wer_is_by_generation(tmp_path: Path) -> None:
    whisper, trained = run(tmp_path, "run", ONE_STEP.model_copy(update={"learning_rate": 0.0}), clips=4)
    features = Features(tmp_path / "run" / "features", tmp_path)

    # The trainer's limit counts the prompt's two tokens.
    heard = transcribe(whisper.model.eval(), whisper.tokenizer, [features[n] for n in range(4)], 4, 6, 1)

    said = ["a", "ab", "abc", "abcd"]
    rates = load_error_rates().compute(predictions=[basic_english(text) for text in heard], references=said)
    assert trained.best_wer == pytest.approx(100 * rates["wer"])


def test_a_multilingual_model_is_tuned_and_keeps_its_prompt(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path / "model", multilingual=True)), "nl", "transcribe")
    examples = unequal_examples(whisper, tmp_path / "features", clips=4)
    before = whisper.model.model.decoder.embed_tokens.weight.detach().clone()

    train(whisper, examples, examples, ONE_STEP, basic_english, tmp_path / "checkpoints", tmp_path / "events")
    whisper.save(tmp_path / "tuned")

    prompt = whisper.tokenizer.convert_ids_to_tokens(list(examples[0].labels)[:4])
    assert prompt == ["<|startoftranscript|>", "<|nl|>", "<|transcribe|>", "<|notimestamps|>"]
    tuned = load_tuned(tmp_path / "tuned")
    assert (tuned.model.generation_config.language, tuned.model.generation_config.task) == ("nl", "transcribe")
    assert not torch.equal(tuned.model.model.decoder.embed_tokens.weight, before)
    assert len(transcribe(tuned.model.eval(), tuned.tokenizer, [examples[0].features], 1, 6, 1)) == 1


def test_same_inputs_same_weights(tmp_path: Path) -> None:
    settings = ONE_STEP.model_copy(update={"epochs": 2, "batch_size": 4})

    first, _ = run(tmp_path, "first", settings)
    second, _ = run(tmp_path, "second", settings)

    for got, expected in zip(second.model.parameters(), first.model.parameters(), strict=True):
        assert torch.equal(got, expected)


def test_curves_have_a_row_per_step_with_both_losses(tmp_path: Path) -> None:
    _, trained = run(tmp_path, "run", ONE_STEP.model_copy(update={"epochs": 3, "batch_size": 8}))

    table = curves(trained.log_history)

    assert table["step"].tolist() == [2, 4, 6]
    assert table[["train_loss", "validation_loss", "validation_wer", "learning_rate", "gradient_norm"]].notna().all().all()
    assert list((tmp_path / "run" / "events").iterdir())


@pytest.mark.parametrize(("width", "rate"), [(384, 3.75e-5), (512, 2.5e-5), (768, 1.25e-5), (1024, 6.25e-6), (1280, 4.375e-6)])
def test_the_automatic_rate_falls_with_the_models_width(width: int, rate: float) -> None:
    assert auto_learning_rate(width) == pytest.approx(rate)


def test_the_automatic_rate_of_a_width_between() -> None:
    assert 1.25e-5 < auto_learning_rate(640) < 2.5e-5
    assert auto_learning_rate(2048) == pytest.approx(4.375e-6)
