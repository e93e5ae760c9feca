"""Checkpoints as released, beside OpenAI's own code: labels, prompts, features and normalisers.

`python -m pytest -q -rP tests/test_released.py` prints what was compared, and the largest differences.
"""

import json
import unicodedata
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim
from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer
from whisper.tokenizer import LANGUAGES, Tokenizer, get_tokenizer

from asr.audio.decoding import read_recording
from asr.audio.waveform import prepare
from asr.base.errors import DataError
from asr.base.normalizers import multilingual, normalizer
from asr.features.logmel import log_mel
from asr.model.whisper import load, load_tuned
from asr.shards.frames import pad_frames
from asr.training.labels import label
from tests.project import ROOT, tree
from tests.sentences import SENTENCES
from tools.make_released import RELEASED, alignment_heads, make_released

MULTILINGUAL = ("small", "large-v3", "large-v3-turbo")
TASKS = ("transcribe", "translate")

Folders = dict[str, Path]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """One of each, read only."""
    base = tmp_path_factory.mktemp("released")
    return {name: make_released(name, base / name) for name in RELEASED}


@pytest.fixture(scope="module", autouse=True)
def _loaded_once() -> Iterator[None]:
    """Reading a folder takes seconds; `load` then sets language and task on the same model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asr.model.whisper.load_tuned", cache(load_tuned))
        yield


def reference(name: str, language: str | None = None, task: str | None = None) -> Tokenizer:
    """OpenAI's tokenizer of a checkpoint."""
    languages = RELEASED[name].vocabulary.languages
    return get_tokenizer(bool(languages), num_languages=languages or 99, language=language, task=task)


def expected(tokenizer: Tokenizer, text: str) -> list[int]:
    """What OpenAI's decoder would have to write, and is given before it does."""
    return [*tokenizer.sot_sequence_including_notimestamps, *tokenizer.encode(f" {text}"), tokenizer.eot]


@pytest.mark.parametrize("name", MULTILINGUAL)
def test_labels_in_every_script_are_those_of_openai(folders: Folders, name: str) -> None:
    for language, sentences in SENTENCES.items():
        tokenizer = load(str(folders[name]), language, "transcribe").tokenizer
        ours = reference(name, language, "transcribe")

        assert [label(tokenizer, text) for text in sentences] == [expected(ours, text) for text in sentences], language

    print(f"{name}: labels equal,", ", ".join(f"{language} {len(texts)}" for language, texts in SENTENCES.items()))


def test_english_labels_are_those_of_openai(folders: Folders) -> None:
    tokenizer = load(str(folders["tiny.en"]), None, "transcribe").tokenizer
    texts = [text for sentences in SENTENCES.values() for text in sentences]

    assert [label(tokenizer, text) for text in texts] == [expected(reference("tiny.en"), text) for text in texts]
    print(f"tiny.en: labels equal, {len(texts)} sentences")


@pytest.mark.parametrize("name", MULTILINGUAL)
def test_prompts_of_every_language_and_task_are_those_of_openai(folders: Folders, name: str) -> None:
    known = list(LANGUAGES)[: RELEASED[name].vocabulary.languages]
    for code in known:
        for task in TASKS:
            prompt = [*reference(name, code, task).sot_sequence_including_notimestamps]
            whisper = load(str(folders[name]), code, task)

            assert whisper.tokenizer.prefix_tokens == prompt
            assert label(whisper.tokenizer, "a")[:4] == prompt
            config = whisper.model.generation_config
            said = [config.lang_to_id[f"<|{config.language}|>"], config.task_to_id[config.task]]
            assert said == prompt[1:3]
            assert label(load(str(folders[name]), None, task).tokenizer, "a", code)[:4] == prompt
    print(f"{name}: prompts equal, {len(known)} languages, {len(TASKS)} tasks")


def test_a_language_that_came_with_large_v3_is_none_of_an_older_one(folders: Folders) -> None:
    with pytest.raises(DataError, match=r"model.language yue: Whisper has it, but not the checkpoint"):
        load(str(folders["small"]), "yue", "transcribe")


@pytest.mark.parametrize("name", list(RELEASED))
def test_labels_with_timestamps_are_those_of_openai(folders: Folders, name: str) -> None:
    spoken = ("nl", "transcribe") if RELEASED[name].vocabulary.languages else (None, "transcribe")
    ours, tokenizer = reference(name, *spoken), load(str(folders[name]), *spoken).tokenizer
    first, last = ours.timestamp_begin, ours.timestamp_begin + 1500

    ids = label(tokenizer, "<|0.00|> Dag.<|1.20|><|1.20|> Tot ziens!<|30.00|>")

    parts = [first, *ours.encode(" Dag."), first + 60, first + 60, *ours.encode(" Tot ziens!"), last]
    assert ids == [*ours.sot_sequence, *parts, ours.eot]
    assert last == len(tokenizer) - 1 == RELEASED[name].vocabulary.reference.encoding.n_vocab - 1


@pytest.mark.parametrize("n_mels", [80, 128])
def test_features_of_recordings_are_those_of_openai(n_mels: int) -> None:
    differences = {}
    for path in [*sorted((ROOT / "data/sample/audios").glob("1?.*")), *sorted((ROOT / "data/general/audios").glob("1?.*"))]:
        recording = read_recording(path.read_bytes())
        waveform = prepare(recording.samples, recording.rate, None).whole
        theirs = log_mel_spectrogram(pad_or_trim(waveform, N_SAMPLES), n_mels).numpy().T

        ours = pad_frames(log_mel(waveform, n_mels), 3000)

        differences[path.relative_to(ROOT / "data").as_posix()] = float(np.abs(ours - theirs).max())
        # Both compute in float32. What differs is the rounding of bins a millionth as strong as the loudest, whose logarithm is
        # taken; stored features are rounded to float16, by up to 5e-4.
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert len(differences) == 20
    worst = max(differences, key=lambda name: differences[name])
    print(f"{n_mels} mels: largest difference {differences[worst]:.1e} ({worst}), of {len(differences)} recordings")


