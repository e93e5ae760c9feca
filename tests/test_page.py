"""The page: what it says, and that nothing of the data becomes markup, a script or a request."""

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest

from asr.base.rates import Metric
from asr.report import chart
from asr.report.figures import figure, plain, probability, signed
from asr.report.page import SliceRow, render, word_by_word
from asr.report.slices import Slice
from asr.report.urls import audio_url, seen_from
from asr.scoring.align import Span
from asr.scoring.interval import Difference, Interval
from tests.pages import CHANGE, CURVES, report, text, utterance


def test_the_results_are_said_in_figures_and_words() -> None:
    said = text(render(report(utterance("a.wav"))))

    assert "Base model 61.75 % 95 %: 55.50 to 68.25" in said
    assert "Tuned model 24.00 % 95 %: 18.25 to 30.50" in said
    assert "Difference −37.75 points ↓ the tuned model is better 95 %: −44.00 to −31.25, p under 0.001" in said
    assert "The tuned model makes fewer errors in 41 of the clips, and more in 3." in said
    assert "everyday 50 24.00 18.25 to 30.50 24.00 18.25 to 30.50 – – ? not compared: no clip in common" in said
    assert "test base 400 189 38 20 48.14 59.10 62.00 48.20 2 1 3 4 (7) tuned 400 66 17 13 19.15" in said


def test_where_words_are_not_parted_characters_are_counted_and_read_without_spaces() -> None:
    alignment = (Span("equal", "今 日 は", "今 日 は"), Span("substitute", "良 い", "悪 く"), Span("delete", "ね", ""))
    sets = [
        replace(each, base=replace(each.base, metric="CER"), tuned=replace(each.tuned, metric="CER")) for each in report().sets
    ]

    page = render(report(utterance("a.wav", alignment=alignment, metric="CER"), sets=sets, slices=[]))

    assert '<td dir="auto"><span class="same">今日は</span><span class="sub"><span class="said">良い</span>' in page
    assert '<span class="heard">悪く</span></span><del class="said">ね</del></td>' in page
    said = text(page)
    assert "Character error rate on the test split" in said
    assert "400 characters. CER is all errors over all characters of a set" in said
    assert "Base CER, 95 %" in said
    assert "How many of the characters are heard" in said
    assert "WER" not in said.replace("Raw WER, %", "")


def test_what_is_counted_is_said_where_some_languages_part_words_and_others_do_not() -> None:
    test, everyday = report().sets
    test = replace(test, base=replace(test.base, metric="mixed"), tuned=replace(test.tuned, metric="mixed"))
    metrics: dict[str, Metric] = {"ja": "CER", "de": "WER"}
    found = [Slice("language", code, 9, 40, metric, 24.0, None, None) for code, metric in metrics.items()]
    slices = [SliceRow(dataset, each, each) for dataset in ("test", "everyday") for each in found]

    said = text(render(report(sets=[test, everyday], slices=slices)))

    assert "Error rate on the test split" in said
    assert "The error rate is all errors over all words of a set, and over all characters in languages" in said
    assert "everyday WER 50 24.00" in said
    assert "By language 2 Value Clips Model Error rate, 95 % ja CER 9 base 24.00" in said
    assert "By language, everyday 2 Value" in said
    assert "Slices of the test split and other sets" in said


def test_a_transcript_never_becomes_markup() -> None:
    page = render(report(utterance("a.wav", said="</script><b>", heard="<img src=x onerror=alert(1)>", base="</td><script>")))

    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "&lt;/script&gt;&lt;b&gt;" in page
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 4  # its own, a speed of each model, and that of training


def test_no_other_text_of_the_data_becomes_markup() -> None:
    evil = "\"'><img src=x>"
    row = utterance(evil, speaker=evil, dataset=evil, base=evil, audio=evil)
    reject = dict.fromkeys(("line", "path", "reason", "detail", "remedy"), evil)
    page = render(
        report(
            row,
            model=evil,
            normalizer=evil,
            window=evil,
            rejects=[reject],
            params={evil: {evil: [evil]}},
            versions={evil: {evil: evil}},
            data={"rejected": {evil: 1}, "clips": {evil: 1}},
        )
    )

    assert "<img" not in page
    assert "&#34;&#39;&gt;&lt;img src=x&gt;" in page


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("../data/1.mp3", "./../data/1.mp3"),
        ("a b#1?2%3&4.wav", "./a%20b%231%3F2%253%264.wav"),
        ("été.wav", "./%C3%A9t%C3%A9.wav"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("https://example.org/a.wav", "./https%3A//example.org/a.wav"),
        ("/recordings/a.wav", "/recordings/a.wav"),
        ("//example.org/a.wav", "/example.org/a.wav"),
        ("\\\\example.org\\a.wav", "./%5C%5Cexample.org%5Ca.wav"),
        ("a#1.wav#t=1.5,4", "./a%231.wav#t=1.5,4"),
        ("a.wav#t=1.5&channel=1", "./a.wav#t=1.5&channel=1"),
        ("a.wav#channel=0", "./a.wav#channel=0"),
        ("a#t=1.wav", "./a%23t%3D1.wav"),
    ],
)
def test_the_url_of_a_clip_is_a_path_whatever_its_name(path: str, url: str) -> None:
    assert audio_url(path) == url


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("data/1.wav", "../data/1.wav"),
        ("../recordings/2.wav", "../../recordings/2.wav"),
        ("/mnt/calls/2.wav", "/mnt/calls/2.wav"),
    ],
)
def test_a_page_finds_clips_beside_it_and_elsewhere(path: str, seen: str) -> None:
    assert seen_from(Path("metrics"), path) == seen


