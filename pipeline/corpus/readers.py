"""A file to articles: JSONL, CSV, Parquet, text, HTML or WARC. What cannot be read is rejected by its place."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.config import explain
from pipeline.corpus import pages
from pipeline.corpus.input_files import (
    LONGEST_RECORD,
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

if TYPE_CHECKING:
    import _csv


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
_EXPECTED_TEXT = "UTF-8 text"
_TOO_LONG = f"is longer than {LONGEST_RECORD} bytes"
_EXPECTED_SIZE = f"a record of at most {LONGEST_RECORD} bytes"
# Rows of Parquet that are held at once: few, since nothing tells how long a value of a dictionary is.
_PARQUET_ROWS = 8


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
            yield from _read_csv(part, model)
        elif kind == ".parquet":
            yield from _read_parquet(part, model)
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


def _is_empty(file: str) -> Reject:
    return Reject(file, "the file is empty", "at least one record")


def _read_jsonl(given: Iterable[bytes | None], part: Part, model: Model) -> Iterator[Placed | Reject]:
    empty = part.is_whole
    for number, line in enumerate(given, part.line):
        place = f"{part.file}:{number}"
        if line is None:
            empty = False
            yield Reject(place, _TOO_LONG, _EXPECTED_SIZE)
        elif line.strip():
            empty = False
            try:
                values = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError as error:
                yield Reject(place, f"is not valid JSON: {error}", "one JSON object per line, in UTF-8")
            else:
                yield _validate(values, place, model)
    if empty:
        yield _is_empty(part.file)


class _TooLong(csv.Error):
    """A row of CSV has more than :data:`LONGEST_RECORD` characters."""


class _CsvLines:
    """The lines of a CSV file for ``csv.reader``, which reads as many as it takes to close a quote.

    No generator: it goes on behind a row that is too long.

    Attributes:
        number: of the last line.
    """

    def __init__(self, file: IO[bytes]) -> None:
        # Bytes that are not UTF-8 pass as surrogates, so that one bad row costs one row.
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._row = 0
        self.number = 0

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_RECORD + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._row += len(line)
        if self._row <= LONGEST_RECORD:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(LONGEST_RECORD)
        raise _TooLong

    def begin_row(self) -> None:
        self._row = 0


def _read_csv(part: Part, model: Model) -> Iterator[Placed | Reject]:
    csv.field_size_limit(LONGEST_RECORD)
    with open_bytes(part.file) as file:
        text = _CsvLines(file)
        rows = csv.reader(text, strict=True)
        header = _next_row(rows, text, part.file)
        if header is None:
            yield _is_empty(part.file)
            return
        if isinstance(header, Reject):
            yield header
            return
        if missing := _missing_columns(header, model):
            yield Reject(
                part.file, f"has no column {missing} (has {_listed(header)})", "a header line with these columns"
            )
            return
        row = _next_row(rows, text, part.file)
        if row is None:
            yield Reject(part.file, "holds no row behind its header", "at least one record")
        while row is not None:
            place = f"{part.file}:{text.number}"
            if isinstance(row, Reject):
                yield row
            elif len(row) != len(header):
                yield Reject(place, f"has {len(row)} fields", f"{len(header)} fields, as in the header")
            elif any("\udc80" <= character <= "\udcff" for value in row if not value.isascii() for character in value):
                yield Reject(place, "is not UTF-8", _EXPECTED_TEXT)
            else:
                cells = zip(header, row, strict=True)
                yield _validate(
                    {name: value for name, value in cells if value or name in {"text", "title"}}, place, model
                )
            row = _next_row(rows, text, part.file)


def _next_row(rows: "_csv.Reader", text: _CsvLines, file: str) -> list[str] | Reject | None:
    """Return the next row that is not blank, a reject if it is no CSV (a quote that is never closed, say), or ``None`` at the end."""
    try:
        while True:
            text.begin_row()
            row = next(rows, None)
            if row != []:
                return row
    except _TooLong:
        return Reject(f"{file}:{text.number}", _TOO_LONG, _EXPECTED_SIZE)
    except csv.Error as error:
        expected = "comma-separated values with quoted fields"
        return Reject(f"{file}:{text.number}", f"is not valid CSV: {error}", expected)


def _read_parquet(part: Part, model: Model) -> Iterator[Placed | Reject]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The last four: text that is not UTF-8, days and time zones that Python does not know, counts that are no counts.
    damage = (pa.ArrowException, ValueError, OverflowError, KeyError, MemoryError)
    with open_raw(part.file) as source:
        if not source.read(1):
            yield _is_empty(part.file)
            return
        try:
            # Read page by page, not a column of a whole row group at once.
            file = pq.ParquetFile(source, pre_buffer=False, buffer_size=2**20)
            names = file.schema_arrow.names
            rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        except damage as error:
            yield Reject(part.file, f"is not valid Parquet: {_in_short(error)}", "a Parquet file")
            return
        if missing := _missing_columns(names, model):
            if part.start == 0:  # said once, not by every stretch
                yield Reject(part.file, f"has no column {missing} (has {_listed(names)})", "these columns")
            return
        if not any(rows):
            yield Reject(part.file, "holds no row", "at least one record")
        columns = [name for name in names if name in model.model_fields]
        first = part.line
        for group in range(part.start, len(rows) if part.stop is None else part.stop):
            number = first
            first += rows[group]
            if _bytes(file.metadata.row_group(group), columns) > rows[group] * LONGEST_RECORD:
                # A page of such rows can be larger than the memory.
                reason = f"and all rows up to {first - 1} are longer than {LONGEST_RECORD} bytes on average"
                yield Reject(f"{part.file}:{number}", reason, _EXPECTED_SIZE)
                continue
            try:
                for batch in file.iter_batches(_PARQUET_ROWS, row_groups=[group], columns=columns):
                    for row in range(batch.num_rows):
                        place = f"{part.file}:{number}"
                        number += 1
                        try:
                            (values,) = batch.slice(row, 1).to_pylist()
                        except damage as error:
                            yield Reject(place, f"cannot be decoded: {_in_short(error)}", "UTF-8 text, and valid days")
                            continue
                        if sum(len(value) for value in values.values() if isinstance(value, str)) > LONGEST_RECORD:
                            yield Reject(place, _TOO_LONG, _EXPECTED_SIZE)
                        else:
                            yield _validate(values, place, model)
            except (*damage, OSError) as error:
                stop_if_passing(part.file, error)
                reason = f"and all rows up to {first - 1} are not valid Parquet: {_in_short(error)}"
                yield Reject(f"{part.file}:{number}", reason, "a Parquet file")


def _bytes(group: Any, columns: Iterable[str]) -> int:
    """Return the bytes of some columns of a row group of Parquet, uncompressed."""
    chunks = map(group.column, range(group.num_columns))
    return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.partition(".")[0] in columns)


def _in_short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _missing_columns(names: Iterable[str], model: type[BaseModel]) -> str:
    present = set(names)
    return _listed(name for name, field in model.model_fields.items() if field.is_required() and name not in present)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name[:40]}'" for name in list(names)[:12])


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
