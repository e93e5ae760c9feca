"""What is said of clips before anybody trains on them: why they can't be used, or what is odd about them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio.findings import Finding
from asr.audio.inspection import inspect
from asr.base.entries import WHOLE, View
from tests.encoding import encoded, stored
from tests.sounds import tone
from tests.test_bandwidth import resampled, voice

VOICE = voice(6)[:, None]


def findings(content: bytes, view: View = WHOLE) -> list[Finding]:
    (sound,) = inspect(content, [view])
    refused = [finding for finding in sound.findings if finding.severity == "refuse"]
    assert all(finding.detail and finding.remedy for finding in sound.findings)
    assert (len(refused) == 1) == (sound.fingerprint == "" and sound.bandwidth == 0)
    return list(sound.findings)


def reasons(content: bytes, view: View = WHOLE) -> list[tuple[str, str]]:
    return [(finding.severity, finding.reason) for finding in findings(content, view)]


def of_wav(sound: NDArray[np.float32], rate: int = 16_000, subtype: str = "FLOAT") -> list[Finding]:
    return findings(stored(sound, rate, subtype=subtype))


def test_a_clip_without_oddities() -> None:
    (sound,) = inspect(stored(VOICE, 16_000), [WHOLE])

    assert (sound.seconds, sound.rate, sound.channels, sound.findings) == (4.0, 16_000, 1, ())


@pytest.mark.parametrize("samples", [1, 2, 3, 100])
def test_a_clip_of_a_few_samples(samples: int) -> None:
    (sound,) = inspect(stored(np.full((samples, 2), 0.5, np.float32), 16_000), [WHOLE])

    assert sound.seconds == round(samples / 16_000, 4)


def test_parts_of_a_file_have_its_channels_and_their_own_lengths() -> None:
    content = stored(np.repeat(VOICE, 2, axis=1), 16_000, "FLAC")

    sounds = inspect(content, [View(0.5, 1.75), View(3.0, 9.0), View(2.0, None, channel=1)])

    assert [(sound.seconds, sound.channels) for sound in sounds] == [(1.25, 2), (0.0, 0), (2.0, 2)]
    assert [finding.reason for finding in sounds[1].findings] == ["no such part of the file"]


def test_what_can_not_be_used_has_its_reason_and_its_remedy() -> None:
    again = "export the recording again"
    not_a_number = np.full((16_000, 1), np.nan, np.float32)
    whole = stored(VOICE, 16_000)

    assert findings(b"this is not audio") == [
        Finding(
            "refuse", "unreadable audio", "damaged, cut short or not audio (Invalid data found when processing input)", again
        )
    ]
    assert of_wav(VOICE[:0]) == [Finding("refuse", "no samples", "0 s of audio", again)]
    assert of_wav(not_a_number) == [Finding("refuse", "invalid samples", "infinite or not-a-number samples", again)]
    assert of_wav(1e20 * VOICE)[0].reason == "invalid samples"
    assert of_wav(0.0009 * VOICE / VOICE.max()) == [
        Finding("refuse", "silence", "nothing above -60 dB", "record the clip again or remove the row")
    ]
    assert findings(whole[: len(whole) // 2])[0].detail == f"cut short: {len(whole) // 2} of {len(whole)} bytes"
    assert reasons(whole, View(channel=1)) == [("refuse", "no such channel")]


def test_a_silence_is_measured_in_case_somebody_wants_it() -> None:
    faint, digital = (inspect(stored(np.full((16_000, 2), level, np.float32), 16_000), [WHOLE])[0] for level in (0.0005, 0.0))

    assert [(each.seconds, each.rate, each.channels) for each in (faint, digital)] == [(1.0, 16_000, 2)] * 2
    assert faint.peak_db == pytest.approx(-66.0, abs=0.5)
    assert digital.peak_db == -100.0
    assert [finding.reason for each in (faint, digital) for finding in each.findings] == ["silence"] * 2


def test_a_sample_that_is_no_number_is_found_in_either_channel() -> None:
    sound = np.repeat(VOICE, 2, axis=1)
    sound[100, 1] = np.inf

    assert of_wav(sound)[0].reason == "invalid samples"
    assert reasons(stored(sound, 16_000, subtype="FLOAT"), View(1.0, 2.0)) == []


@pytest.mark.parametrize("kind", ["FLAC", "MP3", "OGG"])
def test_a_long_recording_without_times_is_refused_with_the_way_to_get_them(kind: str) -> None:
    content = stored(np.tile(VOICE, (8, 1)), 16_000, kind)

    (refused,) = findings(content)

    assert (refused.severity, refused.reason, refused.detail) == ("refuse", "recording without times", "over 30 s")
    assert "python -m commands.transcribe --format srt" in refused.remedy
    assert findings(content, View(channel=0))[0].reason == "recording without times"
    assert findings(content, View(0.5, 31.0)) == [Finding("refuse", "longer than 30 s", "30.50 s", "divide it")]
    assert findings(content, View(0.5)) == [Finding("refuse", "longer than 30 s", "over 30 s", "divide it")]
    assert findings(content, View(0.5, 30.5)) == []


def test_a_clip_of_30_s_and_what_a_codec_adds_is_not_too_long() -> None:
    assert findings(stored(np.tile(VOICE, (8, 1))[: 30 * 16_000], 16_000, "MP3")) == []


def test_two_formats_in_one_file_are_named() -> None:
    mono, stereo = tone(1.0), tone(1.0, channels=2)

    (refused,) = findings(stored(mono, 16_000, "MP3") + stored(stereo, 16_000, "MP3"))

    assert refused.reason == "unreadable audio"
    assert refused.detail == "changes from 16000 Hz, 1 channel to 16000 Hz, 2 channels after 1.01 s"
    assert refused.remedy == "export each part by itself"


def test_a_file_that_holds_more_than_its_header_says_is_warned_of() -> None:
    content = stored(VOICE, 16_000)

    assert reasons(content + content) == [("warn", "longer than its header says")]
    assert findings(content + content)[0].detail == "4.00 s by the header, 8.00 s in the file"
    assert findings(content + content, View(0.0, 2.0)) == []


@pytest.mark.parametrize(("kind", "codec"), [("ipod", "aac"), ("asf", "wmav2"), ("aiff", "pcm_s16be")])
def test_a_file_with_another_behind_it_is_warned_of(kind: str, codec: str) -> None:
    content = encoded(kind, codec, VOICE, 16_000, bit_rate=48_000)

    assert findings(content + content)[0].detail == "2 recordings one behind the other"
    assert reasons(content) == []


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_channels_in_opposite_phase_are_noted(kind: str) -> None:
    content = stored(np.concatenate([VOICE, -VOICE], axis=1), 16_000, kind)

    assert reasons(content) == [("note", "channels in opposite phase")]
    assert findings(content, View(channel=1)) == []


TURNS = np.arange(len(VOICE)) // 16_000 % 2 == 0


def conversation(leak: float) -> NDArray[np.float32]:
    """Two speakers who take turns, one to a channel; each is heard in the other's, too."""
    first, second = VOICE[:, 0] * TURNS, voice(9) * ~TURNS
    return np.stack([first + leak * second, second + leak * first], axis=1)


