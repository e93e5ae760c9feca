"""Training: the right loss, the right rate, every option, the best epoch by validation."""

import gc
import math
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock, call, patch

import jiwer
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch._dynamo.utils import counters
from torch.utils._python_dispatch import TorchDispatchMode

from asr.base.errors import DataError
from asr.base.normalizers import basic_english
from asr.base.text import Normalization
from asr.machine.shutdown import StopRequest
from asr.model.checksums import SUMS
from asr.model.limits import Pace
from asr.model.parameters import greedy
from asr.model.precision import cast_once
from asr.model.transcribe import Hypothesis, transcribe
from asr.model.whisper import Whisper, load, load_tuned
from asr.model.window import fitted
from asr.training.batch import Examples, StepBatch, collate, pad
from asr.training.callbacks import DivergedError, StoppedError
from asr.training.checkpoints import checked, step_of
from asr.training.epochs import keep_epoch, kept_epochs
from asr.training.history import curves
from asr.training.labels import chained
from asr.training.memory import Limits, Trial, kept_bytes
from asr.training.optimizer import require_optimizer, state_bytes
from asr.training.plan import Slot
from asr.training.recipe import Train
from asr.training.run import Trained, train
from asr.training.trainable import freeze_encoder, with_lora
from asr.training.trainer import StepTrainer
from asr.training.validation import Validation, Validator
from asr.training.variety import NO_VARIETY
from tests.damage import cut, flip
from tests.project import tree
from tests.recipes import recipe
from tests.sounds import write_tiny_whisper

SHORT = Pace(0.0)
"""Lets hypotheses have ROOM tokens and no more, as random weights never come to an end."""

ROOM = 8


@pytest.fixture(autouse=True, scope="module")
def short_hypotheses() -> Iterator[None]:
    with patch("asr.model.limits.ROOM", ROOM):
        yield


@pytest.fixture(autouse=True, scope="module")
def little_to_collect() -> None:
    """The library collects garbage after each run, and looks through all that other tests have left."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def always_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every epoch is the best so far, and no clip is heard to find out."""
    rates = count(100, -1)
    monkeypatch.setattr(Validator, "validate", lambda *args: Validation(1.0, next(rates), []))


def text(clip: int) -> str:
    return "abcdefgh"[: 1 + clip % 8] * (1 + clip // 8)


def unequal(whisper: Whisper, clips: int) -> Examples:
    random = np.random.default_rng(0)
    features = [random.normal(size=(20 + 10 * clip, 80)).astype(np.float16) for clip in range(clips)]
    labels = [whisper.tokenizer(text(clip)).input_ids for clip in range(clips)]
    following = [whisper.tokenizer(f" {text(clip)}", add_special_tokens=False).input_ids for clip in range(clips)]
    return Examples(features, labels, [None] * clips, following)


def tiny(folder: Path, multilingual: bool = False) -> Whisper:
    return load(str(write_tiny_whisper(folder / "model", multilingual)), "nl" if multilingual else None, "transcribe")


def run(
    folder: Path,
    settings: Train,
    clips: int = 16,
    multilingual: bool = False,
    stop: StopRequest | None = None,
    loader_workers: int = 0,
    minutes: float = math.inf,
    stop_validating: StopRequest | None = None,
    whisper: Whisper | None = None,
) -> tuple[Whisper, Trained]:
    """Train the tiny model on clips that are its validation split too; goes on with a run that was stopped in `folder`."""
    whisper = whisper or tiny(folder, multilingual)
    whisper.mark_fitted(settings.window == "fit")
    examples = unequal(whisper, clips)
    validator = Validator(
        whisper,
        examples,
        [f"{clip}.wav" for clip in range(clips)],
        [text(clip) for clip in range(clips)],
        Normalization("basic_english"),
        SHORT,
        stop_validating,
    )
    (folder / "run").mkdir(exist_ok=True)
    stop = stop or StopRequest(folder / "stop")
    trained = train(whisper, examples, validator, settings, folder / "run", folder / "events", stop, minutes, loader_workers)
    return whisper, trained


def weights(whisper: Whisper) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in whisper.model.state_dict().items()}


