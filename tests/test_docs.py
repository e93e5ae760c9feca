"""The pages hold: links lead somewhere, every parameter is explained once, what they tell people to type is there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from stages.common.machine import Machine
from tests.project import ROOT, read_yaml

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS, ROOT / "bench" / "README.md", ROOT / "tools" / "README.md"]
MOST_WORDS = 1500

FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
KEY_ROW = re.compile(r"^\| `(\w+\.\w+)` \|", re.MULTILINE)
MACHINE_ROW = re.compile(r"^\| `(\w+)` \| `(ASR_\w+)` \|", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = HEADING.findall(FENCE.sub("", text(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(page: Path) -> str:
    """All that stands in it as code."""
    return "\n".join(CODE.findall(text(page)))


def keys(values: dict[str, dict[str, object]]) -> list[str]:
    return [f"{section}.{key}" for section, inner in values.items() for key in inner]


def test_an_anchor_is_a_heading_in_small_letters_without_punctuation(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# What's new, and `why`\n\n```\n# no heading\n```\n\n## window_modes\n")

    assert anchors(page) == {"whats-new-and-why", "window_modes"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", text(page))):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_leads_to_every_page() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(text(README)) if "://" not in link}

    assert set(PAGES) - {README} <= linked


def test_readme_is_short() -> None:
    assert len(text(README).split()) <= MOST_WORDS


def test_every_parameter_is_explained_once_and_nothing_else_is() -> None:
    explained = [key for page in DOCS for key in KEY_ROW.findall(text(page))]

    assert sorted(explained) == sorted(keys(read_yaml(ROOT / "params.yaml")))


def test_every_key_of_machine_yaml_is_explained_once_with_its_variable() -> None:
    explained = [row for page in DOCS for row in MACHINE_ROW.findall(text(page))]

    assert sorted(explained) == sorted((key, f"ASR_{key.upper()}") for key in Machine.model_fields)


def test_every_package_is_in_the_table_and_in_a_layer() -> None:
    packages = sorted(folder.name for folder in (ROOT / "asr").iterdir() if (folder / "__init__.py").exists())
    table, layers = text(ROOT / "docs" / "development.md").split("## ", 2)[1].split("A package imports only", 1)

    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == packages
    assert sorted(FENCE.findall(layers)[0].strip("`\n").split()) == packages


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_module_that_one_is_told_to_run_exists(page: Path) -> None:
    for module in re.findall(r"python -m ([\w.]+)", code(page)):
        assert find_spec(module), module


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_that_one_is_told_to_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))

    assert set(re.findall(r"\bmake (?!room\b)([a-z-]+)", code(page))) <= targets  # messages ask to make room on a disk
