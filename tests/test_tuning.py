"""Tuning: a rate is searched for, epochs are averaged, and a share of the base model is kept, all by what is heard."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from peft import get_peft_model_state_dict
from safetensors.torch import save_file

from asr.base.errors import DataError
from asr.base.files import write_json
from asr.base.text import Normalization
from asr.machine.device import Precision
from asr.machine.shutdown import StopRequest
from asr.model.checksums import write_sums
from asr.model.transcribe import Hypothesis
from asr.model.whisper import Whisper, load
from asr.training.batch import Examples
from asr.training.callbacks import DivergedError, StoppedError
from asr.training.epochs import error_rates, keep_epoch, kept_epochs
from asr.training.labels import at
from asr.training.recipe import Train
from asr.training.run import Trained, train
from asr.training.trainable import merged, with_lora
from asr.training.validation import Validation, Validator
from asr.tuning.keeping import Kept, Point, along, chosen, keep_best, keep_share, kept_as, point, worse
from asr.tuning.search import Tried, best_rate, rates_around, search, short, tried_on
from asr.tuning.tune import Tuned, tune
from asr.tuning.weights import between, mean_of, take, weights_of
from tests.recipes import recipe
from tests.sounds import write_tiny_whisper
from tests.test_training import SHORT, text, unequal


@pytest.fixture
def whisper(tmp_path: Path) -> Whisper:
    return load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")


def judge(whisper: Whisper, clips: int, stop: StopRequest | None = None) -> Validator:
    names, texts = [f"{clip}.wav" for clip in range(clips)], [text(clip) for clip in range(clips)]
    return Validator(whisper, unequal(whisper, clips), names, texts, Normalization("basic_english"), SHORT, stop)


def rates(values: Sequence[float], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have validators find these error rates one after the other; returns what is filled with the number of clips heard."""
    given, heard = iter(values), list[int]()

    def found(self: Validator, precision: Precision) -> Validation:
        heard.append(len(self.texts))
        return alike(next(given), len(self.texts))

    monkeypatch.setattr(Validator, "heard", found)
    return heard


def alike(error_rate: float, clips: int = 4) -> Validation:
    """What is heard where each of the clips has this error rate, so that the same in others would be."""
    return Validation(0.0, error_rate, [], errors=[round(10 * error_rate)] * clips, words=[1000] * clips)


def outcome(rate: float, error_rate: float) -> Trained:
    log = [{"step": 4.0, "eval_loss": 10 * rate, "eval_error_rate": error_rate}]
    return Trained("full", "fp32", rate, 1, False, 1, 0, 4, 1.0, 4, error_rate, 50.0, "WER", 8, 0, log, {})


def tuned(whisper: Whisper, settings: Train, folder: Path, error_rate: float = 20.0) -> tuple[Tuned, list[float]]:
    """Tune with a training that adds 1 to every weight, and lists the rates that it is given."""
    given = list[float]()

    def training(examples: Examples, validator: Validator, settings: Train, place: Path) -> Trained:
        given.append(float(settings.learning_rate))
        take(whisper.model, {name: value + 1 for name, value in weights_of(whisper.model).items()})
        return outcome(given[-1], error_rate + 1e4 * abs(given[-1] - 1e-3))

    return tune(judge(whisper, 4), unequal(whisper, 8), settings, folder, training), given


def added(whisper: Whisper, base: dict[str, torch.Tensor]) -> float:
    """By how much all weights are above the base model's, which has to be the same."""
    (amount,) = {round(float((value - base[name]).mean()), 3) for name, value in weights_of(whisper.model).items()}
    return amount