def test_the_english_normaliser_is_that_of_openai_but_for_what_numbers_and_brackets_come_to() -> None:
    alike = [
        "Mr. Brown won't pay $3.50, he said; it's twenty-five percent off!",
        "um, I'm gonna favour the colour of the centre at one hundred and one degrees",
        "In nineteen ninety-nine we'd've flown; the 1990s' flights weren't 1,000,000 miles.",
        "Dr. Smith's naïve café, à la carte: 3rd, double oh seven, 10%, N.A.S.A.",
        "ma'am, y'all can't; let's --- it'll be half past two ... won't it?",
        "",
    ]
    differ = {
        "The train to London leaves at 9:45 from platform 3.": ("at 945 from", "at 9 45 from"),
        "We'll be home by six o'clock if it doesn't rain.": ("by 6 if", "by 60 clock if"),
        "Do you've a brother-in-law who's called O'Neill?": ("oh neill", "0 neill"),
        "It's 20% cheaper (so they say) than last year's model...": ("so they say", "20% cheaper than"),
        "yes [laughs] it is 5¢ & two thirds of <noise>": ("laughs it is ¢5 and 2 over 3 of noise", "yes it is 5 2 thirds of"),
    }
    ours, theirs = normalizer("whisper_english"), EnglishTextNormalizer()

    for text in [*SENTENCES["en"], *alike]:
        if text not in differ:
            assert ours(text) == theirs(text).strip()
    for text, (part, other) in differ.items():
        assert part in ours(text)
        assert other in theirs(text)


def test_the_normaliser_of_all_languages_keeps_marks_and_joins_at_apostrophes_where_openai_parts() -> None:
    theirs = BasicTextNormalizer()
    compared = [text for sentences in SENTENCES.values() for text in sentences if "(" not in text]
    parted = 0
    for text in compared:
        # What OpenAI's does besides: compatibility forms become plain ones; marks, apostrophes, % and currencies become spaces.
        plain = unicodedata.normalize("NFKC", text.lower())
        alike = "".join(" " if unicodedata.category(sign)[0] == "M" or sign in "'’%$€£" else sign for sign in plain)

        assert multilingual(alike) == " ".join(theirs(text).replace("\u200c", "").split())
        parted += multilingual(text) != multilingual(alike)
    assert 0 < parted < len(compared)


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        ("L'été, ça va?", "lété ça va", "l été ça va"),
        ("नमस्ते दुनिया।", "नमस्ते दुनिया", "नमस त द न य"),
        ("می\u200cخواهم", "میخواهم", "می\u200cخواهم"),
        ("yes [laughs] no (maybe)", "yes laughs no maybe", "yes no"),
    ],
)
def test_where_the_normaliser_of_all_languages_differs_from_openai(text: str, ours: str, theirs: str) -> None:
    assert multilingual(text) == ours
    assert BasicTextNormalizer()(text).strip() == theirs


@pytest.mark.parametrize("name", list(RELEASED))
def test_a_folder_holds_the_files_and_ids_of_the_released_one(folders: Folders, name: str) -> None:
    tokenizer, released = reference(name), RELEASED[name]
    found = {file: json.loads(text) for file, text in tree(folders[name]).items() if file.endswith(".json")}
    generation, named = found["generation_config.json"], found["added_tokens.json"]

    assert set(tree(folders[name])) == {*found, "merges.txt", "model.safetensors"}
    assert set(found) == {
        "added_tokens.json", "config.json", "generation_config.json", "normalizer.json", "preprocessor_config.json",
        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json",
    }  # fmt: skip
    assert {*found["vocab.json"].values(), *named.values()} == set(range(tokenizer.encoding.n_vocab))
    assert found["preprocessor_config.json"]["feature_size"] == found["config.json"]["num_mel_bins"] == released.mels
    assert generation["begin_suppress_tokens"] == [220, tokenizer.eot]
    assert generation["suppress_tokens"][-6:] == [tokenizer.sot, *range(tokenizer.translate, tokenizer.no_timestamps)]
    assert generation["prev_sot_token_id"] == named["<|startofprev|>"] == tokenizer.sot_prev
    assert generation["no_timestamps_token_id"] == named["<|notimestamps|>"] == tokenizer.no_timestamps
    assert generation.get("lang_to_id", {}).keys() == {
        f"<|{code}|>" for code in list(LANGUAGES)[: released.vocabulary.languages]
    }
    assert ("<|nospeech|>" in named, "<|nocaptions|>" in named) == (name.startswith("large"), not name.startswith("large"))


def test_the_heads_that_follow_the_speech_are_those_of_the_released_one_as_far_as_they_exist() -> None:
    turbo = RELEASED["large-v3-turbo"]

    assert alignment_heads("large-v3-turbo", turbo) == [[2, 4], [2, 11], [3, 3], [3, 6], [3, 11], [3, 14]]
    assert alignment_heads("large-v3-turbo", turbo.resized(width=512, layers=3)) == [[2, 4]]


def test_the_same_bytes_each_time(folders: Folders, tmp_path: Path) -> None:
    torch.rand(1)

    again, other = make_released("large-v3", tmp_path / "again"), make_released("large-v3", tmp_path / "other", seed=1)

    first, second, third = (
        {file: sha256(content).hexdigest() for file, content in tree(folder).items()}
        for folder in (folders["large-v3"], again, other)
    )
    assert first == second
    assert {file for file in first if first[file] != third[file]} == {"model.safetensors"}
