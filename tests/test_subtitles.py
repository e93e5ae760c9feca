"""Formats of a transcript, letter by letter."""

from asr.recognition.subtitles import Segment, Transcript, render

SAID = Transcript(
    path="calls/a.mp3",
    duration=3725.5,
    language="en",
    model="models/export",
    segments=(Segment(0.0, 1.9996, "dose < 5 mg & rising"), Segment(3599.9, 3725.056, "naïve --> cœur")),
)
SILENT = Transcript("a.mp3", 2.0, None, "m", ())


def test_text_has_a_line_for_each_segment() -> None:
    assert render(SAID, "txt") == "dose < 5 mg & rising\nnaïve --> cœur\n"
    assert render(SILENT, "txt") == ""


def test_srt_has_hours_commas_and_numbers_and_no_arrow_in_a_text() -> None:
    assert render(SAID, "srt") == (
        "1\n00:00:00,000 --> 00:00:02,000\ndose < 5 mg & rising\n\n2\n00:59:59,900 --> 01:02:05,056\nnaïve -> cœur\n"
    )
    assert render(SILENT, "srt") == ""


def test_vtt_has_a_heading_points_and_escaped_signs() -> None:
    assert render(SAID, "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\ndose &lt; 5 mg &amp; rising\n"
        "\n00:59:59.900 --> 01:02:05.056\nnaïve --&gt; cœur\n"
    )
    assert render(SILENT, "vtt") == "WEBVTT\n"


def test_json_has_everything() -> None:
    assert render(SAID, "json") == (
        '{\n  "path": "calls/a.mp3",\n  "duration": 3725.5,\n  "language": "en",\n  "model": "models/export",\n'
        '  "segments": [\n'
        '    {\n      "start": 0.0,\n      "end": 1.9996,\n      "text": "dose < 5 mg & rising"\n    },\n'
        '    {\n      "start": 3599.9,\n      "end": 3725.056,\n      "text": "naïve --> cœur"\n    }\n  ]\n}\n'
    )
    assert '"language": null' in render(SILENT, "json")
