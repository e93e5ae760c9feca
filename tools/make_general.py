"""Make the bundled general set: the voices that the base model has learned, and sentences that it has not.

    python -m tools.make_general           (seconds; writes data/general)

Tuning on the sample's accents and telephones makes these worse: what is forgotten shows. Vorbis, since the low rate of the
sample's mp3 is itself something that the base model never heard (22 % WER instead of 2).
"""

import argparse
import csv
from pathlib import Path
from random import Random

from asr.audio.waveform import to_mono_16k
from tools.make_sample import write
from tools.phrases import sentence
from tools.utterances import ACCENTS
from tools.voices import VARIANTS, Voice, normalize_peak, speak


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--speakers", type=int, default=12)
    parser.add_argument("--clips-per-speaker", type=int, default=5)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("data/general"))
    options = parser.parse_args()
    random = Random(options.seed)
    (options.out / "audios").mkdir(parents=True, exist_ok=True)
    rows: list[list[str]] = []
    for number, variant in enumerate(random.sample(VARIANTS, options.speakers), start=1):
        voice = Voice(random.choice(ACCENTS), variant, random.randint(130, 200), random.randint(25, 70))
        for _ in range(options.clips_per_speaker):
            text, name = sentence(random), f"audios/{len(rows) + 1}.ogg"
            write(options.out / name, 0.8 * normalize_peak(to_mono_16k(*speak(text, voice))), "ogg")
            rows.append([name, text, f"general{number:02d}", voice.accent])
    with (options.out / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["audios", "transcription", "speaker", "accent"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
