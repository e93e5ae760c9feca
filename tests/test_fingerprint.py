"""A run's fingerprint: whatever determines the run changes it, and nothing else."""

import ast
import shutil
from pathlib import Path

import pytest

import asr.training.batch
import asr.training.plan
from asr.base.hashes import bare_code, code_version, content_hash, fingerprint
from asr.runs.facts import has_say
from stages.keeping import choice_name
from stages.learning import Params
from stages.train import run_facts
from tests.closure import import_closure
from tests.project import ROOT, make_project, read_yaml


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fingerprint")
    project = make_project(folder / "project", folder / "audio")
    for split in ("train", "validation"):
        for name in (f"data/features/{split}/manifest.json", f"data/splits/text/{split}.jsonl"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(name)
    (project / "data/splits/pace.json").write_text("{}")
    for name in (
        "features/non_speech/manifest.json",
        "features/mix/manifest.json",
        "features/sets_validation/manifest.json",
        "mix/text.jsonl",
        "mix/heard.jsonl",
        "sets/validation_text.jsonl",
    ):
        (project / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "data" / name).write_text(name)
    return project


def params_of(project: Path, **train: object) -> Params:
    values = read_yaml(project / "params.yaml")
    values["train"].update(train)
    return Params.model_validate({key: values[key] for key in Params.model_fields})


def fingerprint_in(project: Path, monkeypatch: pytest.MonkeyPatch, **train: object) -> str:
    monkeypatch.chdir(project)
    return fingerprint(run_facts(params_of(project, **train)), [])


def test_a_files_hash_is_what_the_ids_of_clips_begin_with() -> None:
    assert content_hash(b"RIFF") == "f9d45a7be062711cbb5ca8c8e2699db2"


def test_a_parameter_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)

    assert fingerprint_in(project, monkeypatch) == first
    assert fingerprint_in(project, monkeypatch, seed=43) != first
    assert fingerprint_in(project, monkeypatch, epochs=2) != first


def test_a_parameter_that_has_no_say_in_the_weights_makes_no_other_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)

    assert fingerprint_in(project, monkeypatch, keep_checkpoints=5, search_share=0.5) == first
    shares = {fingerprint_in(project, monkeypatch, learning_rate="search", search_share=share) for share in (0.25, 0.5)}
    assert len(shares) == 2


@pytest.mark.parametrize(
    "name",
    [
        "data/features/validation/manifest.json",
        "data/features/non_speech/manifest.json",
        "data/features/mix/manifest.json",
        "data/mix/text.jsonl",
        "data/mix/heard.jsonl",
        "data/splits/text/train.jsonl",
        "data/splits/pace.json",
        "models/pico/model.safetensors",
    ],
)
def test_data_and_base_model_make_another_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = shutil.copytree(project, tmp_path / "other")
    same = fingerprint_in(other, monkeypatch)
    (other / name).write_bytes((other / name).read_bytes() + b" ")

    assert same == fingerprint_in(project, monkeypatch)
    assert fingerprint_in(other, monkeypatch) != same


GENERAL = ("data/features/sets_validation/manifest.json", "data/sets/validation_text.jsonl")


def test_what_is_kept_of_the_base_model_makes_another_choice_and_no_other_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(project, tmp_path / "other")
    runs, choices = set[str](), list[str]()

    def note(share: float | str) -> None:
        runs.add(fingerprint_in(other, monkeypatch, keep_of_base=share))
        choices.append(choice_name(params_of(other, keep_of_base=share)))

    for share in (0.1, 0.2, "auto"):
        note(share)
    for name in GENERAL:
        (other / name).write_bytes((other / name).read_bytes() + b" ")
        note("auto")
    with monkeypatch.context() as patch:
        patch.setattr("asr.tuning.keeping.__file__", asr.training.plan.__file__)
        note("auto")

    assert (len(runs), len(set(choices))) == (1, 6)
    note(0.2)  # which asks for no set
    assert choices[-1] == choices[1]


def test_the_code_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr("asr.training.batch.__file__", asr.training.plan.__file__)

    assert fingerprint_in(project, monkeypatch) != first


def test_what_learns_in_the_stage_itself_makes_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr("stages.learning.__file__", asr.training.plan.__file__)

    assert fingerprint_in(project, monkeypatch) != first


@pytest.mark.parametrize(
    "module", ["stages.train", "stages.keeping", "asr.training.history", "asr.runs.kept", "asr.tuning.keeping"]
)
def test_what_only_tells_or_keeps_what_was_learned_makes_no_other_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr(f"{module}.__file__", asr.training.plan.__file__)

    assert fingerprint_in(project, monkeypatch) == first


