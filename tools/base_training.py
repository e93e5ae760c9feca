"""How the bundled base model learns: CTC beside cross entropy, masks, silence before speech, levels, two kinds of window."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from random import Random

import numpy as np
import torch
from torch import Tensor, nn
from transformers import WhisperForConditionalGeneration, WhisperTokenizer

from asr.shards.frames import FRAMES_PER_SECOND, LogMel, amplified, pad_frames
from asr.training.labels import label
from tools.long_recordings import quiet_frames, window_of
from tools.utterances import WINDOW_FRAMES, Utterance

VOCABULARY = 512
"""Entries that are text."""

CTC_WEIGHT = 0.5
MASKED_MELS = 16
MASKED_FRAMES = 20
BATCH = 32
WHOLE_WINDOWS = 8
"""Of a step, as each costs what six utterances do."""

PEAK_LEARNING_RATE = 2e-3
SILENCE_SHARE = 0.7
"""Of the utterances, when `--silence` is above 0."""

LOUDEST_DB = 5.0
"""Of a level that is drawn, as in the pipeline's training."""

TIMED_SHARE = 0.6
"""Of the windows of long recordings: those whose labels have timestamps."""


@dataclass(frozen=True)
class Course:
    """What a run learns from.

    Attributes:
        steps: of the optimiser.
        plain: the share of them, the first, in which all utterances are plain.
        whole: the share of the others that is heard in whole windows.
        silence: seconds before speech, at most; 0 puts none there.
        recordings: the share of steps that hear whole windows of long recordings, with several utterances in each.
        quietest_db: each utterance or window has a level between this and LOUDEST_DB; 0 leaves it as it is.
    """

    steps: int
    plain: float
    whole: float
    silence: float
    recordings: float
    quietest_db: float


