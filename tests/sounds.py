"""Small recordings and a tiny Whisper for the tests, all made here."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import WhisperTokenizer

TASKS = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]


def tone(seconds: float, rate: int = 16_000, hertz: float = 300.0, channels: int = 1) -> NDArray[np.float32]:
    """A tone that swells and fades, shape (samples, channels)."""
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * hertz * time) * np.abs(np.sin(2 * np.pi * 2 * time))
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def write_tone(path: Path, seconds: float = 2.0, rate: int = 16_000, hertz: float = 300.0, channels: int = 1) -> Path:
    """Write a tone in the format of the path's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, rate, hertz, channels), rate)
    return path


def write_mono_then_stereo(path: Path) -> Path:
    """Write two mp3s as one file: its channels become two in the middle."""
    parts = [write_tone(path.with_name(f"{channels}.mp3"), seconds=1.0, channels=channels) for channels in (1, 2)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def write_tiny_whisper(
    folder: Path, multilingual: bool = False, n_mels: int = 80, window_seconds: int = 4, positions: int = 64
) -> Path:
    """A Whisper of random weights, 16 wide, whose tokenizer has bytes and Whisper's special tokens."""
    import torch  # here, as every worker of a cluster imports this module

    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _tiny_whisper(multilingual, n_mels, window_seconds, positions).items():
        (folder / name).write_bytes(content)
    torch.manual_seed(0)  # whatever a test draws after this
    return folder


@cache
def _tiny_whisper(multilingual: bool, n_mels: int, window_seconds: int, positions: int) -> dict[str, bytes]:
    """Its files, which take long to make, by their names."""
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    tokenizer = byte_tokenizer()
    end, start, no_timestamps = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    special = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            num_mel_bins=n_mels,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_source_positions=window_seconds * 50,
            max_target_positions=positions,
            suppress_tokens=None,
            begin_suppress_tokens=None,
            **special,
        )
    )
    stated = {"is_multilingual": multilingual, "no_timestamps_token_id": no_timestamps, "max_length": positions, **special}
    if multilingual:
        stated["lang_to_id"] = {f"<|{code}|>": tokenizer.convert_tokens_to_ids(f"<|{code}|>") for code in LANGUAGES}
        stated["task_to_id"] = {task: tokenizer.convert_tokens_to_ids(f"<|{task}|>") for task in TASKS[:2]}
    model.generation_config = GenerationConfig(**stated)
    with TemporaryDirectory() as folder:
        for part in (model, tokenizer, WhisperFeatureExtractor(feature_size=n_mels, chunk_length=window_seconds)):
            part.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def byte_tokenizer() -> "WhisperTokenizer":
    """One token a byte, then Whisper's special tokens in their order."""
    from tokenizers import pre_tokenizers
    from transformers import AddedToken, WhisperTokenizer
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = WhisperTokenizer(
        vocab={character: number for number, character in enumerate(alphabet)}, merges=[], pad_token="<|endoftext|>"
    )
    names = ["endoftext", "startoftranscript", *LANGUAGES, *TASKS]
    tokenizer.add_tokens([AddedToken(f"<|{name}|>", special=True) for name in names], special_tokens=True)
    return tokenizer


def normalize_peak(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale so that the largest magnitude is 1."""
    loudest: np.float32 = np.abs(waveform).max()
    return waveform / loudest


def hiss(seconds: float = 1.0, rate: int = 16_000) -> NDArray[np.float32]:
    """White noise, whose peak is 1."""
    return normalize_peak(np.random.default_rng(0).standard_normal(int(seconds * rate)).astype(np.float32))
