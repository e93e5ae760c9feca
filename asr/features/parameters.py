"""Parameters of features and of augmentation."""

from typing import Literal

from pydantic import Field, model_validator

from asr.base.sections import Section

TRANSFORMS = ("untrimmed", "tempo", "pitch", "room", "background", "noise", "telephone", "mp3")
"""The transforms, in the order in which they are applied; each one's keys start with its name."""


MP3_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""The bit rates that MP3 has at 16 kHz."""


class Augment(Section):
    """Each transform's probability and range; amplitudes are for a waveform whose peak is 1.

    Untrimmed keeps the recording's silence, tempo and pitch change the speaker, room and background the place, noise the
    microphone, telephone and mp3 the line. Its level is drawn while training.
    A probability of 0 leaves a transform out, whatever its other keys say. Clips without speech are besides these.
    """

    seed: int
    copies: int = Field(default=1, ge=0)
    keep_clean: bool = False
    untrimmed_probability: float = Field(default=0.5, ge=0, le=1)
    # Slower than half speed, the stretching draws from a generator of its own that can't be seeded.
    tempo_probability: float = Field(default=0.0, ge=0, le=1)
    tempo_min: float = Field(default=0.9, ge=0.5, le=2)
    tempo_max: float = Field(default=1.1, ge=0.5, le=2)
    pitch_probability: float = Field(default=0.0, ge=0, le=1)
    pitch_max_semitones: float = Field(default=2.0, gt=0, le=12)
    room_probability: float = Field(default=0.0, ge=0, le=1)
    room_folder: str | None = Field(default=None, min_length=1)
    background_probability: float = Field(default=0.0, ge=0, le=1)
    background_folder: str | None = Field(default=None, min_length=1)
    background_min_snr_db: float = 5.0
    background_max_snr_db: float = 25.0
    noise_probability: float = Field(ge=0, le=1)
    noise_min_amplitude: float = Field(gt=0)
    noise_max_amplitude: float = Field(gt=0)
    telephone_probability: float = Field(default=0.0, ge=0, le=1)
    mp3_probability: float = Field(default=0.0, ge=0, le=1)
    mp3_min_kbps: int = Field(default=16, ge=MP3_KBPS[0], le=MP3_KBPS[-1])
    mp3_max_kbps: int = Field(default=64, ge=MP3_KBPS[0], le=MP3_KBPS[-1])
    non_speech_share: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> "Augment":
        mistakes = []
        units = {"tempo": "", "background": "_snr_db", "noise": "_amplitude", "mp3": "_kbps"}
        for name, unit in units.items():
            low, high = f"{name}_min{unit}", f"{name}_max{unit}"
            if getattr(self, low) > getattr(self, high):
                mistakes.append(f"augment.{low} is above augment.{high}")
        if not any(self.mp3_min_kbps <= kbps <= self.mp3_max_kbps for kbps in MP3_KBPS):
            mistakes.append(f"no bit rate from augment.mp3_min_kbps to augment.mp3_max_kbps; there are {MP3_KBPS}")
        for name in ("room", "background"):
            if getattr(self, f"{name}_probability") and getattr(self, f"{name}_folder") is None:
                mistakes.append(f"augment.{name}_probability is above 0 without an augment.{name}_folder")
        if self.copies == 0 and not self.keep_clean:
            mistakes.append("augment.copies is 0 and augment.keep_clean false, which leaves nothing to train on")
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self


class Features(Section):
    """What is computed from a clip, and where it is kept; nothing here knows a model or a transcript."""

    n_mels: Literal[80, 128]
    trim_below_peak_db: float | None = Field(gt=0)
    min_trimmed_seconds: float = Field(ge=0)
    store: str | None = Field(pattern="^[a-z0-9]+://.+")