def test_the_player_gets_the_quoted_path() -> None:
    assert '<audio controls preload="none" src="./a%20b%23.wav" aria-label="a b#.wav">' in render(report(utterance("a b#.wav")))


def test_nothing_is_requested_from_anywhere() -> None:
    page = render(report(utterance("a.wav")))

    assert "http://" not in page
    assert "https://" not in page
    assert not re.search(r"@import|url\(|<link|<iframe| srcset=", page)
    assert set(re.findall(r' src="([^"]*)"', page)) == {
        "./a.wav",
        "speeds/0123abc.js",
        "speeds/4567def.js",
        "speeds/89abcde.js",
    }


def test_the_policy_allows_one_style_one_script_and_what_is_beside_the_page() -> None:
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', render(report()))[0])

    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-\S{44}'; script-src 'sha256-\S{44}' 'self' file:; "
        r"media-src 'self' file:; base-uri 'none'; form-action 'none'",
        policy,
    )


def test_what_is_not_known_is_a_dash() -> None:
    said = text(render(report(utterance("a.wav", speaker=None, base=None), versions={})))

    assert "a.wav test – 1.50 0/3 0.00 one two three –" in said
    assert "Unseen never in training 0 base – tuned –" in said
    assert "base – – tuned – –" in said
    assert "deeper –" in said
    assert "None" not in said


def test_nothing_at_all_is_a_page_too() -> None:
    said = text(
        render(report(sets=[], slices=[], confusions=[], recalls={}, curves=[], data={}, rejects=[], params={}, versions={}))
    )

    assert "0 shown of 0" in said
    assert "rows in the CSV –" in said


def test_the_words_of_an_utterance_are_aligned() -> None:
    alignment = (
        Span("equal", "the", "the"),
        Span("substitute", "one two", "won too"),
        Span("delete", "three", ""),
        Span("insert", "", "uh"),
    )

    assert word_by_word(alignment, "WER") == [
        ("equal", "the", "the"),
        ("substitute", "one", "won"),
        ("substitute", "two", "too"),
        ("delete", "three", ""),
        ("insert", "", "uh"),
    ]
    page = render(report(utterance("a.wav", alignment=alignment, errors=4, words=4)))
    assert "the one heard as won two heard as too three uh" in text(page)
    assert '<del class="said">three</del>' in page
    assert '<ins class="heard">uh</ins>' in page
    assert 'dir="auto"' in page


def test_most_errors_come_first_and_the_rest_waits() -> None:
    rows = [utterance(f"{number}.wav", errors=number, words=60) for number in range(60)]
    first, rest = render(report(*rows)).split('<template id="more-rows">')

    assert re.findall(r"<code>(\d+)\.wav", first) == [str(number) for number in range(59, 9, -1)]
    assert re.findall(r"<code>(\d+)\.wav", rest) == [str(number) for number in range(9, -1, -1)]
    assert "50 shown of 60, most errors first" in text(first)


def test_the_data_the_parameters_and_where_it_comes_from() -> None:
    said = text(render(report()))

    assert "rows in the CSV 1,485 rejected 1 1 silence dropped 0" in said
    assert "train 1,430 1.30 39 test 54 0.05 5" in said
    assert "42 a/b.mp3 silence no sound record it again" in said
    assert "train epochs 5 deep 1 entry deeper –" in said
    assert "torch train: 2.13.0, evaluate: 2.14.0 jiwer 4.0.0" in said


def test_the_page_says_what_the_clips_that_loop_make_of_a_rate() -> None:
    assert "test, base: 47 of 247 errors are of 1 clip in which the model loops; without them 50.51 %." in text(
        render(report())
    )


def test_flags_are_written() -> None:
    assert "cut off loop" in text(render(report(utterance("a.wav", is_cut_off=True, has_loop=True)))).split("Utterances")[-1]


