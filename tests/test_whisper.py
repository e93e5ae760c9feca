"""Checkpoints: prompts for the two kinds of model, and errors that name the parameter to change."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from asr.base.errors import DataError
from asr.machine.device import pick_precision, require_precision
from asr.model.parameters import greedy
from asr.model.transcribe import Hypothesis, transcribe
from asr.model.whisper import (
    Whisper,
    is_multilingual,
    languages_of,
    load,
    load_tuned,
    require_in_window,
    require_label_positions,
    require_same_mels,
)
from tests.sounds import byte_tokenizer, write_tiny_whisper


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("english"))


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("multilingual"), multilingual=True)


def prompt(whisper: Whisper) -> list[str]:
    ids = whisper.tokenizer("hi").input_ids
    tokens: list[str] = whisper.tokenizer.convert_ids_to_tokens(ids)
    return tokens


def test_an_english_model_takes_no_language_and_no_task(english: Path) -> None:
    whisper = load(str(english), None, "transcribe")

    assert not is_multilingual(whisper.model)
    assert prompt(whisper) == ["<|startoftranscript|>", "<|notimestamps|>", "h", "i", "<|endoftext|>"]


@pytest.mark.parametrize(("language", "task"), [("en", "transcribe"), (None, "translate")])
def test_an_english_model_refuses_both(english: Path, language: str | None, task: str) -> None:
    with pytest.raises(DataError, match=r"is English-only: set model.language to null and model.task to transcribe"):
        load(str(english), language, task)


def test_a_multilingual_model_takes_both(multilingual: Path) -> None:
    whisper = load(str(multilingual), "no", "transcribe")

    assert prompt(whisper)[:4] == ["<|startoftranscript|>", "<|no|>", "<|transcribe|>", "<|notimestamps|>"]
    assert (whisper.model.generation_config.language, whisper.model.generation_config.task) == ("no", "transcribe")


def test_a_multilingual_model_is_told_the_language_of_each_clip_or_else_its_own(multilingual: Path) -> None:
    of_one, of_many = load(str(multilingual), "nl", "transcribe"), load(str(multilingual), None, "transcribe")

    assert languages_of(of_one, ["1.wav", "2.wav"], ["de", None]) == ["de", "nl"]
    assert languages_of(of_many, ["1.wav", "2.wav"], ["de", "fr"]) == ["de", "fr"]
    with pytest.raises(DataError, match=r"^1 of 2 clips have a language .* \(2.wav: none\); set model.language for"):
        languages_of(of_many, ["1.wav", "2.wav"], ["de", None])


def test_an_english_model_is_told_no_language_and_refuses_others(english: Path) -> None:
    whisper = load(str(english), None, "transcribe")

    assert languages_of(whisper, ["1.wav", "2.wav"], ["en", None]) == [None, None]
    with pytest.raises(DataError, match=r"^4 of 5 clips .* \(2: de, 3: de, 4: de\); model.name is English-only: take"):
        languages_of(whisper, list("12345"), ["en", "de", "de", "de", "ja"])


def test_a_language_that_this_checkpoint_lacks(multilingual: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(multilingual, tmp_path / "older"))
    config = json.loads((folder / "generation_config.json").read_text())
    del config["lang_to_id"]["<|yue|>"]
    (folder / "generation_config.json").write_text(json.dumps(config))

    with pytest.raises(DataError, match=r"model.language yue: Whisper has it, but not the checkpoint"):
        load(str(folder), "yue", "transcribe")
    with pytest.raises(DataError, match=r"^1 of 1 clips .* \(1.wav: yue\); .* model.name to a model that knows the others"):
        languages_of(load(str(folder), "zh", "transcribe"), ["1.wav"], ["yue"])


def test_language_and_task_survive_saving(multilingual: Path, tmp_path: Path) -> None:
    load(str(multilingual), "nl", "translate").save(tmp_path)

    whisper = load_tuned(tmp_path)

    assert (whisper.model.generation_config.language, whisper.model.generation_config.task) == ("nl", "translate")
    assert prompt(whisper)[1:3] == ["<|nl|>", "<|translate|>"]


def test_generation_starts_from_the_models_prompt(multilingual: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whisper = load(str(multilingual), "nl", "transcribe")
    seen: list[list[int]] = []
    forward = whisper.model.forward

    def spy(*args: object, **kwargs: object) -> object:
        ids = kwargs["decoder_input_ids"]
        assert isinstance(ids, torch.Tensor)
        seen.append(ids[0].tolist())
        return forward(*args, **kwargs)

    monkeypatch.setattr(whisper.model, "forward", spy)
    whisper.model.eval()
    transcribe(whisper, [np.zeros((50, 80), np.float16)], greedy(max_new_tokens=5))
    starts = [whisper.tokenizer.convert_ids_to_tokens(seen[0])]
    seen.clear()
    transcribe(whisper, [np.zeros((50, 80), np.float16)], greedy(max_new_tokens=5), ["de"])
    starts.append(whisper.tokenizer.convert_ids_to_tokens(seen[0]))

    assert starts == [
        ["<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>"] for language in ("nl", "de")
    ]


class Parrot:
    """A model that says the letter that it finds in a clip's first frame."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self) -> None:
        self.config = SimpleNamespace(max_target_positions=64, max_source_positions=200)
        self.generation_config = SimpleNamespace(pad_token_id=-1)
        positions = SimpleNamespace(weight=torch.zeros(200, 1), num_embeddings=200)
        self.model = SimpleNamespace(encoder=SimpleNamespace(embed_positions=positions))
        self.windows: set[int] = set()

    def generate(self, inputs: torch.Tensor, **options: object) -> torch.Tensor:
        """Inputs of shape (batch, mels, frames); one token a clip."""
        assert inputs.shape[1:] == (80, 2 * self.config.max_source_positions)
        self.windows.add(inputs.shape[2])
        return inputs[:, :1, 0].long()


