"""The saved checkpoint: every file that other software opens, and other software that opens them."""

import json
import os
import shutil
import time
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from faster_whisper import WhisperModel
from numpy.typing import NDArray
from transformers import AutoProcessor, WhisperTokenizer, pipeline

from asr.base.errors import DataError
from asr.export.convert import COPIED, convert
from asr.export.recognizer import load_recognizer
from asr.model.checksums import damaged_file, read_sums
from asr.model.folder import FILES
from asr.model.parameters import greedy
from asr.model.transcribe import transcribe
from asr.model.whisper import load, load_tuned
from tests.project import ROOT
from tests.sounds import write_tiny_whisper
from tools.make_released import make_released


@pytest.fixture(scope="module", params=["tiny.en", "large-v3"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as released, of 80 or 128 mels and random weights, loaded for training and saved."""
    folder = tmp_path_factory.mktemp(request.param)
    whisper = load(
        str(make_released(request.param, folder / "released")), None if ".en" in request.param else "nl", "transcribe"
    )
    whisper.mark_longest_clip(12.345)
    whisper.save(folder / "saved")
    return folder / "saved"


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a whole window: what is shorter, faster-whisper pads otherwise than all others."""
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=30 * 16_000, scale=0.1), 16_000)
    return path


def samples(recording: Path) -> NDArray[np.float32]:
    read: NDArray[np.float32] = soundfile.read(recording, dtype="float32")[0]
    return read


def test_every_file_is_there(saved: Path) -> None:
    assert tuple(sorted(path.name for path in saved.iterdir())) == FILES


def test_the_configuration_has_the_length_that_converters_ask_for_and_nobodys_old_prompt(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())

    assert config["max_length"] == 448
    assert "forced_decoder_ids" not in config
    assert json.loads((saved / "generation_config.json").read_text())["longest_clip_seconds"] == 12.35


def test_the_old_vocabulary_files_are_the_same_tokenizer(saved: Path) -> None:
    vocabulary, added = (json.loads((saved / name).read_text()) for name in ("vocab.json", "added_tokens.json"))
    merges = [tuple(line.split(" ")) for line in (saved / "merges.txt").read_text().splitlines()[1:]]
    text = " Één café, 12 €!"

    tokenizer = WhisperTokenizer.from_pretrained(saved)

    assert tokenizer.get_vocab() == vocabulary | added
    assert sorted(added.values()) == list(range(len(vocabulary), len(vocabulary) + len(added)))
    again = WhisperTokenizer(vocab=vocabulary, merges=merges)
    assert again(text, add_special_tokens=False).input_ids == tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.normalize("Mr. Park's colour") == "mister park is color"


def test_special_tokens_are_listed_where_transformers_4_looks_for_them(saved: Path) -> None:
    listed = json.loads((saved / "special_tokens_map.json").read_text())["additional_special_tokens"]

    assert listed[0] == "<|startoftranscript|>"
    assert listed[-1] == "<|notimestamps|>"
    assert len(listed) == (106 if "tiny.en" in str(saved) else 107)  # 99 or 100 languages, and 7 others
    assert set(listed) < set(WhisperTokenizer.from_pretrained(saved).all_special_tokens)
    assert "extra_special_tokens" not in json.loads((saved / "tokenizer_config.json").read_text())


def test_transformers_makes_a_pipeline_of_it(saved: Path, noise: Path) -> None:
    mels = json.loads((saved / "config.json").read_text())["num_mel_bins"]

    assert AutoProcessor.from_pretrained(saved).feature_extractor.feature_size == mels
    heard = pipeline("automatic-speech-recognition", model=str(saved))(
        {"raw": samples(noise)[:16_000], "sampling_rate": 16_000}, generate_kwargs={"max_new_tokens": 4}
    )
    assert "text" in heard


