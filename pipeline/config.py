"""Typed YAML: every config file is read into a frozen model that refuses unknown keys."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import InputError


class Config(BaseModel):
    """Base of all config models. A model lives beside the code that it configures."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, validate_default=True)


# What numpy's and torch's generators both take.
Seed = Annotated[int, Field(ge=0, lt=2**32)]

C = TypeVar("C", bound=BaseModel)


def load_config(path: Path, model: type[C]) -> C:
    """Read the YAML file at ``path`` into ``model``.

    ``ruamel.yaml`` reads YAML 1.2, in which ``5e-05``, as ``dvc exp run -S`` writes it, is a number.

    Raises:
        InputError: the file is missing, is no YAML, has an unknown or missing key, or a value out of range.
    """
    # Here, since classifying reads no YAML, and everybody waits for an import.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such config file") from None
    except (YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{path}: is not valid YAML: {problem}") from None
    try:
        return model.model_validate({} if values is None else values)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error, model)}") from None


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say in one line what pydantic found wrong with data for ``model``."""
    parts = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden":
            parts.append(f"unknown key '{place}' (known: {', '.join(model.model_fields)})")
        elif problem["type"] == "missing":
            parts.append(f"'{place}' is missing")
        elif problem["type"] == "value_error" and not place:  # the input would be the whole file
            parts.append(problem["msg"].removeprefix("Value error, "))
        else:
            found = repr(problem["input"])
            found = found if len(found) <= 60 else found[:57] + "..."
            where = f"'{place}': " if place else ""
            parts.append(f"{where}{problem['msg'][0].lower()}{problem['msg'][1:]}, found {found}")
    return "; ".join(parts)
