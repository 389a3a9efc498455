"""A file to articles: JSONL, CSV, Parquet, plain text or HTML. What cannot be read is rejected by name."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.config import explain
from pipeline.corpus.input_files import READ_ERRORS, kind_of, open_bytes
from pipeline.corpus.records import Article

if TYPE_CHECKING:
    import _csv


@dataclass(frozen=True)
class Reject:
    """A record that could not be read.

    Attributes:
        place: ``file:line``, ``file:row`` or ``file``.
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


Record = Article | LooseSentence
_EXPECTED_TEXT = "UTF-8 text"


def read_records(path: Path, model: type[Article] | type[LooseSentence] = Article) -> Iterator[Record | Reject]:
    """Yield the records of one file, streaming, and a :class:`Reject` for each that cannot be read."""
    kind = kind_of(path)
    try:
        if path.stat().st_size == 0:
            yield Reject(str(path), "the file is empty", "at least one record")
        elif kind in {".jsonl", ".ndjson"}:
            with open_bytes(path) as lines:
                yield from _read_jsonl(lines, str(path), model)
        elif kind == ".csv":
            yield from _read_csv(path, model)
        elif kind == ".parquet":
            yield from _read_parquet(path, model)
        else:
            yield from _read_page(path, model, _html if kind.startswith(".htm") else _plain_text)
    except READ_ERRORS as error:
        yield Reject(str(path), f"cannot be read on: {' '.join(str(error).split())}", "a whole, readable file")


def read_content(content: bytes, kind: Literal["jsonl", "html", "text"], name: str) -> Iterator[Record | Reject]:
    """Yield the articles in bytes that came without a file; ``name`` stands for the path, and is the id of a text or a page."""
    if kind == "jsonl":
        yield from _read_jsonl(io.BytesIO(content), name, Article)
    else:
        yield _parse_page(content, name, name, _html if kind == "html" else _plain_text)


def _validate(values: object, place: str, model: type[Article] | type[LooseSentence]) -> Record | Reject:
    expected = "an object with " + ", ".join(
        f"'{name}'" for name, field in model.model_fields.items() if field.is_required() or name == "title"
    )
    if not isinstance(values, dict):
        return Reject(place, f"found {type(values).__name__}", expected)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        return Reject(place, explain(error, model), expected)


def _read_jsonl(
    lines: Iterable[bytes], name: str, model: type[Article] | type[LooseSentence]
) -> Iterator[Record | Reject]:
    empty = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        empty = False
        place = f"{name}:{number}"
        try:
            values = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            yield Reject(place, f"is not valid JSON: {error}", "one JSON object per line, in UTF-8")
            continue
        yield _validate(values, place, model)
    if empty:
        yield Reject(name, "the file is empty", "at least one record")


def _read_csv(path: Path, model: type[Article] | type[LooseSentence]) -> Iterator[Record | Reject]:
    csv.field_size_limit(2**31 - 1)
    # Bytes that are not UTF-8 pass as surrogates, so that one bad row costs one row.
    with io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        rows = csv.reader(text, strict=True)
        header = _next_row(rows, path)
        if isinstance(header, Reject):
            yield header
            return
        if missing := _missing_columns(header or [], model):
            reason = f"has no column {missing} (has {_listed(header or [])})"
            yield Reject(str(path), reason, "a header line with these columns")
            return
        assert header is not None
        row = _next_row(rows, path)
        if row is None:
            yield Reject(str(path), "holds no row behind its header", "at least one record")
        while row is not None:
            place = f"{path}:{rows.line_num}"
            if isinstance(row, Reject):
                yield row
            elif len(row) != len(header):
                yield Reject(place, f"has {len(row)} fields", f"{len(header)} fields, as in the header")
            elif any("\udc80" <= character <= "\udcff" for value in row for character in value):
                yield Reject(place, "is not UTF-8", _EXPECTED_TEXT)
            else:
                cells = zip(header, row, strict=True)
                yield _validate(
                    {name: value for name, value in cells if value or name in {"text", "title"}}, place, model
                )
            row = _next_row(rows, path)


def _next_row(rows: "_csv.Reader", path: Path) -> list[str] | Reject | None:
    """Return the next row, a reject if it is no CSV (a quote that is never closed, say), or ``None`` at the end."""
    try:
        return next(rows, None)
    except csv.Error as error:
        expected = "comma-separated values with quoted fields"
        return Reject(f"{path}:{rows.line_num}", f"is not valid CSV: {error}", expected)


def _read_parquet(path: Path, model: type[Article] | type[LooseSentence]) -> Iterator[Record | Reject]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if missing := _missing_columns(file.schema_arrow.names, model):
            yield Reject(
                str(path), f"has no column {missing} (has {_listed(file.schema_arrow.names)})", "these columns"
            )
            return
        if file.metadata.num_rows == 0:
            yield Reject(str(path), "holds no row", "at least one record")
        columns = [name for name in file.schema_arrow.names if name in model.model_fields]
        number = 0
        for batch in file.iter_batches(batch_size=256, columns=columns):
            for values in batch.to_pylist():
                number += 1
                yield _validate(values, f"{path}:{number}", model)
    # The last three: text that is not UTF-8, days and time zones that Python does not know.
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:
        yield Reject(str(path), f"is not valid Parquet: {' '.join(str(error).split())[:200]}", "a Parquet file")


def _missing_columns(names: Iterable[str], model: type[BaseModel]) -> str:
    present = set(names)
    return _listed(name for name, field in model.model_fields.items() if field.is_required() and name not in present)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name[:40]}'" for name in list(names)[:12])


def _read_page(
    path: Path, model: type[Article] | type[LooseSentence], parse: Callable[[bytes], dict[str, Any] | None]
) -> Iterator[Record | Reject]:
    if model is LooseSentence:
        yield Reject(
            str(path), "holds an article", "records with 'id' and 'text' (JSONL, CSV or Parquet) for --unit sentence"
        )
        return
    with open_bytes(path) as file:
        content = file.read()
    yield _parse_page(content, path.as_posix(), str(path), parse)


def _parse_page(
    content: bytes, identifier: str, place: str, parse: Callable[[bytes], dict[str, Any] | None]
) -> Record | Reject:
    if not content.strip():
        return Reject(place, "the file is empty", "a news page")
    if b"\0" in content[:8192]:
        return Reject(place, "is a binary file", _EXPECTED_TEXT)
    try:
        values = parse(content)
    except UnicodeDecodeError as error:
        return Reject(place, f"is not UTF-8: byte {error.start}", _EXPECTED_TEXT)
    if values is None:
        return Reject(place, "holds no article text", "a news page")
    return _validate({"id": identifier, **values}, place, Article)


def _plain_text(content: bytes) -> dict[str, Any]:
    """Read a text file: its first line is the title."""
    title, _, text = content.decode("utf-8-sig").lstrip("\r\n").partition("\n")
    return {"title": title.strip(), "text": text}


def _html(content: bytes) -> dict[str, Any] | None:
    """Take title, text, outlet, date and address out of a page; ``None`` where there is no text."""
    import trafilatura
    from trafilatura.settings import Document

    document = trafilatura.bare_extraction(content, include_comments=False, include_tables=False, with_metadata=True)
    if not isinstance(document, Document) or not document.text or document.text.isspace():
        return None
    return {
        "title": document.title,
        # One paragraph a line: apart, so that they are not taken for wrapped lines.
        "text": document.text.replace("\n", "\n\n"),
        "source": document.sitename,
        "published": document.date,
        "url": document.url,
    }
