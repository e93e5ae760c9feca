"""The encoder's window: the library's own results when whole, shorter inputs when fitted."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from asr.model.whisper import Whisper, load, load_tuned
from asr.model.window import encoder_window, fitted, whole_window
from tests.sounds import write_tiny_whisper

WHOLE = 400
SOUND = torch.randn(2, 80, WHOLE, generator=torch.Generator().manual_seed(0))
TOKENS = torch.tensor([[5, 6, 7], [8, 9, 10]])


@pytest.fixture
def whisper(tmp_path: Path) -> Whisper:
    whisper = load(str(write_tiny_whisper(tmp_path / "model")), None, "transcribe")
    whisper.model.eval()
    return whisper


def numbers(whisper: Whisper) -> tuple[int, int, int]:
    positions = whisper.model.model.encoder.embed_positions
    return whisper.model.config.max_source_positions, positions.num_embeddings, whole_window(whisper.model)


@torch.no_grad()
def test_with_the_whole_window_the_outputs_are_the_librarys_own(whisper: Whisper) -> None:
    expected = whisper.model(input_features=SOUND, decoder_input_ids=TOKENS).logits
    generated = whisper.model.generate(SOUND, max_new_tokens=8)

    with encoder_window(whisper.model, WHOLE):
        assert torch.equal(whisper.model(input_features=SOUND, decoder_input_ids=TOKENS).logits, expected)
        assert torch.equal(whisper.model.generate(SOUND, max_new_tokens=8), generated)


@torch.no_grad()
def test_after_a_fitted_window_the_outputs_are_the_librarys_own(whisper: Whisper) -> None:
    expected = whisper.model(input_features=SOUND, decoder_input_ids=TOKENS).logits

    with encoder_window(whisper.model, 48):
        whisper.model(input_features=SOUND[..., :48], decoder_input_ids=TOKENS)

    assert torch.equal(whisper.model(input_features=SOUND, decoder_input_ids=TOKENS).logits, expected)


@torch.no_grad()
@pytest.mark.parametrize("frames", [16, 48, 398, 400])
def test_the_encoder_makes_a_position_of_two_frames(whisper: Whisper, frames: int) -> None:
    with encoder_window(whisper.model, frames):
        heard = whisper.model.model.encoder(SOUND[..., :frames]).last_hidden_state

        assert heard.shape == (2, frames // 2, 16)
        assert len(whisper.model.generate(SOUND[..., :frames], max_new_tokens=4)) == 2


@torch.no_grad()
def test_a_fitted_window_is_a_model_made_for_it(whisper: Whisper, tmp_path: Path) -> None:
    narrow = load(str(write_tiny_whisper(tmp_path / "narrow", window_seconds=1)), None, "transcribe").model.eval()
    weights = whisper.model.state_dict()
    positions = "model.encoder.embed_positions.weight"
    narrow.load_state_dict({**weights, positions: weights[positions][:50]})

    with encoder_window(whisper.model, 100):
        fitted_logits = whisper.model(input_features=SOUND[..., :100], decoder_input_ids=TOKENS).logits

    assert torch.equal(fitted_logits, narrow(input_features=SOUND[..., :100], decoder_input_ids=TOKENS).logits)


def test_an_error_inside_restores_the_whole_window(whisper: Whisper) -> None:
    with pytest.raises(ValueError, match="length 48, but found 400"), encoder_window(whisper.model, 48):
        whisper.model(input_features=SOUND, decoder_input_ids=TOKENS)

    assert numbers(whisper) == (200, 200, WHOLE)


def test_windows_within_windows_are_restored_one_by_one(whisper: Whisper) -> None:
    with encoder_window(whisper.model, 48):
        with encoder_window(whisper.model, 200):
            assert numbers(whisper) == (100, 100, WHOLE)
        assert numbers(whisper) == (24, 24, WHOLE)

    assert numbers(whisper) == (200, 200, WHOLE)


@pytest.mark.parametrize("frames", [47, 402])
def test_an_odd_window_or_one_wider_than_the_whole_is_refused(whisper: Whisper, frames: int) -> None:
    with pytest.raises(AssertionError), encoder_window(whisper.model, frames):
        pass


def test_saving_inside_does_not_disturb_and_what_is_saved_afterwards_has_the_whole_window(
    whisper: Whisper, tmp_path: Path
) -> None:
    with encoder_window(whisper.model, 48):
        whisper.save(tmp_path / "inside")
    assert numbers(whisper) == (200, 200, WHOLE)

    whisper.save(tmp_path / "after")

    assert numbers(load_tuned(tmp_path / "after")) == (200, 200, WHOLE)
    weights = load_file(tmp_path / "inside" / "model.safetensors")
    assert weights["model.encoder.embed_positions.weight"].shape == (200, 16)


@pytest.mark.parametrize("whole", [400, 1_000, 3_000])
def test_a_fitted_window_is_wide_enough_and_little_wider(whole: int) -> None:
    windows = [fitted(frames, whole) for frames in range(1, whole + 1)]

    for frames, window in enumerate(windows, start=1):
        assert frames <= window <= whole
        assert window % 16 == 0 or window == whole
        assert window < 1.25 * frames + 16
    assert windows == sorted(windows)
    assert windows[-1] == whole


def test_there_are_few_windows() -> None:
    assert len({fitted(frames, 3_000) for frames in range(1, 3_001)}) < 40


def test_no_fitted_window_is_shorter_than_the_shortest_that_a_model_knows(whisper: Whisper, tmp_path: Path) -> None:
    whisper.mark_fitted(True, 100)
    whisper.save(tmp_path / "saved")
    again = load_tuned(tmp_path / "saved")

    assert again.windows == (True, 100)
    assert [again.window_of(frames) for frames in (10, 100, 150, 390)] == [
        fitted(100, WHOLE), fitted(100, WHOLE), fitted(150, WHOLE), WHOLE,
    ]  # fmt: skip
    whisper.mark_fitted(False)
    assert whisper.window_of(10) == WHOLE
