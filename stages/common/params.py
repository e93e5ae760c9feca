"""params.yaml, which says what comes out, and YAML as DVC reads it."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict

from asr.base.errors import DataError
from asr.base.sections import Section, parse

PARAMS = Path("params.yaml")


class Yaml12Loader(yaml.SafeLoader):
    """YAML 1.2's scalars, as DVC reads them: `no` is the text "no" (Norwegian), and 1e-5 is a number."""


Yaml12Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
):
    Yaml12Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), list(_first))
# YAML 1.1 takes 010 for 8.
Yaml12Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))


class StageParams(Section):
    """The sections that a stage declares; params.yaml holds those of other stages too."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


AnyParams = TypeVar("AnyParams", bound=Section)


def read_params(schema: type[AnyParams]) -> AnyParams:
    """Read the sections of params.yaml that `schema` names."""
    return parse(schema, read_yaml(PARAMS), str(PARAMS))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        DataError: when the file is missing or is not one.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml12Loader) or {}
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; run this in the project's folder") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a tag that doesn't suit its value
        raise DataError(f"{path}: not YAML: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: should hold keys and their values, such as `workers: 4`")
    return values