def test_figures() -> None:
    assert [figure(24.0), figure(0.5, 0), figure(None), figure(float("nan"))] == ["24.00", "0", "–", "–"]
    assert [signed(1.2), signed(-1.2), signed(-0.001), signed(None)] == ["+1.20", "−1.20", "0.00", "–"]
    assert [probability(0.0412), probability(0.0009), probability(None)] == ["0.041", "under 0.001", "–"]
    assert [plain(None), plain(True), plain([1, None]), plain(""), plain(0)] == ["–", "true", "1, –", "–", "0"]


def test_a_line_goes_through_its_points() -> None:
    drawn = chart.draw(
        "Loss", "step", "", {"training": [(0, 0), (5, 2), (10, 4)], "validation": [], "other": [(5, float("nan"))]}
    )

    assert drawn is not None
    assert [(line.name, line.path) for line in drawn.lines] == [("training", "M52 196L220 104L388 12")]
    assert [(tick.place, tick.label) for tick in drawn.x_ticks] == [
        (52, "0"), (119.2, "2"), (186.4, "4"), (253.6, "6"), (320.8, "8"), (388, "10"),
    ]  # fmt: skip
    assert [(tick.place, tick.label) for tick in drawn.y_ticks] == [(196, "0"), (150, "1"), (104, "2"), (58, "3"), (12, "4")]
    assert [mark.label for mark in drawn.lines[0].marks] == ["step 0: 0", "step 5: 2", "step 10: 4"]
    assert drawn.summary == "Loss by step. training: 0 at first, 4 at last, lowest 0 at step 0."


def test_no_points_make_no_chart() -> None:
    assert chart.draw("Loss", "step", "", {"training": []}) is None


def test_all_charts_are_on_the_page() -> None:
    searched = [{"rate": 1e-5, "error_rate": 40.0}, {"rate": 1e-4, "error_rate": 30.0}, {"rate": 1e-3, "error_rate": None}]
    keeping = [{"share": 0.0, "validation": 30.0, "general": 9.0}, {"share": 0.1, "validation": 29.0, "general": 5.0}]
    page = render(report(curves=CURVES, searched=searched, keeping=keeping))

    assert re.findall(r"<figcaption><b>([^<]*)</b>", page) == [
        "Loss",
        "Validation error rate, %",
        "Learning rate",
        "Error rate by learning rate, %",
        "Error rate by what is kept of the base model, %",
    ]
    assert "validation: 40 % at first, 30 % at last, lowest 30 % at power of ten of the rate −4." in page
    assert "general: 9 % at first, 5 % at last, lowest 5 % at share of its weights 0.1." in page
    assert "Validation error rate, % by epoch. validation: 40 % at first, 20 % at last, lowest 20 % at epoch 2." in page


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 4], (0, 1, 2, 3, 4)),
        ([0.08, 2.6], (0, 1, 2, 3)),
        ([18, 71.5], (0, 20, 40, 60, 80)),
        ([95, 99], (95, 96, 97, 98, 99)),
        ([0, 0.001], (0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001)),
        ([7], (0, 2, 4, 6, 8)),
        ([0], (0, 0.2, 0.4, 0.6, 0.8, 1)),
        ([-1, 1], (-1, -0.5, 0, 0.5, 1)),
    ],
)
def test_an_axis_has_round_numbers(values: list[float], ticks: tuple[float, ...]) -> None:
    assert chart.round_scale(values).ticks == ticks


def test_the_numbers_of_an_axis_are_short() -> None:
    assert [chart.short(value) for value in (0, 0.0002, 1e-05, -1.5, 12000, 2.5)] == [
        "0",
        "0.0002",
        "1e−5",
        "−1.5",
        "12,000",
        "2.5",
    ]


def test_a_long_line_keeps_its_peaks() -> None:
    points = [(float(step), 1.0) for step in range(50_000)]
    points[31_234] = (31_234.0, 9.0)
    drawn = chart.draw("Loss", "step", "", {"training": points})

    assert drawn is not None
    assert drawn.lines[0].path.count("L") < chart.MOST_POINTS
    assert drawn.lines[0].path.count(f" {chart.TOP + 18.4:g}") == 1
    assert drawn.lines[0].marks == ()


def test_bars() -> None:
    assert chart.bar(25, 20, 30, 50) == chart.Bar(50, 40, 60, goes_on=False)
    assert chart.bar(50, 40, 50, 50) == chart.Bar(100, 80, 100, goes_on=False)
    assert chart.bar(240, None, None, 100) == chart.Bar(100, None, None, goes_on=True)
    assert chart.bar(60, -1, 138, 100) == chart.Bar(60, 0, 100, goes_on=True)
    assert [chart.bar_room(rates) for rates in ([3.2, 7.9], [240], [0], [])] == [8, 100, 100, 100]