@pytest.mark.parametrize(("fit", "windows"), [(False, {400}), (True, {16, 48, 128, 240, 352})])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 16])
def test_hypotheses_come_in_the_order_of_the_clips_whatever_the_batches(batch_size: int, fit: bool, windows: set[int]) -> None:
    tokenizer = byte_tokenizer()
    clips = []
    for letter, frames in zip("abcde", (40, 300, 7, 120, 200), strict=True):
        clips.append(np.full((frames, 80), tokenizer.convert_tokens_to_ids(letter), np.float16))

    parrot = Parrot()
    whisper = Whisper(parrot, SimpleNamespace(tokenizer=tokenizer))
    whisper.mark_fitted(fit)
    heard = transcribe(whisper, clips, greedy(8, batch_size))

    assert heard == [Hypothesis(letter, is_cut_off=False) for letter in "abcde"]
    assert parrot.windows == windows


def test_weights_are_float32_however_they_are_stored(english: Path, tmp_path: Path) -> None:
    whisper = load(str(english), None, "transcribe")
    whisper.model.half()
    whisper.save(tmp_path)

    assert load_tuned(tmp_path).model.dtype == torch.float32


def test_what_does_not_fit_the_model_names_the_parameter(english: Path) -> None:
    whisper = load(str(english), None, "transcribe")

    require_same_mels(whisper, 80)
    with pytest.raises(DataError, match=r"features.n_mels is 128, the model takes 80: set features.n_mels to 80"):
        require_same_mels(whisper, 128)

    require_in_window(whisper, ["a.wav"], [403])
    with pytest.raises(
        DataError,
        match=r"1 of 2 clips are longer than .* window of 4 s \(the first: b.wav, 5.0 s\): set filter.max_seconds to 4",
    ):
        require_in_window(whisper, ["a.wav", "b.wav"], [400, 503])

    require_label_positions(whisper, ["a.wav"], [[1] * 64])
    with pytest.raises(
        DataError,
        match=r"1 of 1 transcripts .* 64 tokens \(the first: a.wav, 65 tokens\): lower filter.max_characters",
    ):
        require_label_positions(whisper, ["a.wav"], [[1] * 65])


def test_a_model_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(DataError, match=r"model.name nobody/nothing: not a folder, nor to be had from the hub"):
        load("nobody/nothing", None, "transcribe")


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model.name .*: the folder holds no Whisper that can be read"):
        load(str(tmp_path), None, "transcribe")


@pytest.mark.parametrize(
    ("device", "width", "bf16", "expected"),
    [
        ("cpu", 383, True, "fp32"),
        ("cpu", 384, True, "bf16"),
        ("cpu", 384, False, "fp32"),
        ("mps", 384, True, "fp32"),
        ("cuda", 16, True, "bf16"),
        ("cuda", 384, False, "fp16"),
    ],
)
def test_precision_follows_the_device(
    monkeypatch: pytest.MonkeyPatch, device: str, width: int, bf16: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True, "amx_bf16": bf16}, raising=False)

    assert pick_precision(device, width) == expected


def test_a_format_that_the_device_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)

    with pytest.raises(DataError, match=r"train.precision is bf16, in which this GPU can't compute"):
        require_precision("bf16", "cuda")
    require_precision("fp16", "cuda")
    with pytest.raises(DataError, match=r"train.precision is fp16, which needs a GPU"):
        require_precision("fp16", "cpu")
    require_precision("bf16", "cpu")


def test_a_saved_checkpoint_does_not_tell_how_it_was_loaded(english: Path, tmp_path: Path) -> None:
    whisper = load(str(english), None, "transcribe")
    whisper.tokenizer.init_kwargs.update(is_local=True, local_files_only=True)

    whisper.save(tmp_path)

    saved = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert not {"is_local", "local_files_only"} & saved.keys()
    assert {"pad_token", "tokenizer_class"} <= saved.keys()