def in_a_room(seed: int) -> NDArray[np.float32]:
    """What a microphone hears of a speaker in a room who pauses: the walls' echoes, and noise."""
    random = np.random.default_rng(seed)
    echoes = 0.1 * random.standard_normal(4_000) * np.exp(-np.arange(4_000) / 1_000)
    echoes[seed * 200] = 1.0
    heard = np.fft.irfft(np.fft.rfft(VOICE[:, 0] * TURNS, 68_000) * np.fft.rfft(echoes, 68_000))[:64_000]
    return np.asarray(0.3 * heard + 0.003 * random.standard_normal(64_000), dtype=np.float32)


def test_two_parties_to_a_channel_each_are_noted() -> None:
    for leak in (0.0, 0.1):
        content = stored(conversation(leak), 16_000)
        assert reasons(content) == [("note", "two channels with different sound")]
        assert "channel column or in data.channel" in findings(content)[0].remedy
        assert findings(content, View(channel=0)) == []


def test_two_channels_of_one_speaker_are_not() -> None:
    quiet = 0.003 * np.random.default_rng(5).standard_normal(64_000)

    assert of_wav(np.stack([in_a_room(1), in_a_room(2)], axis=1)) == []
    assert of_wav(np.stack([VOICE[:, 0], 0 * VOICE[:, 0]], axis=1)) == []
    assert of_wav(np.stack([VOICE[:, 0], quiet], axis=1).astype(np.float32)) == []


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_clipping_is_noted_and_much_of_it_warned_of(rate: int) -> None:
    sound = voice(6, rate, level=1.0)[:, None]

    assert findings(stored(sound, rate)) == []
    for scale in (1.0, 0.4):  # turned down afterwards
        assert reasons(stored(scale * np.clip(2.0 * sound, -1, 1), rate)) == [("note", "clipping")]
        assert reasons(stored(scale * np.clip(8.0 * sound, -1, 1), rate)) == [("warn", "clipping")]
        assert reasons(stored(scale * np.clip(8.0 * sound, -9, 1), rate, subtype="FLOAT")) == [("warn", "clipping")]
    assert findings(stored(np.clip(8.0 * sound, -1, 1), rate))[0].detail.endswith(
        " % of the samples are cut off at the same height"
    )


