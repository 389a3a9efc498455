"""A JSONL file to records of one model; all lines that are none are named."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from pipeline.config import explain

M = TypeVar("M", bound=BaseModel)


def read_jsonl(path: Path, model: type[M], problems: list[str]) -> Iterator[tuple[str, M]]:
    """Yield the records of a file with the ``file:line`` where they stand; what is wrong with other lines goes to ``problems``.

    Blank lines and a byte order mark are passed over.
    """
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            yield place, model.model_validate(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            problems.append(f"{place}: is not valid JSON: {error}")
        except ValidationError as error:
            problems.append(f"{place}: {explain(error, model)}")