def test_a_kill_while_the_last_epochs_weights_are_kept_for_the_mean_costs_that_epoch_alone(tmp_path: Path) -> None:
    settings = recipe(epochs=2, average=2)

    def die(checkpoint: Path, *others: Any) -> None:
        if step_of(checkpoint) == 2:
            raise KeyboardInterrupt
        keep_epoch(checkpoint, *others)

    with patch("asr.training.trainer.keep_epoch", die), pytest.raises(KeyboardInterrupt):
        run(tmp_path, settings)
    _, trained = run(tmp_path, settings)

    assert trained.steps == 2
    assert [path.name for path in kept_epochs(tmp_path / "run")] == ["1", "2"]


@pytest.fixture(scope="module", params=["full", "fit", "pack"])
def one_batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Whisper, Trained]:
    settings = recipe(window=request.param, full_window_share=0.2, batch_size=16)
    return request.param, *run(tmp_path_factory.mktemp("whole"), settings)


@pytest.mark.usefixtures("always_better")
@pytest.mark.parametrize("batch_size", [1, 3])
def test_micro_batches_of_unequal_clips_equal_one_batch(
    tmp_path: Path, one_batch: tuple[str, Whisper, Trained], batch_size: int
) -> None:
    window, whole, whole_run = one_batch
    parts, parts_run = run(tmp_path / "parts", recipe(window=window, full_window_share=0.2, batch_size=batch_size))

    assert whole_run.steps == parts_run.steps == 1
    for key in ("loss", "grad_norm"):
        assert logged(parts_run, key) == pytest.approx(logged(whole_run, key), rel=1e-4)
    for name, expected in weights(whole).items():
        torch.testing.assert_close(weights(parts)[name], expected, rtol=0, atol=2e-4, msg=name)


@pytest.mark.usefixtures("always_better")
def test_the_loss_is_the_models_own(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    examples = unequal(whisper, clips=16)
    every = tuple(Slot((clip,), whisper.window_frames) for clip in range(16))
    batch = collate(examples, every, NO_VARIETY, ())

    expected = whisper.model(**pad(batch, slice(None), whisper.tokenizer.pad_token_id)).loss.item()

    _, trained = run(tmp_path / "run", recipe())
    assert losses_of(trained)[0] == pytest.approx(expected, rel=1e-5)


SCRIPT = [10.0, 90.0, 20.0, 50.0, 40.0, 10.0, 10.0]


def test_the_best_epoch_is_kept_and_training_stops_when_validation_does_not_improve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter(SCRIPT)
    monkeypatch.setattr(Validator, "validate", lambda *args: Validation(1.0, next(rates), []))

    whisper, trained = run(tmp_path, recipe(epochs=6, early_stopping_patience=2))

    # Epochs 3 and 4 are worse than 2, so 5 and 6 are not run. The base model, better than all, is none.
    assert trained.base_error_rate == 10.0
    assert (trained.best_step, trained.best_error_rate, trained.epochs) == (2, 20.0, 4.0)
    saved = {step: load_file(tmp_path / f"run/checkpoint-{step}/model.safetensors") for step in (2, 4)}
    name = "model.decoder.layers.0.fc1.weight"
    assert torch.equal(weights(whisper)[name], saved[2][name])
    assert not torch.equal(saved[2][name], saved[4][name])


@pytest.mark.parametrize("window", ["full", "fit"])
def test_validation_wer_is_by_generation(tmp_path: Path, window: str) -> None:
    whisper, trained = run(tmp_path, recipe(window=window), clips=4)
    examples = unequal(whisper, clips=4)

    whisper.model.eval()
    heard = transcribe(whisper, examples.frames, greedy(60), pace=SHORT)

    assert trained.best_error_rate == round(
        100 * jiwer.wer(["a", "ab", "abc", "abcd"], [basic_english(h.text) for h in heard]), 2
    )


def test_validation_counts_characters_of_clips_in_languages_that_do_not_part_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path, multilingual=True)), None, "transcribe")
    examples = replace(unequal(whisper, 3), languages=["ja", "de", "ja"])
    texts = ["今日はとても良い天気。", "Guten Tag", "はい"]
    told: list[Any] = []

    def heard(whisper: Whisper, clips: Any, decode: Any, languages: Any, frames_at_once: int, pace: Pace) -> list[Hypothesis]:
        told.extend(languages)
        assert pace == Pace(20.0)
        assert frames_at_once % whisper.window_frames == 0
        return [Hypothesis(text, is_cut_off=False) for text in ("今日は とても悪い天気", "guten Abend", "はい")]

    monkeypatch.setattr("asr.training.validation.transcribe", heard)
    validator = Validator(whisper, examples, ["0.wav", "1.wav", "2.wav"], texts, Normalization("auto"), Pace(20.0))
    found = validator.validate(lambda batch, group: torch.zeros(()), lambda window: 3)
    japanese = replace(examples, languages=["ja"] * 3)

    assert told == ["ja", "de", "ja"]
    assert found.error_rate == round(100 * 2 / 14, 2)  # a character of ten, a word of two, and none of two characters
    assert [(clip.path, clip.error_rate) for clip in found.clips] == [("1.wav", 50.0), ("0.wav", 10.0), ("2.wav", 0.0)]
    assert (found.clips[1].reference, found.clips[1].hypothesis) == ("今日はとても良い天気", "今日はとても悪い天気")
    assert (validator.metric, replace(validator, examples=japanese).metric) == ("mixed", "CER")