def test_without_any_choice_the_result_is_the_trained_model_and_the_base_is_not_kept_in_memory(
    whisper: Whisper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = weights_of(whisper.model)
    monkeypatch.setattr("asr.tuning.tune.weights_of", lambda model: pytest.fail("the weights are copied"))

    found, _ = tuned(whisper, recipe(learning_rate=1e-3), tmp_path)

    assert (found.averaged, found.searched, found.error_rate) == (1, [], 20.0)
    assert added(whisper, base) == 1


def test_the_rate_with_the_lowest_error_on_validation_is_taken_and_each_trial_begins_with_the_base(
    whisper: Whisper, tmp_path: Path
) -> None:
    base = weights_of(whisper.model)
    auto = 1e-3 / 3  # so that the third of the rates is the best
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("asr.training.recipe.RATE_BY_WIDTH", {8: auto, 1280: auto})
        found, given = tuned(whisper, recipe(learning_rate="search", search_share=0.5), tmp_path)

    assert given == [1e-4, 3.33e-4, 1e-3, 3.33e-3, 1e-3]
    assert [tried.rate for tried in found.searched] == [1e-4, 3.33e-4, 1e-3, 3.33e-3]
    assert added(whisper, base) == 1


def test_a_search_that_was_stopped_tries_no_rate_again_and_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = list[float]()

    def attempt(rate: float, folder: Path) -> Tried:
        tried.append(rate)
        if tried == [0.1, 0.2]:
            raise StoppedError
        return Tried(rate, 3, 10 * rate, 1.0)

    with pytest.raises(StoppedError):
        search([0.1, 0.2, 0.4], tmp_path, attempt)
    found = search([0.1, 0.2, 0.4], tmp_path, attempt)

    assert tried == [0.1, 0.2, 0.2, 0.4]
    assert best_rate(found) == 0.1
    assert capsys.readouterr().err.splitlines() == [
        "train: the search tries the rate 0.1, 1 of 3",
        "train: the rate 0.1 comes to 1.0 % errors on validation clips",
        "train: the search tries the rate 0.2, 2 of 3",
        "train: the rate 0.1 comes to 1.0 % errors on validation clips",
        "train: the search tries the rate 0.2, 2 of 3",
        "train: the rate 0.2 comes to 2.0 % errors on validation clips",
        "train: the search tries the rate 0.4, 3 of 3",
        "train: the rate 0.4 comes to 4.0 % errors on validation clips",
    ]


@pytest.mark.parametrize(("rank", "written"), [(0, ["0.1.json"]), (1, [])])
def test_of_several_ranks_the_first_alone_writes_what_a_rate_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int, written: list[str]
) -> None:
    tried, by_this_rank = Tried(0.1, 3, 50.0, 1.0), list[str]()

    def meet() -> None:
        by_this_rank.extend(path.name for path in tmp_path.iterdir())
        write_json(tmp_path / "0.1.json", asdict(tried))  # as the first rank has by then

    monkeypatch.setattr("asr.tuning.search.rank_and_ranks", lambda: (rank, 2))
    monkeypatch.setattr("asr.tuning.search.wait_for_all", meet)

    assert search([0.1], tmp_path, lambda rate, folder: tried) == [tried]
    assert by_this_rank == written


def test_a_rate_that_diverges_is_not_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def attempt(rate: float, folder: Path) -> Tried:
        if rate > 1:
            raise DivergedError("the loss was 1 at first and is 100")
        return Tried(rate, 3, 50.0, 1.0)

    found = search([0.1, 10.0], tmp_path, attempt)

    assert found[1] == Tried(10.0, 0, None, None)
    assert best_rate(found) == 0.1
    assert "train: the rate 10 diverges\n" in capsys.readouterr().err


def test_where_every_rate_diverges_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"^every rate that was tried, 0.1 to 10, has diverged; set train.learning_rate to a lower"
    ):
        best_rate([Tried(0.1, 0, None, None), Tried(10.0, 0, None, None)])


def test_a_short_training_has_30_steps_or_as_many_as_the_whole_recipe_lets_it() -> None:
    settings = recipe(epochs=5, effective_batch=32, learning_rate="search")

    assert short(settings, 1e-4, 225) == settings.model_copy(
        update={"learning_rate": 1e-4, "epochs": 4, "early_stopping_patience": 4}
    )
    assert short(settings, 1e-4, 64).epochs == 5
    assert rates_around(3.75e-5) == [1.12e-5, 3.75e-5, 1.12e-4, 3.75e-4]


@pytest.mark.parametrize(
    ("epochs", "batch", "lengths"),
    [(30, 2, [20, 40, 60, 80]), (10, 2, [20, 30, 40, 60, 70, 80]), (5, 32, [20, 30, 40, 50, 60, 70, 80, 90])],
    ids=["the share", "more for 30 steps", "all, as even these make fewer"],
)
def test_a_rate_is_tried_on_a_share_of_the_clips_from_all_over_the_list_that_makes_30_steps(
    whisper: Whisper, epochs: int, batch: int, lengths: list[int]
) -> None:
    some = tried_on(unequal(whisper, 8), recipe(epochs=epochs, effective_batch=batch, search_share=0.5))

    assert [len(clip) for clip in some.frames] == lengths


