"""A file to articles: JSONL, CSV, Parquet, text, HTML or WARC. What cannot be read is rejected by its place."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.config import explain
from pipeline.corpus import pages
from pipeline.corpus.input_files import (
    READ_ERRORS,
    Part,
    is_url,
    kind_of,
    lines,
    open_bytes,
    open_raw,
    stop_if_passing,
)
from pipeline.corpus.records import Article
from pipeline.corpus.rows import EMPTY, TOO_LONG, NoRow, Row, csv_rows, parquet_rows


@dataclass(frozen=True)
class Reject:
    """A record that could not be read.

    Attributes:
        place: ``file:line``, ``file:row``, ``file:record`` (WARC) or ``file``.
        reason: what was found.
        expected: what would have been right.
    """

    place: str
    reason: str
    expected: str

    def printable(self) -> dict[str, str]:
        """Return the fields; bytes that are not UTF-8, in the name of a file or in a header, are escaped."""
        return {name: value.encode("utf-8", "backslashreplace").decode() for name, value in vars(self).items()}


class LooseSentence(BaseModel):
    """A record of ``--unit sentence``: a text that is classified whole."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    text: str

    @field_validator("text")
    @classmethod
    def not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is blank")
        return value


Record = Article | LooseSentence
Model = type[Article] | type[LooseSentence]


@dataclass(frozen=True)
class Placed:
    """A record and where it was found.

    Attributes:
        place: as in :class:`Reject`.
        extracted: whether its text was taken out of a page, so that no file holds it as it is.
    """

    place: str
    record: Record
    extracted: bool = False


def read_records(path: Path | str, model: Model = Article) -> Iterator[Record | Reject]:
    """Yield the records of one file, streaming, and a :class:`Reject` for each that cannot be read."""
    for found in read_part(Part(str(path)), model):
        yield found.record if isinstance(found, Placed) else found


def read_part(part: Part, model: Model = Article, until: date | None = None) -> Iterator[Placed | Reject]:
    """Yield the records of a file or a stretch of one, in order, in bounded memory.

    Args:
        until: no page is taken to be of a later day; today unless told.
    """
    kind = kind_of(part.file)
    try:
        if kind in {".jsonl", ".ndjson"}:
            with open_bytes(part.file) as file:
                if part.start:
                    file.seek(part.start)
                yield from _read_jsonl(lines(file, part.stop), part, model)
        elif kind == ".csv":
            with open_bytes(part.file) as file:
                yield from _placed(csv_rows(file, model), part.file, model)
        elif kind == ".parquet":
            with open_raw(part.file) as file:
                yield from _placed(parquet_rows(file, part, model), part.file, model)
        elif model is LooseSentence:
            expected = "records with 'id' and 'text' (JSONL, CSV or Parquet) for --unit sentence"
            yield Reject(part.file, "holds articles", expected)
        else:
            yield from _read_pages(part.file, kind, until or date.today())
    except READ_ERRORS as error:
        stop_if_passing(part.file, error)
        yield Reject(part.file, f"cannot be read on: {' '.join(str(error).split())}", "a whole, readable file")


def read_content(content: bytes, kind: Literal[".jsonl", ".html", ".txt"], name: str) -> Iterator[Article | Reject]:
    """Yield the articles in bytes that came without a file; ``name`` stands for its path, and is the id of a text or a page."""
    if kind == ".jsonl":
        found = _read_jsonl(lines(io.BytesIO(content)), Part(name), Article)
    else:
        found = iter([_parse_page(content, name, name, date.today() if kind == ".html" else None)])
    for item in found:
        if isinstance(item, Reject):
            yield item
        elif isinstance(item.record, Article):
            yield item.record


@cache
def _expected_fields(model: Model) -> str:
    names = (name for name, field in model.model_fields.items() if field.is_required() or name == "title")
    return "an object with " + ", ".join(f"'{name}'" for name in names)


def _validate(values: object, place: str, model: Model, extracted: bool = False) -> Placed | Reject:
    if not isinstance(values, dict):
        return Reject(place, f"found {type(values).__name__}", _expected_fields(model))
    try:
        return Placed(place, model.model_validate(values), extracted)
    except ValidationError as error:
        return Reject(place, explain(error, model), _expected_fields(model))


def _placed(rows: Iterable[Row], file: str, model: Model) -> Iterator[Placed | Reject]:
    for number, row in rows:
        place = file if number is None else f"{file}:{number}"
        yield Reject(place, row.reason, row.expected) if isinstance(row, NoRow) else _validate(row, place, model)


def _read_jsonl(given: Iterable[bytes | None], part: Part, model: Model) -> Iterator[Placed | Reject]:
    empty = part.is_whole
    for number, line in enumerate(given, part.line):
        place = f"{part.file}:{number}"
        if line is None:
            empty = False
            yield Reject(place, TOO_LONG.reason, TOO_LONG.expected)
        elif line.strip():
            empty = False
            try:
                values = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError as error:
                yield Reject(place, f"is not valid JSON: {error}", "one JSON object per line, in UTF-8")
            else:
                yield _validate(values, place, model)
    if empty:
        yield Reject(part.file, EMPTY.reason, EMPTY.expected)


def _read_pages(file: str, kind: str, until: date) -> Iterator[Placed | Reject]:
    if kind == ".warc":
        with open_bytes(file) as archive:
            for number, content in pages.warc(archive, until):
                place = f"{file}:{number}"
                if isinstance(content, pages.NoPage):
                    yield Reject(place, content.reason, content.expected)
                else:
                    yield _validate(content, place, Article, extracted=True)
        return
    with open_bytes(file) as source:
        page = source.read(pages.LONGEST_PAGE + 1)
    identifier = file if is_url(file) else Path(file).as_posix()
    yield _parse_page(page, identifier, file, None if kind == ".txt" else until)


def _parse_page(content: bytes, identifier: str, place: str, until: date | None) -> Placed | Reject:
    """Parse a text, or a page of HTML of no later day than ``until``."""
    parsed = pages.html(content, until) if until else pages.plain_text(content)
    if isinstance(parsed, pages.NoPage):
        return Reject(place, parsed.reason, parsed.expected)
    return _validate({"id": identifier, **parsed}, place, Article, extracted=until is not None)