def test_samples_of_another_scale_are_not_clipped() -> None:
    assert of_wav(32_768 * VOICE) == []


def test_a_constant_offset_is_noted() -> None:
    assert [(finding.reason, finding.detail) for finding in of_wav(VOICE + 0.1)] == [
        ("DC offset", "a mean of 0.100, with a peak of 0.400")
    ]


def test_quiet_clips_are_noted() -> None:
    assert [(finding.severity, finding.reason, finding.detail) for finding in of_wav(0.003 / VOICE.max() * VOICE)] == [
        ("note", "very quiet", "a peak 50 dB under full scale")
    ]


@pytest.mark.parametrize("kind", ["WAV", "OGG", "MP3"])
def test_a_clip_that_falls_silent_early_is_noted(kind: str) -> None:
    silence = np.zeros((6 * 16_000, 1), np.float32)

    (noted,) = findings(stored(np.concatenate([VOICE, silence]), 16_000, kind))

    assert (noted.severity, noted.reason) == ("note", "mostly silence at the end")
    assert noted.detail.startswith(("nothing after 3.9", "nothing after 4.0"))
    assert findings(stored(np.concatenate([VOICE, silence[:48_000]]), 16_000, kind)) == []


def test_a_narrow_band_is_noted_with_where_it_ends() -> None:
    sound = resampled(voice(6, 8_000), 8_000, 16_000)[:, None]

    (noted,) = findings(stored(sound, 16_000))

    assert (noted.severity, noted.reason) == ("note", "narrow band")
    assert noted.detail in [f"nothing above {hertz} Hz at a rate of 16000 Hz" for hertz in (3_600, 3_800, 4_000)]


def test_a_clip_of_which_trimming_leaves_little_is_noted() -> None:
    thump = np.concatenate([np.ones((800, 1)), np.zeros((47_200, 1))]).astype(np.float32) * tone(3.0, hertz=90)

    (sound,) = inspect(stored(thump + np.float32(2e-4) * VOICE[:48_000], 16_000), [WHOLE])

    assert sound.sounding_seconds < 0.2
    assert ("note", "hardly any sound") in [(finding.severity, finding.reason) for finding in sound.findings]
    assert inspect(stored(VOICE, 16_000), [WHOLE])[0].sounding_seconds == pytest.approx(4.0, abs=0.1)
