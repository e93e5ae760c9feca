"""Publishing, against a hub on the loopback: what is pushed, what is refused, and that nothing travels twice."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from asr.base.files import write_rows
from asr.model.checksums import write_sums
from asr.model.folder import FILES
from asr.report.card import card
from commands import publish
from commands.publishing.contents import EXPORT, MODEL, Kind
from tests.damage import flip
from tests.hub import Hub
from tests.hub_writes import Writes, take_writes
from tests.project import ROOT
from tests.test_card import TRAINING, shown

NAME = "ada/nurses"
SAID = "take 3 drops of it at noon"
UNPARTED = "正午に三滴飲んでください"
CLIP = "recordings/ada.wav"


@dataclass
class World:
    """A project with a model and an export, at work in this process, and the hub that it pushes to."""

    folder: Path
    hub: Hub
    writes: Writes

    def pushed(self) -> dict[str, bytes]:
        """The files of the repository."""
        repository = self.hub.repositories[NAME]
        files = dict(repository.commits[repository.refs["main"]])
        del files[".gitattributes"]
        return files

    def commits(self) -> int:
        """How often a commit was asked for."""
        return sum(request.path.endswith(f"/{NAME}/commit/main") for request in self.hub.requests)

    def changes(self) -> list[str]:
        """What was asked of the hub that would have changed anything there, or sent a file."""
        return [request.path for request in self.hub.requests if request.method in ("POST", "PUT")]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    for kind in (MODEL, EXPORT):
        fill(kind)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    page = shown(("line", "telephone"), ("line", "room"))
    tested = replace(page.utterances[0].tuned, path=CLIP, raw_reference=SAID)
    other = replace(tested, raw_reference=UNPARTED, metric="CER")
    write_rows(Path("metrics/evaluate/predictions.jsonl"), [tested, other])
    Path("metrics/card.md").write_text(card(page, TRAINING, None))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with Hub() as hub:
        hub.answer_here(monkeypatch, tmp_path / "cache", hub.token)
        yield World(tmp_path, hub, take_writes(hub))


def fill(kind: Kind, weights: str = "") -> None:
    kind.folder.mkdir(parents=True)
    weights = weights or ("model.bin" if kind is EXPORT else "model.safetensors")
    for name in {*kind.needed, weights}:
        (kind.folder / name).write_bytes(f"{kind.folder}/{name}".encode())


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["publish", *arguments])
    try:
        publish.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_model_is_pushed_with_its_card_in_one_commit_to_a_private_repository(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, NAME, "--yes", "--license", "mit") == 0

    said = capsys.readouterr().out
    assert f"{NAME} at {world.hub.address}, private, new" in said
    assert "32 B  model.safetensors" in said
    assert "in 6 files: no recording, no transcript" in said
    files = world.pushed()
    readme = files.pop("README.md").decode()
    assert files == {path.name: path.read_bytes() for path in MODEL.folder.iterdir()}
    assert world.hub.repositories[NAME].private
    assert world.commits() == 1
    assert world.writes.cards[-1] == readme
    data = ModelCard(readme).data
    assert (data["model_name"], data["license"]) == ("nurses", "mit")
    assert [each.metric_value for each in data["eval_results"] if each.metric_type == "wer"] == [8.33, 12.5]
    assert f'model="{NAME}"' in readme
    assert f"ct2-transformers-converter --model {NAME} " in readme
    assert "OWNER/NAME" not in readme


def test_pushed_again_nothing_travels_and_after_a_change_only_what_has_changed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 0
    assert len(world.writes.uploads) == 2

    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 0
    assert "has all of it already; nothing was pushed" in capsys.readouterr().out
    assert (len(world.writes.uploads), world.commits()) == (2, 1)

    (EXPORT.folder / "model.bin").write_bytes(b"other weights")
    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 0
    assert world.pushed()["ctranslate2/model.bin"] == b"other weights"
    assert (len(world.writes.uploads), world.commits()) == (3, 2)


def test_the_export_alone_lies_where_faster_whisper_looks_and_beside_the_model_in_a_folder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, NAME, "--what", "export", "--yes") == 0
    alone = world.pushed()
    world.hub.repositories.clear()
    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 0
    both = world.pushed()

    readme = alone.pop("README.md").decode()
    assert alone == {path.name: path.read_bytes() for path in EXPORT.folder.iterdir()}
    assert f'WhisperModel("{NAME}")' in readme
    assert ModelCard(readme).data["library_name"] == "ctranslate2"
    assert {name for name in both if "/" in name} == {f"ctranslate2/{name}" for name in alone}
    assert f'snapshot_download("{NAME}", allow_patterns="ctranslate2/*") + "/ctranslate2"' in both["README.md"].decode()


def test_what_an_earlier_model_left_is_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (MODEL.folder / "model.safetensors").rename(MODEL.folder / "model-00001-of-00001.safetensors")
    (MODEL.folder / "model.safetensors.index.json").write_text("{}")
    assert run(monkeypatch, NAME, "--yes") == 0
    for path in MODEL.folder.iterdir():
        path.unlink()
    MODEL.folder.rmdir()
    fill(MODEL)

    assert run(monkeypatch, NAME, "--yes") == 0

    assert set(world.pushed()) == {"README.md", "model.safetensors", *MODEL.needed}


@pytest.mark.parametrize("name", ["332.wav", "clips.csv", "predictions.jsonl", "optimizer.pt", "old/config.json"])
def test_a_file_that_is_no_part_of_a_model_stops_everything_by_its_name(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (MODEL.folder / name).parent.mkdir(exist_ok=True)
    (MODEL.folder / name).write_bytes(b"")

    assert run(monkeypatch, NAME, "--yes") == 1

    assert f"nothing is pushed before it is gone: {name};" in capsys.readouterr().err
    assert world.hub.requests == []


def test_sums_are_pushed_and_a_damaged_model_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in (MODEL, EXPORT):
        write_sums(kind.folder)
    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 0
    assert {"SHA256SUMS", "ctranslate2/SHA256SUMS"} < world.pushed().keys()
    world.hub.requests.clear()
    flip(EXPORT.folder / "model.bin")

    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 1

    assert "models/export/model.bin: damaged, its bytes are not those that were written" in capsys.readouterr().err
    assert world.hub.requests == []


@pytest.mark.parametrize("secret", [SAID, UNPARTED, CLIP])
def test_a_card_with_a_transcript_or_a_path_in_it_is_not_pushed(
    secret: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("metrics/card.md").open("a") as written:
        written.write(f"\nFor example: {secret}.\n")

    assert run(monkeypatch, NAME, "--yes") == 1

    assert f"has in it what is to stay here, so nothing is pushed: {secret}" in capsys.readouterr().err
    assert world.hub.requests == []


@pytest.mark.parametrize("gone", ["models/whisper/config.json", "models/whisper/model.safetensors", "metrics/card.md"])
def test_what_is_missing_is_told_with_how_to_get_it(
    gone: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(gone).unlink()

    assert run(monkeypatch, NAME, "--yes") == 1

    said = capsys.readouterr().err
    assert "not there; `make repro` makes it, `dvc pull m" in said
    assert world.hub.requests == []


def test_a_card_of_other_parameters_is_not_pushed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("language: null", "language: nl"))

    assert run(monkeypatch, NAME, "--yes") == 1

    assert "metrics/card.md is not of these parameters and this code: run `make repro`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("hf_wrong_secret", "refuses the token: set HF_TOKEN, or run `hf auth login`"),
        ("hf\x0bsecret", "the token has characters that no token has"),
        ("", "no token: set HF_TOKEN"),
    ],
)
def test_a_token_that_is_refused_is_told_and_never_shown(
    token: str, said: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)

    assert run(monkeypatch, NAME, "--yes") == 1

    told = capsys.readouterr()
    assert told.err.startswith("publish: ")
    assert said in told.err
    assert f"{world.hub.address}/settings/tokens" in told.err
    assert "secret" not in told.out + told.err
    assert world.changes() == []


def test_a_token_that_may_only_read_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.writes.may_write = False

    assert run(monkeypatch, NAME, "--yes") == 1

    told = capsys.readouterr()
    assert f"the token has no right to write to {NAME}: " in told.err
    assert world.hub.token not in told.out + told.err
    assert NAME not in world.hub.repositories


def test_it_asks_on_a_terminal_and_elsewhere_wants_yes(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert run(monkeypatch, NAME) == 1
    assert "add --yes" in capsys.readouterr().err

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert run(monkeypatch, NAME) == 1
    assert world.changes() == []

    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert run(monkeypatch, NAME) == 0
    assert "model.safetensors" in world.pushed()


def test_nothing_private_gets_into_a_public_repository_unasked(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, NAME, "--public", "--yes") == 0
    assert not world.hub.repositories[NAME].private
    before = len(world.changes())

    assert run(monkeypatch, NAME, "--yes") == 1
    assert "is there and public: push with --public, or to another" in capsys.readouterr().err
    world.hub.repositories[NAME].private = True
    assert run(monkeypatch, NAME, "--public", "--yes") == 1
    assert "is there and private: make it public in its settings" in capsys.readouterr().err
    assert len(world.changes()) == before


def test_a_repository_never_mixes_two_models(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, NAME, "--yes") == 0
    assert run(monkeypatch, NAME, "--what", "export", "--yes") == 1
    assert f"{NAME} holds model: push with --what model, or to another" in capsys.readouterr().err

    assert run(monkeypatch, NAME, "--what", "both", "--yes") == 0
    assert run(monkeypatch, NAME, "--yes") == 1
    assert f"{NAME} holds both: push with --what both, or to another" in capsys.readouterr().err


def test_every_file_that_is_saved_of_a_checkpoint_is_known() -> None:
    assert [name for name in FILES if not MODEL.knows(name)] == []
    assert not MODEL.knows("model.safetensors.wav")
