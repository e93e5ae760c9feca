"""Parameters: typed sections, every mistake reported at once under the name that was typed."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from asr.base.errors import DataError


class Section(BaseModel):
    """A group of parameters. Unknown keys are refused and nothing is converted: `"5"` is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Mix(Section):
    """A table of speech that is learned besides the training clips, and its share of all that is learned.

    A part of the section of training, here because the stage that checks the table knows nothing of training: an edit of a
    recipe would run it again.
    """

    csv: str | None
    share: float = Field(ge=0, lt=1)


AnySection = TypeVar("AnySection", bound=Section)


def parse(schema: type[AnySection], values: Mapping[str, Any], source: str) -> AnySection:
    """Check `values` against `schema`.

    Args:
        schema: what is expected.
        values: what was read.
        source: the file they came from, for the message.

    Raises:
        DataError: with a line per mistake, each naming the key in full.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        mistakes = [_describe(mistake, schema) for mistake in error.errors()]
        raise DataError("\n".join(f"{source}: {mistake}" for mistake in mistakes)) from error


def _describe(mistake: ErrorDetails, schema: type[BaseModel]) -> str:
    # A union's location ends in the name of the branch that was tried ("float", "literal['auto']").
    # The keys of a dict are the user's own.
    names, loc = _all_names(schema), mistake["loc"]
    path = [
        str(part)
        for before, part in zip((None, *loc), loc, strict=False)
        if part in names or before in _dicts(schema) or mistake["type"] == "extra_forbidden"
    ]
    key = ".".join(path)
    match mistake["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(path[-1], _names_beside(path, schema), n=1)
            return f"{key}: unknown key" + (f", did you mean {close[0]}?" if close else "")
        case "missing":
            return f"{key}: missing"
        case "value_error":  # of several keys, which the message names
            return f"{key}: {mistake['ctx']['error']}"
        case _:
            return f"{key}: {mistake['msg']}, got {mistake['input']!r}"


def _all_names(schema: type[BaseModel]) -> set[str]:
    names = set(schema.model_fields)
    for field in schema.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= _all_names(field.annotation)
    return names


def _dicts(schema: type[BaseModel]) -> set[str]:
    """The fields whose keys are free."""
    found = {name for name, field in schema.model_fields.items() if get_origin(field.annotation) is dict}
    for field in schema.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= _dicts(field.annotation)
    return found


def _names_beside(path: list[str], schema: type[BaseModel]) -> list[str]:
    for part in path[:-1]:
        inner = schema.model_fields[part].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        schema = inner
    return list(schema.model_fields)