def test_hypotheses_that_their_clips_cannot_hold_are_counted(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path)), None, "transcribe")
    examples = replace(unequal(whisper, 3), languages=[None] * 3)
    validator = Validator(
        whisper, examples, ["0.wav", "1.wav", "2.wav"], [text(clip) for clip in range(3)], Normalization("basic_english"), SHORT
    )

    cut_off = validator.validate(lambda batch, group: torch.zeros(()), lambda window: 3)
    looping = replace(validator, pace=Pace(60.0)).validate(lambda batch, group: torch.zeros(()), lambda window: 3)

    assert (cut_off.cut_off, cut_off.looping) == (3, 0)  # random weights never come to an end
    assert looping.looping > 0
    assert looping.cut_off + looping.looping == 3


def test_validation_casts_each_weight_once_however_many_tokens_are_generated(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path)), None, "transcribe")

    assert casts(whisper, tokens=20)["model.decoder.layers.0.fc1.weight"] == 1


def casts(whisper: Whisper, tokens: int) -> Counter[str]:
    """How many times autocast casts each weight while so many tokens are generated."""
    whisper.model.eval()
    whisper.model.generation_config.min_new_tokens = tokens
    found: Counter[str] = Counter()
    names = {value.data_ptr(): name for name, value in whisper.model.named_parameters() if value.ndim > 1}

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
            if function is torch.ops.aten._to_copy.default and arguments[0].data_ptr() in names:
                found[names[arguments[0].data_ptr()]] += 1
            return function(*arguments, **(options or {}))

    with torch.autocast("cpu", torch.bfloat16), Watch():  # type: ignore[no-untyped-call]
        transcribe(whisper, unequal(whisper, clips=1).frames, greedy(tokens))
    return found


@pytest.mark.usefixtures("always_better")
@pytest.mark.parametrize(("silent_clips", "is_silent"), [(0, False), (4, True)])
def test_a_model_writes_nothing_where_nobody_speaks_once_it_has_heard_such_clips(
    tmp_path: Path, silent_clips: int, is_silent: bool
) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    spoken, empty = unequal(whisper, 8), whisper.tokenizer("").input_ids
    silence = [np.full((40, 80), -1.0, np.float16)] * 4
    silent = Examples(silence[:silent_clips], [empty] * silent_clips, [None] * silent_clips, [[]] * silent_clips)
    validator = Validator(whisper, spoken, ["a.wav"] * 8, ["a"] * 8, Normalization("basic_english"))
    settings = recipe(window="fit", epochs=25, effective_batch=4, learning_rate=2e-2)
    (tmp_path / "run").mkdir()

    train(whisper, chained(spoken, silent), validator, settings, tmp_path / "run", None, StopRequest(tmp_path / "stop"))

    whisper.model.eval()
    assert {heard.text == "" for heard in transcribe(whisper, silence, greedy(8))} == {is_silent}
    assert sum(heard.text != "" for heard in transcribe(whisper, spoken.frames, greedy(8))) >= 5


def test_a_multilingual_model_is_tuned_and_keeps_its_prompt(tmp_path: Path) -> None:
    untouched = load(str(write_tiny_whisper(tmp_path / "untouched", multilingual=True)), "nl", "transcribe")
    whisper, _ = run(tmp_path / "run", recipe(), clips=4, multilingual=True)

    whisper.save(tmp_path / "tuned")

    prompt = whisper.tokenizer.convert_ids_to_tokens(whisper.tokenizer("a").input_ids[:4])
    assert prompt == ["<|startoftranscript|>", "<|nl|>", "<|transcribe|>", "<|notimestamps|>"]
    tuned = load_tuned(tmp_path / "tuned")
    assert (tuned.model.generation_config.language, tuned.model.generation_config.task) == ("nl", "transcribe")
    name = "model.decoder.embed_tokens.weight"
    assert not torch.equal(weights(tuned)[name], weights(untouched)[name])


