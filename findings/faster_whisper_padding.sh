#!/usr/bin/env bash
# faster-whisper 1.2.1 fills a short clip's window up in the features, with 0.0; transformers 5.23.0 fills up the samples, with
# zeros, before it computes features. So the two programs give one model different inputs for the same clip: after the clip's end
# 0.0 in one, and in the other what silence has as its features beside that clip, which no 0.0 is. Zeros behind the samples, up to
# 30 s, make them alike. Seen, of one second of noise:
# last frame: faster-whisper 0.0 | faster-whisper, zero samples to 30 s -1.13 | transformers -1.13
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check faster-whisper==1.2.1 transformers==5.23.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from faster_whisper.audio import pad_or_trim
from faster_whisper.feature_extractor import FeatureExtractor
from transformers import WhisperFeatureExtractor

samples = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) / 10
faster = pad_or_trim(FeatureExtractor()(samples)[..., :-1])
padded = FeatureExtractor()(np.pad(samples, (0, 464_000)))[..., :3000]
library = WhisperFeatureExtractor()(samples, sampling_rate=16_000).input_features[0]
seen = [round(float(each[0, -1]), 2) for each in (faster, padded, library)]
print("last frame: faster-whisper", seen[0], "| faster-whisper, zero samples to 30 s", seen[1], "| transformers", seen[2])
sys.exit(seen != [0.0, -1.13, -1.13])
PYTHON
