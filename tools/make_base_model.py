r"""Make the bundled base model: a real, very small Whisper that has learned synthetic American and British voices.

    python -m tools.make_base_model --out FIRST                                   (about 45 minutes on two cores)
    python -m tools.make_base_model --begin-with FIRST --seed 43 --steps 2200 --utterances 8000 --out SECOND
    python -m tools.make_base_model --begin-with SECOND --seed 44 --plain 0 --whole 0.3 --silence 1.5 --steps 2000 --out THIRD
    python -m tools.make_base_model --begin-with THIRD --seed 45 --plain 0 --whole 0.2 --silence 1.5 --recordings 0.5 \
        --quietest -45 --shift --steps 1800 --utterances 10000      (as long; what it writes, models/pico, is the bundled one)

It learns the voices from plain utterances first, in windows as long as they are; with all that is hard at once it learns
nothing but the grammar. Recordings as they come, whole windows and silence before speech follow, then long recordings with
timestamps and every level. `tools/utterances.py` makes what it learns from; its window is of 30 s, as the released ones are.
"""

import argparse
import logging
from pathlib import Path
from random import Random

import jiwer
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from asr.model.folder import write_checkpoint
from asr.model.parameters import greedy
from asr.model.transcribe import transcribe
from asr.model.whisper import load_tuned
from asr.shards.frames import FRAMES_PER_SECOND
from tools.base_tokenizer import train_tokenizer
from tools.base_training import VOCABULARY, Course, fit
from tools.utterances import N_MELS, WINDOW_SECONDS, speak_utterances


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--utterances", type=int, default=12_000)
    parser.add_argument("--steps", type=int, default=2_400)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--begin-with", type=Path, help="a model of an earlier run, which learns on; without it, from nothing")
    parser.add_argument(
        "--plain", type=float, default=0.7, help="the share of steps, the first, with plain utterances alone (%(default)s)"
    )
    parser.add_argument("--whole", type=float, default=0.2, help="the share of later steps in whole windows (%(default)s)")
    parser.add_argument("--silence", type=float, default=0.0, help="seconds before speech, at most (%(default)s)")
    parser.add_argument(
        "--recordings", type=float, default=0.0, help="the share of steps in windows of long recordings (%(default)s)"
    )
    parser.add_argument("--quietest", type=float, default=0.0, help="the lowest level that is drawn, in dB; 0: none is")
    parser.add_argument("--shift", action="store_true", help="utterances begin within a frame")
    parser.add_argument("--out", type=Path, default=Path("models/pico"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.manual_seed(options.seed)

    utterances = speak_utterances(options.utterances, options.seed, options.shift)
    train, unseen = utterances[200:], utterances[:200]
    logging.info(
        "%d utterances, %.1f hours", len(utterances), sum(len(u.features) for u in utterances) / FRAMES_PER_SECOND / 3600
    )
    if options.begin_with:
        tokenizer = WhisperTokenizer.from_pretrained(options.begin_with)
        model = WhisperForConditionalGeneration.from_pretrained(options.begin_with, dtype=torch.float32)
    else:
        tokenizer = train_tokenizer((u.text for u in train), size=VOCABULARY)
        model = new_model(tokenizer)
    logging.info("%.2f M parameters", sum(p.numel() for p in model.parameters()) / 1e6)
    fit(
        model, tokenizer, train,
        Course(options.steps, options.plain, options.whole, options.silence, options.recordings, options.quietest),
        Random(options.seed),
    )  # fmt: skip

    model.half()
    extractor = WhisperFeatureExtractor(feature_size=N_MELS, chunk_length=WINDOW_SECONDS)
    write_checkpoint(model, WhisperProcessor(extractor, tokenizer), options.out)
    for whole in (False, True):
        whisper = load_tuned(options.out)
        whisper.mark_fitted(not whole)
        heard = transcribe(whisper, [u.features for u in unseen], greedy(max_new_tokens=100, batch_size=25))
        logging.info(
            "WER on %d unseen utterances, %s windows: %.1f %%",
            len(unseen),
            "whole" if whole else "fitted",
            100 * jiwer.wer([u.text for u in unseen], [each.text for each in heard]),
        )


def new_model(tokenizer: WhisperTokenizer) -> WhisperForConditionalGeneration:
    """Random weights, English-only: the prompt is start-of-transcript and no-timestamps."""
    end, start, no_timestamps = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    special = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=N_MELS,
        d_model=128,
        encoder_layers=3,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=512,
        decoder_ffn_dim=512,
        max_source_positions=WINDOW_SECONDS * 50,
        max_target_positions=448,
        fitted_windows=True,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **special,
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        **special,
        is_multilingual=False,
        no_timestamps_token_id=no_timestamps,
        suppress_tokens=[],
        begin_suppress_tokens=[*tokenizer(" ", add_special_tokens=False).input_ids, end],
        prev_sot_token_id=tokenizer.convert_tokens_to_ids("<|startofprev|>"),
        max_initial_timestamp_index=50,
        return_timestamps=False,
        max_length=448,
    )
    return model


if __name__ == "__main__":
    main()