def test_processes_that_read_ahead_change_nothing(tmp_path: Path) -> None:
    settings = recipe(epochs=2, effective_batch=4, window="pack", full_window_share=0.3, frequency_masks=1)

    alone, _ = run(tmp_path / "alone", settings)
    ahead, _ = run(tmp_path / "ahead", settings, loader_workers=2)

    for name, expected in weights(alone).items():
        assert torch.equal(weights(ahead)[name], expected), name


@pytest.mark.usefixtures("always_better")
def test_checkpoints_are_saved_within_an_epoch_when_it_is_time(tmp_path: Path) -> None:
    settings = recipe(effective_batch=4, keep_checkpoints=9)

    run(tmp_path / "often", settings, minutes=1e-9)
    run(tmp_path / "seldom", settings, minutes=60)

    assert sorted(path.name for path in (tmp_path / "often/run").glob("check*")) == [f"checkpoint-{n}" for n in (1, 2, 3, 4)]
    assert [path.name for path in (tmp_path / "seldom/run").glob("check*")] == ["checkpoint-4"]


class After(StopRequest):
    """A request that is made once it has been looked for so many times."""

    def __init__(self, times: int) -> None:
        self._times = times

    @property
    def is_made(self) -> bool:
        """Counts."""
        self._times -= 1
        return self._times < 0


LONG = {"epochs": 3, "effective_batch": 5, "window": "fit", "full_window_share": 0.3, "dropout": 0.1, "time_masks": 1}


@pytest.fixture(scope="module")
def unbroken_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Whisper, Trained]:
    return run(tmp_path_factory.mktemp("unbroken"), recipe(**LONG))


def test_same_inputs_same_weights(tmp_path: Path, unbroken_run: tuple[Whisper, Trained]) -> None:
    again, _ = run(tmp_path, recipe(**LONG))

    for name, expected in weights(unbroken_run[0]).items():
        assert torch.equal(weights(again)[name], expected), name


@pytest.mark.parametrize("asked", [0, 4, 7])  # within the first epoch, after it, within the second
def test_a_stopped_run_goes_on_to_the_same_end(tmp_path: Path, unbroken_run: tuple[Whisper, Trained], asked: int) -> None:
    with pytest.raises(StoppedError):
        run(tmp_path / "stopped", recipe(**LONG), stop=After(asked))
    assert list((tmp_path / "stopped" / "run").glob("checkpoint-*"))

    require_same_end(tmp_path / "stopped", unbroken_run)


def require_same_end(folder: Path, unbroken_run: tuple[Whisper, Trained]) -> None:
    unbroken, expected = unbroken_run

    whisper, trained = run(folder, recipe(**LONG))

    assert curves(trained.log_history) == curves(expected.log_history)
    assert (trained.best_step, trained.steps, trained.epochs) == (expected.best_step, 12, 3.0)
    for name, value in weights(unbroken).items():
        assert torch.equal(weights(whisper)[name], value), name


