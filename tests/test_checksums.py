"""Checksums of models: `sha256sum` verifies them, and a file that is cut or changed is named in one line."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from asr.base.errors import DataError
from asr.export.convert import convert
from asr.export.recognizer import load_recognizer
from asr.model.checksums import SUMS, damaged_file, read_sums, require_as_written, write_sums
from asr.model.whisper import load, load_tuned
from asr.recognition.loading import open_model
from tests.damage import cut, flip
from tests.project import ROOT
from tests.sounds import write_tiny_whisper

DAMAGED = "damaged, its bytes are not those that were written"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A checkpoint from elsewhere, without sums."""
    return write_tiny_whisper(tmp_path / "base")


@pytest.fixture
def tuned(base: Path, tmp_path: Path) -> Path:
    """A checkpoint as training saves it."""
    load(str(base), None, "transcribe").save(tmp_path / "tuned")
    return tmp_path / "tuned"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """What comes of a conversion, but for its sums; nothing in it could be heard with."""
    folder = tmp_path / "export"
    folder.mkdir()
    for name in ("config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.json"):
        (folder / name).write_text(json.dumps({"name": name}))
    (folder / "model.bin").write_bytes(bytes(100))
    return folder


def test_a_saved_checkpoint_has_the_sum_of_each_of_its_files_in_the_order_of_their_names(tuned: Path) -> None:
    names = [line.split("  ")[1] for line in (tuned / SUMS).read_text().splitlines()]

    assert names == sorted(path.name for path in tuned.iterdir() if path.name != SUMS)
    assert damaged_file(tuned) is None
    before = (tuned / SUMS).read_bytes()
    write_sums(tuned)
    assert (tuned / SUMS).read_bytes() == before


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils are not here")
def test_the_sums_are_what_sha256sum_reads(tuned: Path) -> None:
    for folder in (tuned, ROOT / "models/pico"):
        told = subprocess.run(
            ["sha256sum", "--check", "--strict", SUMS], cwd=folder, capture_output=True, text=True, check=True
        )
        assert told.stdout.count(": OK\n") == len(read_sums(folder)) == len(list(folder.iterdir())) - 1


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize("name", ["model.safetensors", "generation_config.json"])
def test_a_damaged_file_of_the_tuned_model_is_an_error_that_names_it(
    tuned: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(tuned / name)

    for load_it in (lambda: load_tuned(tuned), lambda: convert(tuned, tuned / "export", "int8")):
        with pytest.raises(DataError) as told:
            load_it()
        assert str(told.value) == f"{tuned}/{name}: {DAMAGED}; run `make repair`"
    with pytest.raises(DataError, match=rf"{name}: {DAMAGED}; bring the folder back from where it came from$"):
        load(str(tuned), None, "transcribe")


def test_a_file_that_is_gone_is_named_too(tuned: Path) -> None:
    (tuned / "tokenizer_config.json").unlink()

    with pytest.raises(DataError, match=r"tokenizer_config.json: not there; run `make repair`$"):
        load_tuned(tuned)


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "preprocessor_config.json"])
def test_a_damaged_file_of_an_export_is_an_error_that_names_it(export: Path, name: str, damage: Callable[[Path], None]) -> None:
    write_sums(export)
    damage(export / name)

    with pytest.raises(DataError) as told:
        load_recognizer(export)

    assert str(told.value) == f"{export}/{name}: {DAMAGED}; run `make repair`"


def test_a_checkpoint_that_was_converted_to_be_heard_with_is_to_be_removed(
    export: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sums(export)
    flip(export / "model.bin")
    monkeypatch.setattr("asr.recognition.loading._converted", lambda checkpoint: export)

    with pytest.raises(DataError, match=rf"model.bin: {DAMAGED}; remove {export}, and it is made anew$"):
        open_model(base)


def test_an_export_from_elsewhere_that_is_cut_off_is_an_error(export: Path) -> None:
    with pytest.raises(DataError, match=r"export: CTranslate2 can't load it \(.*\); convert or fetch it anew$"):
        load_recognizer(export)
    cut(export / "tokenizer.json")
    with pytest.raises(DataError, match=r"export/tokenizer.json: cut off, or no JSON \(.*\); run `make repair`$"):
        load_recognizer(export)


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"])
def test_a_base_model_without_sums_whose_json_is_cut_off_is_an_error(base: Path, name: str) -> None:
    cut(base / name)

    with pytest.raises(DataError, match=rf"base/{name}: cut off, or no JSON \(.*\); bring the folder back from where it came"):
        load(str(base), None, "transcribe")


@pytest.mark.parametrize("pickled", [False, True])
def test_a_base_model_without_sums_whose_weights_are_cut_off_is_an_error(base: Path, pickled: bool) -> None:
    weights = base / "model.safetensors"
    if pickled:
        torch.save(load_file(weights), base / "pytorch_model.bin", _use_new_zipfile_serialization=False)
        weights.unlink()
    cut(base / "pytorch_model.bin" if pickled else weights)

    with pytest.raises(DataError, match=r"base: can't be loaded \(.*\); bring the folder back from where it came from$"):
        load(str(base), None, "transcribe")


@pytest.mark.parametrize("written", [b"", b"no sums", b"\xff\xfe", b"0" * 64 + b"  ../base/config.json\n"])
def test_sums_that_cannot_be_read_or_lead_out_of_the_folder_are_damaged(export: Path, written: bytes) -> None:
    (export / SUMS).write_bytes(written)

    with pytest.raises(DataError, match=rf"{SUMS}: {DAMAGED}; run `make repair`$"):
        require_as_written(export)