def test_the_converters_own_command_copies_what_it_is_usually_told_to(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = entry_points(group="console_scripts", name="ct2-transformers-converter")
    monkeypatch.setattr("sys.argv", [
        command.name, "--model", str(saved), "--output_dir", str(tmp_path / "converted"),
        "--copy_files", "tokenizer.json", "preprocessor_config.json",
    ])  # fmt: skip

    command.load()()

    mels = json.loads((saved / "config.json").read_text())["num_mel_bins"]
    assert WhisperModel(str(tmp_path / "converted"), device="cpu").feature_extractor.mel_filters.shape == (mels, 201)


@pytest.mark.slow
def test_faster_whisper_writes_the_same_tokens(saved: Path, noise: Path, tmp_path: Path) -> None:
    convert(saved, tmp_path / "export", "float32")
    whisper = load_tuned(saved)
    features = whisper.processor.feature_extractor(samples(noise), sampling_rate=16_000, return_tensors="pt").input_features
    # Random weights write anything, and faster-whisper takes timestamps out.
    no_words = list(range(whisper.tokenizer.eos_token_id, whisper.model.config.vocab_size))

    recognizer = load_recognizer(tmp_path / "export", "cpu")
    options = {**recognizer.options, "max_new_tokens": 40, "suppress_tokens": no_words}
    segments, _ = recognizer.model.transcribe(str(noise), **options)
    ours = whisper.model.generate(features, max_new_tokens=40, suppress_tokens=no_words)[0].tolist()

    theirs = [token for segment in segments for token in segment.tokens]
    assert len(theirs) > 20  # CTranslate2 halves the limit, the prompt included
    assert theirs == ours[: len(theirs)]
    assert recognizer.longest_clip == 12.35
    assert recognizer.language == ("nl" if "large" in str(saved) else None)


def test_what_faster_whisper_cannot_take_is_refused(tmp_path: Path) -> None:
    load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe").save(tmp_path / "saved")

    with pytest.raises(DataError, match=r"saved: its window has 200 positions, faster-whisper knows only 1500 \(30 s\)$"):
        convert(tmp_path / "saved", tmp_path / "export", "int8")
    (tmp_path / "saved" / "preprocessor_config.json").unlink()
    with pytest.raises(DataError, match=r"saved: preprocessor_config.json missing"):
        convert(tmp_path / "saved", tmp_path / "export", "int8")
    with pytest.raises(DataError, match=r"export: no exported model; `make repro` makes one"):
        load_recognizer(tmp_path / "export")
    assert list(tmp_path.glob("export*")) == []


def test_without_room_nothing_is_converted_and_what_a_killed_conversion_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(str(write_tiny_whisper(tmp_path / "model", window_seconds=30)), None, "transcribe").save(tmp_path / "saved")
    for name, age in (("old", 7_200), ("new", 60)):
        (tmp_path / f".unfinished-{name}" / "made").mkdir(parents=True)
        os.utime(tmp_path / f".unfinished-{name}", (time.time() - age,) * 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10_000))

    with pytest.raises(
        DataError, match=r"export: the converted model's files take .* GB, and 0\.00 GB are free: make room there"
    ):
        convert(tmp_path / "saved", tmp_path / "export", "float32")

    assert [path.name for path in sorted(tmp_path.iterdir())] == [".unfinished-new", "model", "saved"]


def test_the_bundled_model_is_saved_so_too() -> None:
    assert {path.name for path in (ROOT / "models/pico").iterdir()} == set(FILES)


def test_a_model_that_has_learned_to_end_at_once_writes_nothing_wherever_it_runs(tmp_path: Path, noise: Path) -> None:
    released = make_released("tiny.en", tmp_path / "released")
    whisper = load(str(released), None, "transcribe")
    end = whisper.tokenizer.eos_token_id
    with torch.no_grad():
        decoder = whisper.model.model.decoder
        decoder.embed_tokens.weight[end] = 1.0
        decoder.layer_norm.weight.zero_()
        decoder.layer_norm.bias.fill_(1.0)
    whisper.save(tmp_path / "tuned")
    convert(tmp_path / "tuned", tmp_path / "export", "float32")

    assert end in json.loads((released / "generation_config.json").read_text())["begin_suppress_tokens"]
    assert read_sums(tmp_path / "export").keys() >= {"model.bin", "config.json", "vocabulary.json", *COPIED}
    assert damaged_file(tmp_path / "export") is None
    assert transcribe(load_tuned(tmp_path / "tuned"), [np.zeros((200, 80), np.float16)], greedy(4))[0].text == ""
    segments, _ = WhisperModel(str(tmp_path / "export"), device="cpu").transcribe(str(noise), language="en", temperature=0.0)
    assert [segment.text for segment in segments if segment.text] == []