def test_whichever_part_of_the_newest_checkpoint_is_damaged_the_run_goes_on_from_the_one_before_to_the_same_end(
    tmp_path: Path, unbroken_run: tuple[Whisper, Trained]
) -> None:
    with pytest.raises(StoppedError):
        run(tmp_path / "stopped", recipe(**LONG), stop=After(7))
    _, last = sorted((tmp_path / "stopped/run").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    parts = sorted(path.name for path in last.iterdir() if path.name != SUMS)
    assert {"model.safetensors", "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"} < set(parts)
    left = []
    for damage in (flip, cut):
        for part in parts:
            folder = tmp_path / f"{damage.__name__} {part}"
            shutil.copytree(last.parent, folder / "run")
            damage(folder / "run" / last.name / part)
            assert checked(folder / "run") == folder / "run/checkpoint-4", part
            left.append(tree(folder))

    assert left == [left[0]] * len(left)
    require_same_end(folder, unbroken_run)


def test_weights_of_the_best_epoch_that_were_damaged_since_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter((100.0, 10.0, 20.0))
    best = tmp_path / "run/checkpoint-1"

    def validate(*args: Any) -> Validation:
        if best.is_dir():
            flip(best / "model.safetensors")
        return Validation(1.0, next(rates), [])

    monkeypatch.setattr(Validator, "validate", validate)

    with pytest.raises(DataError, match=r"run/checkpoint-1: the best epoch's, and damaged; run it again, and it goes on from"):
        run(tmp_path, recipe(epochs=2))

    assert checked(tmp_path / "run") is None


class Meanwhile(StopRequest):
    """A request that is made in the first validation with so many checkpoints there, at the fourth look."""

    def __init__(self, folder: Path, checkpoints: int) -> None:
        self._folder, self._checkpoints, self.looks = folder, checkpoints, 0

    @property
    def is_made(self) -> bool:
        """Counts."""
        self.looks += len(list(self._folder.glob("checkpoint-*"))) == self._checkpoints
        return self.looks > 3


@pytest.mark.parametrize("checkpoints", [0, 1])  # before the first step, after the second epoch
def test_a_stop_does_not_wait_for_the_end_of_validation_and_the_run_goes_on_to_the_same_end(
    tmp_path: Path, unbroken_run: tuple[Whisper, Trained], checkpoints: int
) -> None:
    stop = Meanwhile(tmp_path / "run", checkpoints)

    with pytest.raises(StoppedError):
        run(tmp_path, recipe(**LONG), stop_validating=stop)

    assert stop.looks == 4, "nothing was computed after it"
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-4"][:checkpoints]
    if checkpoints:  # else it begins anew
        require_same_end(tmp_path, unbroken_run)


def test_all_ranks_end_when_one_was_asked_to_within_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path)), None, "transcribe")
    examples = replace(unequal(whisper, 3), languages=[None] * 3)
    here = Validator(whisper, examples, ["a.wav"] * 3, ["a"] * 3, Normalization("basic_english"), SHORT)
    said: list[Any] = []

    def gather(gathered: list[Any], found: Any) -> None:
        said.append(found)
        gathered[:] = [found, None]  # the other rank was asked

    monkeypatch.setattr("asr.training.validation.distributed.all_gather_object", gather)
    for validator in (here, replace(here, stop=After(0))):
        with pytest.raises(StoppedError):
            validator.validate(lambda batch, group: torch.zeros(()), lambda window: 3, rank=0, ranks=2)

    assert [found is None for found in said] == [False, True], "each comes to where the others wait"


def test_a_run_that_had_ended_for_want_of_improvement_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = iter(SCRIPT)
    monkeypatch.setattr(Validator, "validate", lambda *args: Validation(1.0, next(rates), []))
    settings = recipe(epochs=6, early_stopping_patience=2)
    expected = run(tmp_path, settings)[1]

    trained = run(tmp_path, settings)[1]

    assert (trained.best_step, trained.best_error_rate, trained.epochs, trained.steps) == (2, 20.0, 4.0, expected.steps)


def test_the_base_model_is_validated_once_in_the_window_that_it_was_trained_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    windows: list[bool] = []

    def validate(self: Validator, *args: Any) -> Validation:
        windows.append(self.whisper.is_fitted)
        return Validation(1.0, 100.0 - len(windows), [])

    monkeypatch.setattr(Validator, "validate", validate)
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    examples = unequal(whisper, 8)
    validator = Validator(whisper, examples, [""] * 8, [""] * 8, Normalization("basic_english"))
    settings = recipe(window="fit", epochs=2)

    trained = train(whisper, examples, validator, settings, tmp_path / "run", None, StopRequest(tmp_path / "stop"))

    assert windows == [False, True, True]
    assert (trained.base_error_rate, trained.best_error_rate, trained.best_step) == (99.0, 97.0, 2)
    assert whisper.is_fitted
    said = capsys.readouterr().err
    assert "train: before the first step, validation WER 99.0 %\n" in said
    assert trained.seconds["validating"] > 0


def test_a_run_that_diverges_is_ended_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        DivergedError, match=r"^step \d: (the|validation's) loss was .* at first and is .*; training has diverged: .*"
    ) as told:
        run(tmp_path, recipe(learning_rate=1e4, epochs=4, effective_batch=8))

    assert not list((tmp_path / "run").glob("checkpoint-*")), "it would go on from there for ever"

    assert "lower train.learning_rate, which is 10000, to a tenth, or set it to auto" in str(told.value)


def losses_of(trained: Trained) -> list[float]:
    return logged(trained, "loss")


def logged(trained: Trained, key: str) -> list[float]:
    return [entry[key] for entry in trained.log_history if key in entry]


def moved(whisper: Whisper, folder: Path) -> set[str]:
    """The parameters that differ from those of the model that training began with."""
    before = weights(load(str(folder / "model"), None, "transcribe"))
    return {name for name, value in weights(whisper).items() if not torch.equal(value, before[name])}


