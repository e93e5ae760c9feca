"""Parameters: typed, every mistake reported at once, YAML read as DVC reads it."""

from pathlib import Path

import pytest
import yaml

from asr.base.errors import DataError
from asr.base.sections import parse
from asr.features.parameters import Augment
from commands.check import Params
from stages.common.machine import Machine, home, read_machine
from stages.common.params import Yaml12Loader, read_params

SHIPPED = Path(__file__).parent.parent / "params.yaml"


def edited(*edits: tuple[str, str]) -> dict[str, object]:
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    values: dict[str, object] = yaml.load(text, Loader=Yaml12Loader)
    return values


def test_the_shipped_file_is_valid() -> None:
    params = parse(Params, edited(), "params.yaml")

    assert params.train.learning_rate == "auto"
    assert params.train.effective_batch == 32


def test_every_mistake_is_reported_at_once_under_its_key() -> None:
    values = edited(
        ("epochs: auto", "epoch: auto"),
        ("n_mels: 80", "n_mels: 81"),
        ("min_clips: 20", 'min_clips: "20"'),
        ("learning_rate: auto", "learning_rate: fast"),
        ("decode:", "decoding:"),
    )

    with pytest.raises(DataError) as error:
        parse(Params, values, "params.yaml")

    message = str(error.value)
    assert "params.yaml: train.epoch: unknown key, did you mean epochs?" in message
    assert "params.yaml: train.epochs: missing" in message
    assert "params.yaml: features.n_mels: Input should be 80 or 128, got 81" in message
    assert "params.yaml: data.min_clips: Input should be a valid integer, got '20'" in message
    assert "params.yaml: train.learning_rate: " in message
    assert "params.yaml: decoding: unknown key, did you mean decode?" in message
    assert "params.yaml: decode: missing" in message


def test_a_key_that_nothing_would_read_is_refused() -> None:
    with pytest.raises(DataError, match=r"train.resume: unknown key"):
        parse(Params, edited(("epochs: auto", "epochs: auto\n  resume: true")), "params.yaml")


def test_an_exponent_without_a_point_is_a_number() -> None:
    assert parse(Params, edited(("learning_rate: auto", "learning_rate: 1e-5")), "").train.learning_rate == 1e-5


def test_norwegian_is_a_language() -> None:
    values = edited(("language: null", "language: no"))

    assert parse(Params, values, "").model.language == "no"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("1e-5", 1e-5),
        ("1.5E+3", 1500.0),
        ("-2.0", -2.0),
        (".5", 0.5),
        ("12:30", "12:30"),
        ("2026-11-21", "2026-11-21"),
        ("1_000", "1_000"),
        ('"null"', "null"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    loaded = yaml.load(f"key: {text}", Loader=Yaml12Loader)["key"]

    assert (loaded, type(loaded)) == (value, type(value))


def test_dvc_reads_the_shipped_file_alike() -> None:
    from dvc.utils.serialize import load_yaml

    assert load_yaml(str(SHIPPED)) == edited()


def test_a_range_upside_down_names_both_keys() -> None:
    with pytest.raises(DataError, match=r"augment.noise_min_amplitude is above augment.noise_max_amplitude"):
        parse(Params, edited(("noise_min_amplitude: 0.0005", "noise_min_amplitude: 6.0")), "params.yaml")


def test_a_missing_file_says_where_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError, match=r"params.yaml: No such file or directory; run this in the project's folder"):
        read_params(Params)