def fit(
    model: WhisperForConditionalGeneration,
    tokenizer: WhisperTokenizer,
    utterances: list[Utterance],
    course: Course,
    random: Random,
) -> None:
    """Train: AdamW with a one-cycle rate, batches of similar length, most cut to their longest clip.

    With cross entropy alone the decoder learns the grammar and for thousands of steps ignores the sound (a loss of 0.5 after
    3,000). A CTC loss on the encoder, through a layer that is thrown away, gives it something to attend to (0.1 after 1,200).
    """
    to_tokens = nn.Linear(model.config.d_model, VOCABULARY + 1)
    parameters = [*model.parameters(), *to_tokens.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=course.steps, pct_start=0.1)
    model.train()
    short = [utterance for utterance in utterances if len(utterance.features) <= WINDOW_FRAMES // 4]
    plain_steps = int(course.plain * course.steps)
    plain = [n for n, utterance in enumerate(utterances) if utterance.is_plain]
    first = islice(_endless_batches(utterances, plain, random), plain_steps)
    then = _endless_batches(utterances, range(len(utterances)), random)
    for step, batch in zip(range(1, course.steps + 1), chain(first, then), strict=False):
        whole = step > plain_steps and random.random() < course.whole
        if course.recordings and random.random() < course.recordings:
            whole, silence = True, 0.0
            drawn = [window_of(short, random.random() < TIMED_SHARE, random) for _ in range(WHOLE_WINDOWS)]
        else:
            batch = random.sample(batch, WHOLE_WINDOWS) if whole and len(batch) > WHOLE_WINDOWS else batch
            silence, drawn = course.silence, [utterances[n] for n in batch]
        heard = [_after_silence(_masked(utterance, random), silence, random) for utterance in drawn]
        if course.quietest_db:
            heard = [_at_level(utterance, random.uniform(course.quietest_db, LOUDEST_DB)) for utterance in heard]
        spoken = [label(tokenizer, utterance.text) for utterance in heard]
        losses = _losses(model, to_tokens, heard, spoken, whole, random.random() < 0.5)
        optimizer.zero_grad()
        torch.autograd.backward(losses[0] + CTC_WEIGHT * losses[1])
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            logging.info("step %d of %d, cross entropy %.3f, CTC %.3f", step, course.steps, *(loss.item() for loss in losses))


def _masked(utterance: Utterance, random: Random) -> Utterance:
    """Silence two bands of mels and two stretches of time (SpecAugment), so that no voice is learned by heart."""
    features = utterance.features.copy()
    frames, mels = features.shape
    silence = features.min()
    for _ in range(2):
        low, first = random.randrange(mels), random.randrange(frames)
        features[:, low : low + random.randint(0, MASKED_MELS)] = silence
        features[first : first + random.randint(0, MASKED_FRAMES)] = silence
    return replace(utterance, features=features)


def _after_silence(utterance: Utterance, longest_seconds: float, random: Random) -> Utterance:
    """Put silence before most utterances, short more often than long: digital silence, or frames like the quietest ones.

    Without it the model learns that speech begins at once, and a tenth of a second more costs it 21 points of WER.
    """
    if longest_seconds == 0:  # nor draw, or the rounds without silence would come out otherwise than they did
        return utterance
    frames = int(random.random() ** 2 * longest_seconds * FRAMES_PER_SECOND)
    if random.random() >= SILENCE_SHARE or len(utterance.features) + frames > WINDOW_FRAMES:
        return utterance
    silence = quiet_frames(utterance.features, frames, random)
    return replace(utterance, features=np.concatenate([silence, utterance.features]))


def _at_level(utterance: Utterance, decibels: float) -> Utterance:
    return replace(utterance, features=amplified(utterance.features, decibels))


def _losses(
    model: WhisperForConditionalGeneration,
    to_tokens: nn.Linear,
    utterances: list[Utterance],
    labels: list[list[int]],
    whole: bool,
    with_zeros: bool,
) -> tuple[Tensor, Tensor]:
    """Cross entropy of the decoder and CTC of the encoder, each a mean over tokens.

    Args:
        model: in training.
        to_tokens: the layer that CTC needs.
        utterances: of one step.
        labels: theirs.
        whole: pad to the whole window, not to the longest utterance.
        with_zeros: pad a whole window as faster-whisper does, not with silence.
    """
    longest = max(len(u.features) for u in utterances)
    frames = WINDOW_FRAMES if whole else longest + longest % 2
    padding = _zeros_behind if whole and with_zeros else pad_frames
    padded = np.stack([padding(u.features, frames).T for u in utterances]).astype(np.float32)
    tokens = nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in labels], True, padding_value=-100)
    with _encoder_window(model, frames):
        output = model(input_features=torch.from_numpy(padded), decoder_input_ids=tokens[:, :-1].clamp(min=0))
    cross_entropy = nn.functional.cross_entropy(output.logits.flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=-100)
    # CTC's blank is 0, so tokens move up by one; prompt, timestamps and end are not spoken.
    spoken = [torch.tensor([number for number in ids if number < VOCABULARY]) + 1 for ids in labels]
    ctc = nn.functional.ctc_loss(
        to_tokens(output.encoder_last_hidden_state).log_softmax(-1).transpose(0, 1),
        torch.cat(spoken),
        torch.tensor([min(len(u.features), frames) // 2 for u in utterances]),
        torch.tensor([len(tokens) for tokens in spoken]),
        zero_infinity=True,
    )
    return cross_entropy, ctc


def _zeros_behind(features: LogMel, frames: int) -> LogMel:
    return np.concatenate([features[:frames], np.zeros((frames - len(features), features.shape[1]), features.dtype)])


def _endless_batches(utterances: list[Utterance], of: Sequence[int], random: Random) -> Iterator[list[int]]:
    while True:
        order = sorted(of, key=lambda n: len(utterances[n].features) + random.uniform(0, 20))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        random.shuffle(batches)
        yield from batches


@contextmanager
def _encoder_window(model: WhisperForConditionalGeneration, frames: int) -> Iterator[None]:
    """Let the encoder take `frames` mel frames (even) in place of its full window."""
    encoder, whole = model.model.encoder, model.model.encoder.embed_positions
    positions = frames // 2
    encoder.embed_positions = nn.Embedding(positions, whole.embedding_dim, _weight=whole.weight[:positions], _freeze=True)
    encoder.config.max_source_positions = positions
    try:
        yield
    finally:
        encoder.embed_positions = whole
        encoder.config.max_source_positions = whole.num_embeddings