ENCODER = "model.encoder."


@pytest.fixture(scope="module")
def plain_losses(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return losses_of(run(tmp_path_factory.mktemp("plain"), recipe(effective_batch=8, epochs=2))[1])


@pytest.mark.usefixtures("always_better")
@pytest.mark.parametrize(
    "changes",
    [
        {"window": "fit", "full_window_share": 0.5},
        {"window": "pack", "full_window_share": 0.5},
        {"precision": "bf16"},
        {"layer_lr_decay": 0.5},
        {"label_smoothing": 0.1},
        {"dropout": 0.1},
        {"gain_probability": 1.0},
        {"time_masks": 2},
        {"frequency_masks": 2},
        {"schedule": "cosine"},
        {"schedule": "linear"},
        {"warmup_share": 0.5},
        {"weight_decay": 0.5},
        {"max_gradient_norm": 1e-9},
        {"freeze_encoder_layers": 1},
        {"learning_rate": "auto"},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_changes_what_is_learned(tmp_path: Path, plain_losses: list[float], changes: dict[str, Any]) -> None:
    whisper, trained = run(tmp_path, recipe(effective_batch=8, epochs=2, **changes))

    losses = losses_of(trained)
    assert len(losses) == trained.steps == 4
    assert losses[-1] < losses[0]
    assert losses != pytest.approx(plain_losses, rel=1e-6)
    assert "model.decoder.layer_norm.weight" in moved(whisper, tmp_path)
    assert f"{ENCODER}embed_positions.weight" not in moved(whisper, tmp_path)


@pytest.mark.usefixtures("always_better")
@pytest.mark.parametrize("batch_size", ["auto", 3])
def test_activation_checkpointing_changes_nothing(tmp_path: Path, plain_losses: list[float], batch_size: Any) -> None:
    _, trained = run(tmp_path, recipe(effective_batch=8, epochs=2, activation_checkpointing=True, batch_size=batch_size))

    assert trained.activation_checkpointing
    assert losses_of(trained) == pytest.approx(plain_losses, rel=1e-5)


@pytest.mark.usefixtures("always_better")
def test_activations_are_checkpointed_when_one_clip_would_not_fit_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([None, Limits({64: 2}), None, None])
    monkeypatch.setattr("asr.training.run.find_limits", lambda *args: next(found))

    _, trained = run(tmp_path / "large", recipe(activation_checkpointing="auto"))

    assert (trained.activation_checkpointing, trained.rows_at_once) == (True, 2)
    with pytest.raises(DataError, match=r"model.name: one clip at a time is too much for the memory of this cpu"):
        run(tmp_path / "too_large", recipe(activation_checkpointing="auto"))


@pytest.mark.usefixtures("always_better")
def test_after_a_training_that_checkpointed_activations_another_keeps_them_where_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([None, Limits({64: 2}), Limits({64: 2})])
    monkeypatch.setattr("asr.training.run.find_limits", lambda *args: next(found))
    whisper = tiny(tmp_path)
    for name in ("short", "whole"):
        (tmp_path / name).mkdir()

    _, short = run(tmp_path / "short", recipe(activation_checkpointing="auto"), whisper=whisper)
    _, whole = run(tmp_path / "whole", recipe(activation_checkpointing="auto"), whisper=whisper)

    assert (short.activation_checkpointing, whole.activation_checkpointing) == (True, False)
    assert not any(getattr(module, "gradient_checkpointing", False) for module in whisper.model.modules())


def test_a_model_that_does_not_fit_into_memory_is_left_without_loras_matrices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr.training.run.find_limits", lambda *args: None)
    whisper = tiny(tmp_path)
    names = set(weights(whisper))

    with pytest.raises(DataError, match=r"one clip at a time is too much"):
        run(tmp_path, recipe(lora_rank=4, activation_checkpointing=False), whisper=whisper)

    assert set(weights(whisper)) == names


def forget_compiled() -> None:
    torch._dynamo.reset()
    counters.clear()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "clips", "windows"), [({}, 4, 3), ({"precision": "bf16"}, 3, 2), ({"lora_rank": 4}, 3, 2)], ids=str
)
def test_compiled_it_learns_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], clips: int, windows: int
) -> None:
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))  # torch's own takes minutes
    monkeypatch.setattr("asr.training.plan.PASS_FRAMES", 0)
    settings = {"window": "fit", "full_window_share": 0.3, "effective_batch": 2, **changes}
    _, plain = run(tmp_path / "plain", recipe(**settings), clips=clips)
    forget_compiled()

    with torch._dynamo.config.patch(recompile_limit=1):
        whisper, trained = run(tmp_path / "compiled", recipe(torch_compile=True, **settings), clips=clips)

    assert len({fitted(20 + 10 * clip, whisper.window_frames) for clip in range(clips)}) == windows
    assert counters["frames"]["ok"] == counters["frames"]["total"] >= windows
    assert losses_of(trained) == pytest.approx(losses_of(plain), rel=1e-5)


