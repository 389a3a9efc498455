"""The rows of a table, CSV or Parquet, each with its number; what cannot be read says why."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.corpus.input_files import LONGEST_RECORD, Part, stop_if_passing

if TYPE_CHECKING:
    import _csv


@dataclass(frozen=True)
class NoRow:
    """Why there is no row, and what was expected."""

    reason: str
    expected: str


# With the number of its line (CSV) or row (Parquet); none stands for the file as a whole.
Row = tuple[int | None, dict[str, Any] | NoRow]

EMPTY = NoRow("the file is empty", "at least one record")
TOO_LONG = NoRow(f"is longer than {LONGEST_RECORD} bytes", f"a record of at most {LONGEST_RECORD} bytes")
# Rows of Parquet that are held at once: few, since nothing tells how long a value of a dictionary is.
_PARQUET_ROWS = 8


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


def csv_rows(file: IO[bytes], model: type[BaseModel]) -> Iterator[Row]:
    """Yield the rows of a CSV file, whose header must name what ``model`` requires."""
    csv.field_size_limit(LONGEST_RECORD)
    text = _CsvLines(file)
    rows = csv.reader(text, strict=True)
    header = _next_row(rows, text)
    if header is None:
        yield None, EMPTY
        return
    if isinstance(header, NoRow):
        yield text.number, header
        return
    if missing := _missing_columns(header, model):
        yield None, NoRow(f"has no column {missing} (has {_listed(header)})", "a header line with these columns")
        return
    row = _next_row(rows, text)
    if row is None:
        yield None, NoRow("holds no row behind its header", "at least one record")
    while row is not None:
        if isinstance(row, NoRow):
            yield text.number, row
        elif len(row) != len(header):
            yield text.number, NoRow(f"has {len(row)} fields", f"{len(header)} fields, as in the header")
        elif any("\udc80" <= character <= "\udcff" for value in row if not value.isascii() for character in value):
            yield text.number, NoRow("is not UTF-8", "UTF-8 text")
        else:
            cells = zip(header, row, strict=True)
            yield text.number, {name: value for name, value in cells if value or name in {"text", "title"}}
        row = _next_row(rows, text)


def _next_row(rows: "_csv.Reader", text: _CsvLines) -> list[str] | NoRow | None:
    """Return the next row that is not blank, why it is none (a quote that is never closed, say), or ``None`` at the end."""
    try:
        while True:
            text.begin_row()
            row = next(rows, None)
            if row != []:
                return row
    except _TooLong:
        return TOO_LONG
    except csv.Error as error:
        return NoRow(f"is not valid CSV: {error}", "comma-separated values with quoted fields")


def parquet_rows(source: IO[bytes], part: Part, model: type[BaseModel]) -> Iterator[Row]:
    """Yield the rows of a stretch of a Parquet file, by those of its columns that ``model`` has.

    Raises:
        InputError: the file cannot be read now.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The last four: text that is not UTF-8, days and time zones that Python does not know, counts that are no counts.
    damage = (pa.ArrowException, ValueError, OverflowError, KeyError, MemoryError)
    if not source.read(1):
        yield None, EMPTY
        return
    try:
        # Read page by page, not a column of a whole row group at once.
        file = pq.ParquetFile(source, pre_buffer=False, buffer_size=2**20)
        names = file.schema_arrow.names
        rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    except damage as error:
        yield None, NoRow(f"is not valid Parquet: {_in_short(error)}", "a Parquet file")
        return
    if missing := _missing_columns(names, model):
        if part.start == 0:  # said once, not by every stretch
            yield None, NoRow(f"has no column {missing} (has {_listed(names)})", "these columns")
        return
    if not any(rows):
        yield None, NoRow("holds no row", "at least one record")
    columns = [name for name in names if name in model.model_fields]
    first = part.line
    for group in range(part.start, len(rows) if part.stop is None else part.stop):
        number = first
        first += rows[group]
        if _bytes(file.metadata.row_group(group), columns) > rows[group] * LONGEST_RECORD:
            # A page of such rows can be larger than the memory.
            reason = f"and all rows up to {first - 1} are longer than {LONGEST_RECORD} bytes on average"
            yield number, NoRow(reason, TOO_LONG.expected)
            continue
        try:
            for batch in file.iter_batches(_PARQUET_ROWS, row_groups=[group], columns=columns):
                for row in range(batch.num_rows):
                    number += 1
                    try:
                        (values,) = batch.slice(row, 1).to_pylist()
                    except damage as error:
                        yield number - 1, NoRow(f"cannot be decoded: {_in_short(error)}", "UTF-8 text, and valid days")
                        continue
                    too_long = sum(len(value) for value in values.values() if isinstance(value, str)) > LONGEST_RECORD
                    yield number - 1, TOO_LONG if too_long else values
        except (*damage, OSError) as error:
            stop_if_passing(part.file, error)
            reason = f"and all rows up to {first - 1} are not valid Parquet: {_in_short(error)}"
            yield number, NoRow(reason, "a Parquet file")


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