def test_an_environment_variable_goes_before_machine_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "machine.yaml").write_text("workers: 3\n")

    assert read_machine() == Machine(workers=3)
    monkeypatch.setenv("ASR_WORKERS", "5")
    assert read_machine() == Machine(workers=5)
    monkeypatch.setenv("ASR_CHECKPOINT_MINUTES", "0.5")
    monkeypatch.setenv("ASR_CACHE", "7")
    assert read_machine() == Machine(workers=5, checkpoint_minutes=0.5, cache="7")
    monkeypatch.setenv("ASR_WORKERS", "[")
    with pytest.raises(DataError, match=r"workers: .*got '\['"):
        read_machine()
    monkeypatch.setenv("ASR_WORKERS", "none")
    with pytest.raises(DataError, match=r"machine.yaml or the environment: workers: .*got 'none'"):
        read_machine()


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/srv/project/.dvc/tmp/exps/tmpa1b2", "/srv/project"),
        ("/srv/project/.dvc/tmp/exps/standalone/tmpa1b2", "/srv/project"),
        # A project in a subfolder of its git repository is in the same subfolder of the copy.
        ("/srv/repository/speech/.dvc/tmp/exps/tmpa1b2/speech", "/srv/repository/speech"),
        ("/srv/project", "/srv/project"),
        ("/srv/project/.dvc/tmp/other", "/srv/project/.dvc/tmp/other"),
        ("/srv/project/.dvc/tmp/exps2/tmpa1b2", "/srv/project/.dvc/tmp/exps2/tmpa1b2"),
        ("/a/.dvc/tmp/exps/tmp1/.dvc/tmp/exps/tmp2", "/a/.dvc/tmp/exps/tmp1"),
        ("/", "/"),
    ],
)
def test_an_experiment_is_at_home_in_the_project_that_it_was_started_from(folder: str, found: str) -> None:
    assert home(Path(folder)) == Path(found)


def test_an_experiment_computes_as_its_project_says_and_shares_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tmp_path / ".dvc/tmp/exps/standalone/tmpa1b2"
    experiment.mkdir(parents=True)
    (tmp_path / "machine.yaml").write_text("workers: 3\ncheckpoints: runs\ntensorboard: /var/events\n")
    monkeypatch.chdir(experiment)
    monkeypatch.setenv("ASR_CHECKPOINT_MINUTES", "0.5")

    found = read_machine()

    assert (found.workers, found.checkpoint_minutes) == (3, 0.5)
    assert found.cache_folder == tmp_path / ".cache/features"
    assert found.checkpoint_folder == tmp_path / "runs"
    assert found.tensorboard_folder == Path("/var/events")
    monkeypatch.setenv("ASR_CACHE", "elsewhere")
    assert read_machine().cache_folder == tmp_path / "elsewhere"
    (tmp_path / "machine.yaml").write_text("workers: [")
    with pytest.raises(DataError, match=rf"^{tmp_path}/machine.yaml: not YAML"):
        read_machine()


def test_a_tilde_in_machine_yaml_is_the_home_of_whoever_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    (tmp_path / "machine.yaml").write_text("cache: ~/shards\n")

    assert read_machine().cache_folder == Path("/home/ada/shards")


def test_an_empty_machine_yaml_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASR_WORKERS", raising=False)
    (tmp_path / "machine.yaml").write_text("# workers: 4\n")

    assert read_machine() == Machine()


@pytest.mark.parametrize("content", [b"workers: [", b"workers: caf\xe9", b"workers: !!int x"])
def test_a_file_that_is_not_yaml_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "machine.yaml").write_bytes(content)

    with pytest.raises(DataError, match=r"machine.yaml: not YAML"):
        read_machine()


@pytest.mark.parametrize(
    "edit", [("learning_rate: auto", "learning_rate: -0.1"), ("keep_checkpoints: 2", "keep_checkpoints: 0")]
)
def test_numbers_out_of_range_are_refused_before_anything_runs(edit: tuple[str, str]) -> None:
    with pytest.raises(DataError, match=r"params.yaml: train\.\w+: .*greater than"):
        parse(Params, edited(edit), "params.yaml")


def test_the_shipped_file_spells_out_the_defaults_of_augmentation() -> None:
    shipped = edited()["augment"]

    assert isinstance(shipped, dict)
    assert set(shipped) == set(Augment.model_fields)
    for key, field in Augment.model_fields.items():
        assert field.is_required() or shipped[key] == field.default, key