@pytest.mark.slow
def test_compiled_by_inductor_it_learns_the_same(tmp_path: Path) -> None:
    _, plain = run(tmp_path / "plain", recipe(epochs=2), clips=4)
    forget_compiled()

    _, trained = run(tmp_path / "compiled", recipe(torch_compile=True, epochs=2), clips=4)

    assert counters["frames"]["ok"] > 0
    assert losses_of(trained) == pytest.approx(losses_of(plain), rel=1e-4)


@pytest.mark.usefixtures("always_better")
def test_a_frozen_encoder_stays_as_it_was(tmp_path: Path) -> None:
    whisper, _ = run(tmp_path, recipe(freeze_encoder_layers="all"))

    assert not any(name.startswith(ENCODER) for name in moved(whisper, tmp_path))
    assert "model.decoder.layer_norm.weight" in moved(whisper, tmp_path)


def test_lora_leaves_an_ordinary_model_behind(tmp_path: Path) -> None:
    whisper, trained = run(tmp_path, recipe(lora_rank=4, lora_dropout=0.1, effective_batch=8, epochs=2))

    whisper.save(tmp_path / "tuned")

    assert losses_of(trained)[-1] < losses_of(trained)[0]
    assert set(weights(whisper)) == set(weights(load(str(tmp_path / "model"), None, "transcribe")))
    assert all(name.endswith(("proj.weight", "fc1.weight", "fc2.weight")) for name in moved(whisper, tmp_path))
    assert len(moved(load_tuned(tmp_path / "tuned"), tmp_path)) == 2 * 6 + 4  # the decoder attends twice


@pytest.mark.usefixtures("always_better")
def test_limits_are_tried_as_training_will_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def find(trial: Trial, windows: list[int], *others: Any) -> Limits:
        kept.append(kept_bytes(trial, 1, windows[0]))
        return Limits({windows[0]: 16})

    monkeypatch.setattr("asr.training.run.find_limits", find)
    for checkpointing in (False, True):
        run(tmp_path / str(checkpointing), recipe(activation_checkpointing=checkpointing))

    assert kept[1] < 0.8 * kept[0]


def test_validation_of_lora_casts_each_weight_once(tmp_path: Path) -> None:
    whisper = load(str(write_tiny_whisper(tmp_path)), None, "transcribe")
    model = with_lora(whisper.model, 4, 8, 0.0)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    with cast_once(model):
        assert casts(whisper, tokens=20)["model.decoder.layers.0.fc1.base_layer.weight"] == 1
    assert casts(whisper, tokens=20)["model.decoder.layers.0.fc1.base_layer.weight"] > 1

    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == trained


def test_validation_of_lora_is_no_training(tmp_path: Path) -> None:
    still = {"lora_rank": 4, "learning_rate": 1e-12}
    _, plain = run(tmp_path / "plain", recipe(**still))

    _, smoothed = run(tmp_path / "smoothed", recipe(**still, label_smoothing=0.5, lora_dropout=0.5))

    assert curves(smoothed.log_history)[0]["validation_loss"] == pytest.approx(
        curves(plain.log_history)[0]["validation_loss"], rel=1e-6
    )


def out_of_memory_at(rows: int, whole: Callable[..., Any], training: bool = True) -> Callable[..., Any]:
    def loss(trainer: StepTrainer, batch: StepBatch, group: slice) -> torch.Tensor:
        if len(batch.rows[group]) >= rows and trainer.model.training is training:
            raise torch.OutOfMemoryError("no memory left")
        return whole(trainer, batch, group)  # type: ignore[no-any-return]

    return loss


