"""Audio files for the tests, encoded in memory."""

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

LAYOUTS = {1: "mono", 2: "stereo", 8: "7.1"}
SCALES = {"s16": 2**15 - 1, "s32": 2**31 - 128, "flt": 1}


def stored(sound: NDArray[np.float32], rate: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """Encode with libsndfile; shape (frames, channels)."""
    file = BytesIO()
    soundfile.write(file, sound, rate, format=kind, subtype=subtype)
    return file.getvalue()


def encoded(
    kind: str,
    codec: str,
    sound: NDArray[np.float32],
    rate: int,
    start_seconds: float = 0,
    video_seconds: float = 0,
    bit_rate: int | None = None,
    **options: str,
) -> bytes:
    """Encode with FFmpeg; shape (frames, channels). The sound may begin late, and be shorter than a video beside it."""
    file = BytesIO()
    layout = LAYOUTS[sound.shape[1]]
    with av.open(file, "w", format=kind, options=options) as container:
        if video_seconds:
            video = container.add_stream("mpeg4", rate=10)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        if bit_rate:
            stream.bit_rate = bit_rate
        form = stream.format.name
        values = (sound * SCALES[form.removesuffix("p")]).astype(
            {"s16": "i2", "s32": "i4", "flt": "f4"}[form.removesuffix("p")]
        )
        array = values.T.copy() if form.endswith("p") else values.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(array, form, layout)
        frame.rate, frame.pts, frame.time_base = rate, round(start_seconds * rate), Fraction(1, rate)
        if video_seconds:
            pictures = [av.VideoFrame(64, 64, "yuv420p") for _ in range(round(10 * video_seconds))]
            for number, picture in enumerate(pictures):
                picture.pts = number
            container.mux([packet for picture in [*pictures, None] for packet in video.encode(picture)])
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()
