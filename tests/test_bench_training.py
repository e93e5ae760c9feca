"""The benches of training: the tables from given runs, the count of operations, and every side on a tiny model."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench import window_modes
from bench.process import Cost
from bench.shapes import random_whisper, training_flops
from bench.sides import Options, Run
from bench.training import table, targets
from tests.project import ROOT

ARTICLE = Run(
    clips=128, seconds=160.0, waited=1.0, loader_clips_per_second=None, cuda_bytes=None, flops_per_clip=5e9,
    precision="fp32", rows_at_once=4, errors=[1, 0, 2, 1] * 2, words=[4] * 8, speakers=[None] * 8,
)  # fmt: skip
FIT = replace(ARTICLE, seconds=16.0, loader_clips_per_second=400.0, waited=0.0, rows_at_once=64, errors=[0, 0, 2, 1] * 2)
COST = Cost(seconds=1.0, cpu_seconds=1.0, peak_rss=2_000_000)


def test_a_line_a_side_with_the_ratio_to_the_article() -> None:
    lines = table({"article": (ARTICLE, COST), "fit": (FIT, COST)}, peak_tflops=1.0).splitlines()

    assert lines[-2].split()[:7] == ["article", "fp32", "4", "0.80", "1.0", "1250.0", "2"]
    assert lines[-1].split()[:7] == ["fit", "fp32", "64", "8.00", "10.0", "125.0", "2"]
    assert lines[-1].split()[7:12] == ["0.0%", "50", "x", "4.0%", "18.75"]
    assert lines[-1].split()[12:] == ["4.24", "to", "43.57"]


@pytest.mark.parametrize(
    ("run", "met"),
    [
        (FIT, [True, True, True, True]),
        (replace(FIT, seconds=21.0), [False, True, True, True]),  # 7.6 x
        (replace(FIT, errors=[4] * 8), [True, False, True, True]),
        (replace(FIT, loader_clips_per_second=39.0), [True, True, False, True]),
        (replace(FIT, waited=1.0), [True, True, True, False]),
    ],
)
def test_targets_are_missed_when_they_are(run: Run, met: list[bool]) -> None:
    assert [target.met for target in targets({"article": (ARTICLE, COST), "fit": (run, COST)})] == met


def test_seeds_are_averaged_beside_the_whole_window() -> None:
    runs = {"full": [ARTICLE, FIT], "pack": [replace(FIT, errors=[4] * 8), replace(FIT, errors=[4, 4, 4, 0] * 2)]}

    lines = window_modes.table(runs, "test").splitlines()

    assert lines[-2].split()[:7] == ["full", "1.5", "1.00", "25.00", "18.75", "21.88", "+0.00"]
    assert lines[-2].split()[7:] == ["-"]  # they are alike
    assert lines[-1].split()[:7] == ["pack", "8.0", "5.50", "100.00", "75.00", "87.50", "+65.62"]
    assert lines[-1].split()[7:] == ["39.06", "to", "92.19"]


def test_few_steps_are_asked_for_with_few_clips_and_can_be_scored_on_validation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = list[Options]()

    def measured(mode: str, options: Options) -> tuple[Run, Cost]:
        asked.append(options)
        return FIT, COST

    monkeypatch.setattr(window_modes, "measured", measured)
    monkeypatch.setattr(
        sys, "argv", ["window_modes", *"--clips 240 --effective-batch 8 --epochs 1 --split validation --seeds 1 2".split()]
    )
    window_modes.main()

    assert [(each.clips, each.effective_batch, each.epochs, each.scored_split, each.seed) for each in asked] == [
        (240, 8, 1, "validation", seed) for seed in (1, 1, 1, 2, 2, 2)
    ]
    assert "1 epochs, 8 clips of validation" in capsys.readouterr().out


def test_clips_that_all_differ_alike_tell_nothing_of_others() -> None:
    worse = replace(FIT, errors=[2, 1, 3, 2] * 2)

    found = targets({"article": (ARTICLE, COST), "fit": (worse, COST)})

    assert found[1].figure is None
    assert found[1].met is None


def test_speakers_are_drawn_where_they_are_known() -> None:
    assert replace(FIT, speakers=["ann", "ann", "bob", "bob"] * 2).corpus.unit == "speakers"
    assert FIT.corpus.unit == "utterances"


@pytest.mark.parametrize(("window", "tokens"), [(400, 10), (3000, 60)])
def test_the_count_of_operations_is_what_torch_counts(window: int, tokens: int) -> None:
    whisper = random_whisper("tiny")
    model = whisper.model
    features, labels = torch.zeros(1, 80, 3000), torch.zeros(1, tokens, dtype=torch.long)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model.to("meta")
        model.config.max_source_positions = model.model.encoder.embed_positions.num_embeddings = window // 2
        model(features.to("meta")[:, :, :window], decoder_input_ids=labels.to("meta"))

    assert training_flops(whisper, window, tokens) == pytest.approx(3 * counter.get_total_flops(), rel=0.05)


def run_bench(name: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"bench.{name}", *options]
    result = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


@pytest.mark.slow
def test_every_side_learns_from_the_same_clips(finished: Path) -> None:
    data = ("--model", str(finished / "models/pico"), "--data", str(finished), "--cache", str(finished / ".cache/features"))

    article = run_bench("training", *data, "--clips", "0", "--epochs", "2", "--sides", "article")["sides"]["article"]
    modes = run_bench("window_modes", *data, "--epochs", "2", "--seeds", "1")["modes"]

    assert {mode: len(runs) for mode, runs in modes.items()} == {"full": 1, "fit": 1, "pack": 1}
    full, fit = modes["full"][0], modes["fit"][0]
    assert (full["clips"], full["words"]) == (article["clips"], article["words"])
    assert all(run["seconds"] > run["waited"] >= 0 for run in (article, full, fit))
    assert full["flops_per_clip"] == article["flops_per_clip"]
    assert fit["flops_per_clip"] < full["flops_per_clip"]