@pytest.mark.parametrize(
    ("points", "share"),
    [
        ([(0.0, 20.0, 7.0), (0.1, 20.5, 2.0), (0.2, 21.0, 0.0), (0.3, 22.0, -1.0)], 0.2),
        ([(0.0, 20.0, 0.0), (0.1, 19.0, -0.5), (0.2, 19.0, 0.0), (0.3, 21.0, 0.0)], 0.2),
        ([(0.0, 20.0, 7.0), (0.1, 21.0, 3.0), (0.2, 22.0, 3.0)], 0.1),
    ],
    ids=["the best that forgets nothing", "of equals the one that keeps more", "all forget"],
)
def test_of_the_base_model_is_kept_what_forgets_nothing_and_hears_best(
    points: list[tuple[float, float, float]], share: float
) -> None:
    assert chosen([Point(share, rate, {}, forgotten) for share, rate, forgotten in points]).share == share


def test_what_a_point_has_forgotten_is_said_by_the_set_that_suffered_most() -> None:
    assert point(0.1, 20.0, {"a": alike(5.0), "b": alike(9.0)}, {"a": alike(6.0), "b": alike(7.5)}).forgotten == 1.5
    assert point(0.1, 20.0, {"a": alike(5.0)}, {"a": alike(6.0)}).forgotten == -1.0
    assert point(0.1, 20.0, {}, {}).forgotten == 0.0


@pytest.mark.parametrize(
    ("errors", "worse_by"),
    [([3, 1, 1, 1], 0.0), ([2, 2, 1, 1], 2.11), ([2, 2, 2, 2], 10.0), ([1, 1, 1, 0], -5.0)],
    ids=["two errors more in one clip", "one more in two of four", "one more in each", "one less"],
)
def test_a_few_errors_more_in_a_few_clips_are_not_forgetting(errors: list[int], worse_by: float) -> None:
    base = Validation(0.0, 10.0, [], errors=[1, 1, 1, 1], words=[10, 10, 10, 10])

    assert round(worse(Validation(0.0, 0.0, [], errors=errors, words=base.words), base), 2) == worse_by


def test_a_clip_of_more_words_weighs_more() -> None:
    base = Validation(0.0, 0.0, [], errors=[0, 0], words=[90, 10])

    assert worse(Validation(0.0, 0.0, [], errors=[9, 1], words=[90, 10]), base) == pytest.approx(10)
    assert worse(Validation(0.0, 0.0, [], errors=[9, 0], words=[90, 10]), base) == pytest.approx(9 - 1.8)


def test_one_clip_tells_nothing_of_chance() -> None:
    assert worse(Validation(0.0, 0.0, [], errors=[2], words=[10]), Validation(0.0, 0.0, [], errors=[1], words=[10])) == 10


def test_no_more_shares_are_heard_once_they_only_make_it_worse() -> None:
    curve = {0.0: (20.0, 3.0), 0.1: (19.0, 0.0), 0.2: (18.0, -1.0), 0.3: (18.5, -2.0)}

    points = along(lambda share: Point(share, curve[share][0], {}, curve[share][1]))

    assert [each.share for each in points] == [0.0, 0.1, 0.2, 0.3]


@pytest.fixture
def base(whisper: Whisper, tmp_path: Path) -> Whisper:
    """The model that `whisper` was before 1 was added to every weight."""
    base = load(str(tmp_path / "model"), None, "transcribe")
    take(whisper.model, {name: value + 1 for name, value in weights_of(whisper.model).items()})
    return base