def test_of_what_has_no_say_those_that_have_import_what_tells_and_keeps_alone() -> None:
    taken = set()
    for file in import_closure(ROOT / "stages/learning.py", ROOT):
        importer = file.removesuffix(".py").replace("/", ".")
        for node in ast.walk(ast.parse((ROOT / file).read_text())) if has_say(importer) else ():
            if isinstance(node, ast.Import):
                assert all(has_say(name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not has_say(node.module or ""):
                taken |= {(importer, node.module, name.name) for name in node.names}

    assert taken == {
        ("asr.training.run", "asr.training.history", "ProgressLines"),
        ("asr.training.run", "asr.training.history", "Times"),
        ("asr.training.run", "asr.training.history", "replayed"),
        ("asr.training.run", "asr.training.history", "trackers"),
        ("stages.learning", "asr.runs.kept", "keep"),
    }


def test_callbacks_that_have_no_say_change_nothing_but_themselves_and_answer_nothing() -> None:
    tree = ast.parse((ROOT / "asr/training/history.py").read_text())
    callbacks = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    nodes = [node for callback in callbacks for node in ast.walk(callback)]

    assert {callback.name for callback in callbacks} == {"ProgressLines", "Times"}
    stored = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    assert {ast.unparse(node.value) for node in stored} == {"self"}
    assert [ast.unparse(node) for node in nodes if isinstance(node, ast.Return) and node.value is not None] == []


@pytest.mark.parametrize("packages", ["LEARNING", "JUDGING"])
def test_other_packages_make_another_run(project: Path, monkeypatch: pytest.MonkeyPatch, packages: str) -> None:
    first = fingerprint_in(project, monkeypatch)
    monkeypatch.setattr(f"stages.train.{packages}", ("torch",))

    assert fingerprint_in(project, monkeypatch) != first


def test_the_package_of_an_optimiser_counts_where_that_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    counted = ["bitsandbytes" in run_facts(params_of(project, optimizer=name))["packages"] for name in ("adamw", "adamw_8bit")]

    assert counted == [False, True]


CODE = '''"""A module."""

FRAMES = 2
"""Each position."""


def double(number: int) -> int:
    """Twice as many."""
    return FRAMES * number
'''


@pytest.mark.parametrize(
    ("before", "after", "is_alike"),
    [
        ('"""A module."""', '"""The module."""', True),
        ('"""Twice as many."""', '"""Twice."""\n    # It is.', True),
        ('"""Each position."""\n', "", True),
        ("FRAMES = 2", "FRAMES = (  2  )", True),
        ("FRAMES = 2", "FRAMES = 3", False),
        ("return FRAMES * number", "return number", False),
        ("number: int", "number: float", False),
    ],
)
def test_docstrings_comments_and_layout_are_no_code(before: str, after: str, is_alike: bool) -> None:
    assert before in CODE
    assert (bare_code(CODE.replace(before, after)) == bare_code(CODE)) is is_alike


def is_alike(before: str, after: str) -> bool:
    """Whether two sources do the same but for what they tell people."""
    return bare_code(before, with_messages=False) == bare_code(after, with_messages=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('raise DataError("too long")', 'raise DataError(f"longer than {most}: cut it")'),
        ('raise DataError("too" + long)', 'raise DataError("; ".join(each.name for each in longest))'),
        ('raise DataError("too long") from error', 'raise DataError("longer") from error'),
        ('raise too_long("a")', 'raise too_long("b")'),
        ('made = DataError("too long")', 'made = DataError("longer")'),
        ('print("step 1", file=sys.stderr)', 'print(f"the step {step}", file=sys.stderr)'),
        ('print("%s steps" % step)', 'print("%s of them" % step)'),
        ('warnings.warn("slow")', 'warnings.warn("slow" if is_slow else "fast")'),
        ('sys.exit("no")', 'sys.exit("never")'),
        ('def f():\n told = "a"\n raise DataError(told)', 'def f():\n told = "b"\n raise DataError(told)'),
        ('def f():\n told = "a"\n print(f"{told}, so")', 'def f():\n told = f"b {x}"\n print(f"{told}, thus")'),
    ],
)
def test_what_an_error_or_a_line_says_is_no_code(before: str, after: str) -> None:
    assert is_alike(before, after)
    assert bare_code(before) != bare_code(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('raise DataError("too long")', 'raise ValueError("too long")'),
        ('raise DataError("too long")', 'print("too long")'),
        ('raise Found("a", 3)', 'raise Found("a", 4)'),
        ("raise Found(first)", "raise Found(last)"),
        ('raise DataError("a") from None', 'raise DataError("a") from error'),
        ('print(f"{next(steps)}")', 'print(f"{step}")'),
        ('print(f"{(step := 1)}")', 'print(f"{(step := 2)}")'),
        ('print(", ".join(drawn()))', 'print(", ".join(drawn))'),
        ('print("a", file=table)', 'print("b", file=table)'),
        ('label("<|transcribe|>")', 'label("<|translate|>")'),
        ('WORDS = ("one", "two")', 'WORDS = ("one", "too")'),
        ('TOLD = "a"\nprint(TOLD)', 'TOLD = "b"\nprint(TOLD)'),
        ('def f():\n told = "a"\n print(told)\n return told', 'def f():\n told = "b"\n print(told)\n return told'),
        ('def f():\n told = "a"\n print(f"{g(told)}")', 'def f():\n told = "b"\n print(f"{g(told)}")'),
        ("def f():\n told = g()\n print(told)", "def f():\n told = h()\n print(told)"),
        ('def f():\n global told\n told = "a"\n print(told)', 'def f():\n global told\n told = "b"\n print(told)'),
        ('def f():\n prompt = "a"\n g(prompt)', 'def f():\n prompt = "b"\n g(prompt)'),
    ],
)
def test_all_else_is_code(before: str, after: str) -> None:
    assert not is_alike(before, after)


def test_messages_count_where_what_is_kept_holds_them(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    versions = []
    for reason in ("no audio", "silent"):
        code.write_text(f'raise UnreadableAudioError("{reason}")')
        versions.append([code_version([code], ()), code_version([code], (), with_messages=False)])

    (first, bare), (second, other_bare) = versions
    assert first != second
    assert bare == other_bare