def test_out_of_memory_halves_what_is_taken_at_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unbroken, _ = run(tmp_path / "unbroken", recipe(batch_size=16))
    monkeypatch.setattr(StepTrainer, "loss", out_of_memory_at(5, StepTrainer.loss))

    whisper, trained = run(tmp_path / "broken", recipe(batch_size=16))

    assert (trained.halvings, trained.rows_at_once) == (2, 4)
    assert capsys.readouterr().err.count("out of memory; half as many clips at a time") == 2
    for name, expected in weights(unbroken).items():
        torch.testing.assert_close(weights(whisper)[name], expected, rtol=0, atol=2e-4, msg=name)


def test_out_of_memory_in_validation_is_no_end_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, unbroken = run(tmp_path / "unbroken", recipe(batch_size=16))
    monkeypatch.setattr(StepTrainer, "loss", out_of_memory_at(5, StepTrainer.loss, training=False))

    _, trained = run(tmp_path / "broken", recipe(batch_size=16))

    assert trained.best_error_rate == unbroken.best_error_rate
    assert (trained.halvings, trained.rows_at_once) == (0, 16), "what is too much there is not too much for training"


@pytest.mark.usefixtures("always_better")
def test_out_of_memory_with_one_clip_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StepTrainer, "loss", out_of_memory_at(1, StepTrainer.loss))

    with pytest.raises(
        DataError, match=r"out of memory with one clip at a time \(no memory left\); choose a smaller model.name"
    ):
        run(tmp_path, recipe(batch_size=2))


def test_the_8_bit_optimiser_is_asked_for_and_spares_the_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for bitsandbytes, which needs not be there."""
    asked, manager = [], Mock()

    class Standing(torch.optim.AdamW):
        def __init__(self, groups: Any, optim_bits: int, is_paged: bool, **options: Any) -> None:
            asked.append((optim_bits, is_paged))
            super().__init__(groups, **options)

    Standing.__module__ = "bitsandbytes.optim"  # by which the library knows it
    package, optim = ModuleType("bitsandbytes"), ModuleType("bitsandbytes.optim")
    vars(optim).update(AdamW=Standing, Lion=None, RMSprop=None, GlobalOptimManager=manager)
    vars(package).update(optim=optim)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", optim)
    monkeypatch.setitem(sys.modules, "bitsandbytes", package)
    monkeypatch.setattr("transformers.trainer_optimizer.is_bitsandbytes_available", lambda: True)

    whisper, _ = run(tmp_path, recipe(optimizer="adamw_8bit"))

    assert asked == [(8, False)]
    spared = manager.get_instance.return_value.register_module_override.call_args_list
    assert call(whisper.model.model.decoder.embed_tokens, "weight", {"optim_bits": 32}) in spared
    assert moved(whisper, tmp_path)


@pytest.mark.usefixtures("always_better")
def test_the_real_8_bit_optimiser_learns_nearly_the_same(tmp_path: Path, plain_losses: list[float]) -> None:
    pytest.importorskip("bitsandbytes")

    _, trained = run(tmp_path, recipe(effective_batch=8, epochs=2, optimizer="adamw_8bit"))

    assert losses_of(trained) == pytest.approx(plain_losses, rel=1e-3)


def test_the_optimisers_bytes(tmp_path: Path) -> None:
    model = load(str(write_tiny_whisper(tmp_path)), None, "transcribe").model
    freeze_encoder(model, 0)
    trained = {id(parameter): parameter.numel() for parameter in model.parameters() if parameter.requires_grad}
    embeddings = model.model.decoder.embed_tokens.weight.numel() + model.model.decoder.embed_positions.weight.numel()

    assert state_bytes(model, "adamw") == 8 * sum(trained.values())
    assert state_bytes(model, "adamw_8bit") == 2 * sum(trained.values()) + 6 * embeddings


def test_an_optimiser_that_is_not_installed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.training.optimizer.find_spec", lambda name: None)

    with pytest.raises(DataError, match=r"train.optimizer is adamw_8bit, which needs bitsandbytes"):
        require_optimizer("adamw_8bit")


def test_curves_have_a_row_per_step_with_both_losses(tmp_path: Path) -> None:
    _, trained = run(tmp_path, recipe(epochs=3, effective_batch=8))

    table = curves(trained.log_history)

    assert [row["step"] for row in table] == [0, 1, 2, 3, 4, 5, 6]
    assert table[0]["epoch"] == 0
    assert all(row[name] is not None for row in table[1:] for name in ("train_loss", "learning_rate", "gradient_norm"))
    for name in ("validation_loss", "validation_error_rate"):
        assert [row[name] is not None for row in table] == [True, *[False, True] * 3]
    assert list((tmp_path / "events").iterdir())