@pytest.mark.parametrize(
    ("difference", "better", "worse", "verdict"),
    [
        (
            Difference(-2.0, Interval(-3.0, -1.0), 0.01),
            9,
            1,
            'better"><span aria-hidden="true">↓</span> the tuned model is better<',
        ),
        (Difference(2.0, Interval(1.0, 3.0), 0.01), 1, 9, 'worse"><span aria-hidden="true">↑</span> the tuned model is worse<'),
        (
            Difference(-1.0, Interval(-3.0, 1.0), 0.4),
            9,
            8,
            'same"><span aria-hidden="true">=</span> no difference beyond chance<',
        ),
        (
            Difference(-1.0, Interval(-99.0, 97.0), 0.9),
            9,
            8,
            'unsure"><span aria-hidden="true">?</span> too uncertain to tell: ',
        ),
        (
            Difference(-1.0, Interval(-3.0, 1.0), 0.4),
            41,
            3,
            'unsure"><span aria-hidden="true">?</span> the tuned model is better in',
        ),
    ],
)
def test_the_verdict(difference: Difference, better: int, worse: int, verdict: str) -> None:
    change = replace(CHANGE, difference=difference, better=better, worse=worse)

    assert f"verdict {verdict}" in render(report(sets=[replace(report().sets[0], change=change)]))


def test_by_too_few_speakers_the_page_says_how_many_there_are_and_what_would_help() -> None:
    test = report().sets[0]
    few = replace(CHANGE, difference=Difference(-37.75, None, None), groups=2, speakers=2, better=9, worse=8)
    base, tuned = (replace(each, error_rate_low=None, error_rate_high=None) for each in (test.base, test.tuned))
    said = text(render(report(sets=[replace(test, base=base, tuned=tuned, change=few)])))

    assert "Difference −37.75 points ? 2 speakers are too few for an interval: 5 or more test speakers give one –" in said
    assert "50 clips, 2 speakers, 400 words." in said


def test_every_sets_verdict_is_said_above_all_else() -> None:
    worse = replace(CHANGE, difference=Difference(9.64, Interval(5.35, 13.92), 0.0001), better=3, worse=41)
    test, everyday = report().sets
    above = render(report(sets=[test, replace(test, name="general", change=worse), everyday])).split("<nav")[0]

    assert "test: −37.75 points, the tuned model is better" in text(above)
    assert "general: +9.64 points, the tuned model is worse" in text(above)
    assert "everyday not compared: no clip in common" in text(above)
    assert re.findall(r'verdict (\w+)">', above) == ["better", "worse", "unsure"]


def test_a_set_of_which_train_or_validation_has_clips_says_so_beside_its_verdict_and_names_them() -> None:
    test, _ = report().sets
    copied = {"in_training": 6, "in_validation": 1, "copies": {"data/general/1.ogg": "train: calls/7.wav (sounds alike)"}}
    data = {**report().data, "sets": {"general": {**report().data["sets"]["general"], **copied}}}
    found = render(report(sets=[test, replace(test, name="general")], data=data))
    above, below = found.split("<nav")

    assert "better ; but 6 of its 60 clips are trained on, so its error rate is too good" in text(above)
    assert text(above).count("trained on") == 1
    assert text(below).count("6 of 60 clips also trained on: too good 1 of 60 clips also in validation") == 2
    assert "data/general/1.ogg train: calls/7.wav (sounds alike)" in text(below)
    assert "trained on" not in text(render(report(sets=[test, replace(test, name="general")])))


def test_an_interval_that_goes_on_beyond_its_bar_says_so() -> None:
    beyond = render(
        report(
            slices=[
                SliceRow(
                    "test",
                    Slice("seconds", "2 to 4 s", 9, 40, "WER", 70.0, 30.5, 138.0),
                    Slice("seconds", "2 to 4 s", 9, 40, "WER", 24.0, 18.25, 30.5),
                )
            ]
        )
    )
    within = render(report())

    assert beyond.count("<title>goes on beyond the end of the bar, 80 %</title>") == 1
    assert beyond.count('role="img"><title>') == beyond.count('<svg x="100%" overflow="visible"><path') == 1
    assert "goes on beyond the end of the bar" not in within


@pytest.mark.parametrize(
    ("base", "tuned", "words"),
    [
        ("fit", "fit", "the encoder is given each clip at its own length."),
        ("full", "full", "the encoder is given each clip padded to the model's whole window."),
        (
            "full",
            "fit",
            "the base model's encoder is given each clip padded to the model's whole window, the tuned model's at its",
        ),
    ],
)
def test_how_long_a_clip_is_for_the_encoder(base: str, tuned: str, words: str) -> None:
    assert words in text(render(report(base_window=base, window=tuned)))
