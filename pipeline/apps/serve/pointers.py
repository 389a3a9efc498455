"""What is wrong with a body, by JSON pointer (RFC 6901). Of what was sent only names of fields are repeated, in pointers, cut short."""

from collections.abc import Mapping, Sequence
from typing import Any

# Of one answer; how many more there are is said.
LISTED_ERRORS = 100
# Of a field's name that comes back: it may be as long as the body.
STEP_CHARACTERS = 100
UNKNOWN = "there is no field of this name; /docs lists those there are"


def wrong_fields(errors: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return pointer and detail of the first hundred of pydantic's ``errors``."""
    return [(_pointer(error["loc"]), _detail(error)) for error in errors[:LISTED_ERRORS]]


def _pointer(steps: Sequence[str | int]) -> str:
    return "#" + "".join(f"/{_escape(str(step))}" for step in steps)


def _detail(error: Mapping[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return f"is not JSON in UTF-8: {error['ctx']['error']}"
    if error["type"] == "extra_forbidden":
        return UNKNOWN
    # Errors of our own validators come as "Value error, …".
    return str(error["msg"]).removeprefix("Value error, ")


def _escape(step: str) -> str:
    cut = step if len(step) <= STEP_CHARACTERS else f"{step[:STEP_CHARACTERS]}…"
    return cut.replace("~", "~0").replace("/", "~1")