def test_the_share_that_is_chosen_is_in_the_model(whisper: Whisper, base: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    # The base model on general, and then of each share general and validation; at last the result on validation.
    clips = rates([5.0, 9.0, 20.0, 6.0, 20.0, 5.0, 21.0, 4.0, 22.0, 21.0], monkeypatch)
    silent = at(unequal(whisper, 8), [5, 6])

    kept = keep_best(judge(whisper, 4), silent, {"general": judge(whisper, 6)}, base, "fp32")

    assert [(each.share, each.error_rate, each.forgotten) for each in kept.points] == [
        (0.0, 20.0, 4.0), (0.1, 20.0, 1.0), (0.2, 21.0, 0.0), (0.3, 22.0, -1.0),
    ]  # fmt: skip
    assert (kept.share, kept.error_rate) == (0.2, 21.0)
    assert added(whisper, weights_of(base.model)) == 0.8
    assert clips == [6, 6, 4 + 2, 6, 4 + 2, 6, 4 + 2, 6, 4 + 2, 4]
    assert kept_as(asdict(kept)) == kept


def test_a_share_that_is_set_is_in_the_model(whisper: Whisper, base: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = rates([21.0], monkeypatch)

    assert keep_share(judge(whisper, 4), base, 0.3, "fp32") == Kept([], 0.3, 21.0)

    assert added(whisper, weights_of(base.model)) == 0.7
    assert clips == [4]


def test_the_base_model_is_heard_in_its_own_window_and_the_others_in_theirs(
    whisper: Whisper, base: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = list[bool]()

    def heard(self: Validator, precision: Precision) -> Validation:
        fitted.append(self.whisper.is_fitted)
        return alike(10.0)

    monkeypatch.setattr(Validator, "heard", heard)
    whisper.mark_fitted(True)

    keep_best(judge(whisper, 4), at(unequal(whisper, 4), []), {"g": judge(whisper, 2)}, base, "fp32")

    assert fitted[0] is False
    assert set(fitted[1:]) == {True}


def test_a_word_where_nothing_is_said_is_an_error(whisper: Whisper) -> None:
    spoken = unequal(whisper, 4)
    both = judge(whisper, 2).besides(at(spoken, [3]))

    found = both._compared(0.0, [Hypothesis(said, False) for said in (text(0), text(1), "more words")])

    assert [len(clip) for clip in both.examples.frames] == [20, 30, 50]
    spoken_words = [len(text(clip).split()) for clip in (0, 1)]
    assert found.error_rate == round(100 * 2 / sum(spoken_words), 2)
    assert (found.errors, found.words) == ([0, 0, 2], [*spoken_words, 0])


def test_the_mean_of_epochs_is_taken_where_it_is_heard_no_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, found, averaged in (("better", 19.0, 2), ("worse", 21.0, 1)):
        whisper = load(str(write_tiny_whisper(tmp_path / f"{name} model")), None, "transcribe")
        base = weights_of(whisper.model)
        for step in (4, 8):
            folder = tmp_path / name / "epochs" / str(step)
            folder.mkdir(parents=True)
            save_file({key: value + step for key, value in base.items()}, folder / "model.safetensors")
            write_sums(folder)
        rates([found], monkeypatch)

        result, _ = tuned(whisper, recipe(learning_rate=1e-3, average=2), tmp_path / name)

        assert (result.averaged, result.error_rate) == (averaged, min(found, 20.0))
        assert added(whisper, base) == (6 if averaged == 2 else 1)


def test_the_mean_of_loras_epochs_is_that_of_the_models_they_make(whisper: Whisper, tmp_path: Path) -> None:
    base, whole = weights_of(whisper.model), list[dict[str, torch.Tensor]]()
    for step in (1, 2):
        lora = with_lora(whisper.model, 2, 8, 0.0)
        torch.manual_seed(step)
        with torch.no_grad():
            for name, value in lora.named_parameters():
                if "lora_" in name:
                    value.normal_()
        (tmp_path / str(step)).mkdir()
        save_file(get_peft_model_state_dict(lora), tmp_path / str(step) / "adapter_model.safetensors")
        write_sums(tmp_path / str(step))
        whole.append(weights_of(merged(lora)))
        take(whisper.model, base)

    mean = mean_of([tmp_path / "1", tmp_path / "2"], base, lora_scale=4.0)

    for name, found in mean.items():
        torch.testing.assert_close(found, (whole[0][name] + whole[1][name]) / 2, atol=1e-5, rtol=1e-5)
    assert any((found != base[name]).any() for name, found in mean.items())


def test_damaged_weights_of_an_epoch_are_named(whisper: Whisper, tmp_path: Path) -> None:
    base = weights_of(whisper.model)
    save_file(base, tmp_path / "model.safetensors")
    write_sums(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:-1])

    with pytest.raises(DataError, match=r"the weights of this epoch are damaged; remove .* to train anew"):
        mean_of([tmp_path], base, 0.0)


def test_only_the_best_epochs_are_kept(tmp_path: Path) -> None:
    found = {4: 30.0, 8: 20.0, 12: 25.0, 16: 20.0}
    for step in found:
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        (checkpoint / "model.safetensors").write_text(str(step))
        keep_epoch(checkpoint, {other: rate for other, rate in found.items() if other <= step}, 2)
    between_epochs = tmp_path / "checkpoint-18"
    between_epochs.mkdir()
    keep_epoch(between_epochs, found, 2)
    (tmp_path / "epochs/20.unfinished").mkdir()  # by a kill

    assert [(path.name, (path / "model.safetensors").read_text()) for path in kept_epochs(tmp_path)] == [
        ("8", "8"),
        ("16", "16"),
    ]


def test_the_base_models_rate_is_that_of_no_epoch() -> None:
    log = [{"step": 0, "eval_error_rate": 5.0}, {"step": 4, "loss": 1.0}, {"step": 4, "eval_error_rate": 9.0}]

    assert error_rates(log) == {4: 9.0}


def test_what_lies_between_two_models(whisper: Whisper) -> None:
    base = weights_of(whisper.model)
    other = {name: value + 1 for name, value in base.items()}

    assert all(torch.equal(value, other[name]) for name, value in between(other, base, 0.0).items())
    assert all(torch.equal(value, base[name]) for name, value in between(other, base, 1.0).items())


def test_some_clips_of_a_split_are_taken_from_all_over_it(whisper: Whisper) -> None:
    some = judge(whisper, 8).some(4)

    assert some.paths == ["0.wav", "2.wav", "4.wav", "6.wav"]
    assert some.texts == [text(clip) for clip in (0, 2, 4, 6)]
    assert [len(clip) for clip in some.examples.frames] == [20, 40, 60, 80]
    assert some.some(4) == some


@pytest.mark.parametrize("average", [1, 2])
def test_a_run_keeps_its_best_epochs_weights_to_average(whisper: Whisper, tmp_path: Path, average: int) -> None:
    settings = recipe(epochs=3, learning_rate=1e-4, average=average)

    train(whisper, unequal(whisper, 4), judge(whisper, 4), settings, tmp_path / "run", None, StopRequest(tmp_path / "stop"))

    assert len(kept_epochs(tmp_path / "run")) == (2 if average == 2 else 0)


def test_the_first_step_learns(whisper: Whisper, tmp_path: Path) -> None:
    """A warm-up begins with a rate of 0, so that one step of one would change nothing."""
    base = weights_of(whisper.model)
    settings = recipe(warmup_share=0.5, schedule="cosine", learning_rate=1e-3)

    trained = train(
        whisper, unequal(whisper, 4), judge(whisper, 4), settings, tmp_path / "run", None, StopRequest(tmp_path / "stop")
    )

    assert trained.steps == 1
    assert any((value != base[name]).any() for name, value in weights_of(whisper.model).items())


@pytest.mark.parametrize(("rate", "told"), [("auto", True), (1e-4, False)])
def test_of_speech_that_the_base_model_hardly_knows_it_is_said_that_another_rate_may_be_better(
    whisper: Whisper, tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: float | str, told: bool
) -> None:
    settings, stop = recipe(learning_rate=rate), StopRequest(tmp_path / "stop")

    train(whisper, unequal(whisper, 4), judge(whisper, 4), settings, tmp_path / "run", None, stop)

    assert ("hardly knows this speech" in capsys.readouterr().err) == told


def test_after_a_training_that_was_broken_off_the_model_is_an_ordinary_one_to_train_again(
    whisper: Whisper, tmp_path: Path
) -> None:
    names = [name for name, _ in whisper.model.named_parameters()]
    asked = StopRequest(tmp_path / "stop")
    (tmp_path / "stop").touch()

    with pytest.raises(StoppedError):
        train(
            whisper,
            unequal(whisper, 4),
            judge(whisper, 4, asked),
            recipe(lora_rank=2),
            tmp_path / "run",
            None,
            StopRequest(tmp_path / "other"),
        )

    assert [name for name, _ in whisper.model.named_parameters()] == names
