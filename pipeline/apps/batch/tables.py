"""The tables of a run: their columns, and files of them as Parquet, JSONL or CSV."""

import csv
import itertools
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pipeline.apps.batch.job import Format, Unit
from pipeline.apps.batch.predictions import Window
from pipeline.corpus.records import Article

Schema = dict[str, str]  # Arrow's name of the type, by column
Columns = dict[str, Sequence[Any] | NDArray[Any]]

_FIRST_DAY = date(1970, 1, 1)
# Rows of a row group of Parquet: what readers can skip, or share out.
_ROW_GROUP = 2**16
# Bytes of rows that wait for one at most: long texts fill it sooner.
_ROW_GROUP_BYTES = 2**26


def sentence_schema(labels: Sequence[str], unit: Unit) -> Schema:
    """Return the columns of the sentence table."""
    place = {"article_id": "string", "index": "int32", "field": "string", "start": "int32", "end": "int32"}
    return {
        **({"id": "string"} if unit == "sentence" else place),
        "text": "string",
        "labels": "list",
        **{f"score_{label}": "float32" for label in labels},
        "truncated": "bool",
        "checkpoint": "string",
    }


def article_schema(labels: Sequence[str]) -> Schema:
    """Return the columns of the article table: what it is, how many sentences carry each label, and the first of each."""
    return {
        "article_id": "string",
        "title": "string",
        "source": "string",
        "published": "date32",
        "url": "string",
        "labels": "list",
        "sentences": "int32",
        **dict.fromkeys(labels, "int32"),
        **{f"first_{label}": "string" for label in labels},
    }


# What offsets of sentences refer to where no input file holds it as it is: the text taken out of a page.
TEXT_SCHEMA: Schema = {"article_id": "string", "title": "string", "text": "string"}


def sentence_columns(window: Window, labels: Sequence[str], unit: Unit, checkpoint: str) -> Columns:
    if unit == "sentence":
        columns: Columns = {"id": [placed.record.id for placed in window.placed]}
    else:
        columns = {
            "article_id": [sentence.article_id for sentence in window.sentences],
            "index": [sentence.index for sentence in window.sentences],
            "field": [sentence.field for sentence in window.sentences],
            "start": [sentence.start for sentence in window.sentences],
            "end": [sentence.end for sentence in window.sentences],
        }
    columns |= {"text": window.texts, "labels": window.labels}
    columns |= {f"score_{label}": window.probabilities[:, column] for column, label in enumerate(labels)}
    return columns | {"truncated": window.truncated, "checkpoint": [checkpoint] * len(window.texts)}


def article_columns(window: Window, labels: Sequence[str]) -> Columns:
    columns: dict[str, list[Any]] = {name: [] for name in article_schema(labels)}
    ends = list(itertools.accumulate(window.counts))
    for placed, start, end in zip(window.placed, [0, *ends], ends, strict=False):
        article = placed.record
        assert isinstance(article, Article)
        marked = window.labels[start:end]
        carrying = {label: [place for place, given in enumerate(marked) if label in given] for label in labels}
        columns["article_id"].append(article.id)
        for name in ("title", "source", "published", "url"):
            columns[name].append(getattr(article, name))
        columns["labels"].append([label for label in labels if carrying[label]])
        columns["sentences"].append(end - start)
        for label, places in carrying.items():
            columns[label].append(len(places))
            columns[f"first_{label}"].append(window.texts[start + places[0]] if places else None)
    return dict(columns)


def text_columns(window: Window) -> Columns:
    extracted = [placed.record for placed in window.placed if placed.extracted]
    articles = [record for record in extracted if isinstance(record, Article)]
    return {
        "article_id": [article.id for article in articles],
        "title": [article.title for article in articles],
        "text": [article.text for article in articles],
    }


class Table:
    """A file of one table, written in pieces; where there is no row, there is no file.

    Args:
        path: to write to.
    """

    def __init__(self, path: Path, schema: Schema, form: Format) -> None:
        self.path = path
        self.rows = 0
        self._schema = schema
        self._form = form
        self._waiting: list[Any] = []
        self._file: IO[Any] | None = None
        self._parquet: Any = None

    def add(self, columns: Columns) -> None:
        """Append rows, given by column."""
        rows = len(columns[next(iter(self._schema))])
        if not rows:
            return
        self.rows += rows
        if self._form == "parquet":
            self._waiting.append(arrow_table(columns, self._schema))
            waiting = [(table.num_rows, table.nbytes) for table in self._waiting]
            if sum(rows for rows, _ in waiting) >= _ROW_GROUP or sum(size for _, size in waiting) >= _ROW_GROUP_BYTES:
                self._write_row_group()
            return
        values = zip(*(_plain(columns[name]) for name in self._schema), strict=True)
        if self._form == "jsonl":
            self._file = self._file or self.path.open("wb")
            self._file.writelines(orjson.dumps(dict(zip(self._schema, row, strict=True))) + b"\n" for row in values)
        else:
            if self._file is None:
                self._file = self.path.open("w", newline="", encoding="utf-8")
                csv.writer(self._file).writerow(self._schema)
            csv.writer(self._file).writerows([_cell(value) for value in row] for row in values)

    def _write_row_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._waiting)
        self._waiting = []
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self.path, table.schema, compression="zstd")
        self._parquet.write_table(table, row_group_size=_ROW_GROUP)

    def close(self) -> None:
        """Write what is left."""
        if self._waiting:
            self._write_row_group()
        for file in (self._parquet, self._file):
            if file is not None:
                file.close()


def arrow_table(columns: Columns, schema: Schema) -> Any:
    import pyarrow as pa

    return pa.table({name: _array(columns[name], kind) for name, kind in schema.items()})


def _array(values: Sequence[Any] | NDArray[Any], kind: str) -> Any:
    """Return a column as Arrow has it.

    Made of its buffers, since ``pa.array`` imports pandas wherever that is installed: it takes as long as all other
    imports, in every process, for nothing.
    """
    import pyarrow as pa

    def of_buffers(kind: Any, content: NDArray[Any], valid: NDArray[np.uint8] | None = None) -> Any:
        return pa.Array.from_buffers(
            kind, len(values), [valid if valid is None else pa.py_buffer(valid), pa.py_buffer(content)]
        )

    match kind:
        case "string":
            builder = pa.lib.StringBuilder()
            builder.append_values(values)
            return builder.finish()
        case "list":
            ends = np.cumsum([0, *map(len, values)])
            return pa.ListArray.from_arrays(_array(ends, "int32"), _array(list(itertools.chain(*values)), "string"))
        case "bool":
            return of_buffers(pa.bool_(), _bits(values))
        case "date32":
            days = np.array([value or _FIRST_DAY for value in values], dtype="datetime64[D]").astype(np.int32)
            return of_buffers(pa.date32(), days, _bits([value is not None for value in values]))
        case "int32":
            return of_buffers(pa.int32(), np.ascontiguousarray(values, np.int32))
    return of_buffers(pa.float32(), np.ascontiguousarray(values, np.float32))


def _bits(values: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(np.asarray(values, dtype=np.bool_), bitorder="little")


def _plain(column: Sequence[Any] | NDArray[Any]) -> Sequence[Any]:
    """Return a column as Python values; a float32 as the shortest number of six decimals."""
    if not isinstance(column, np.ndarray):
        return column
    plain: list[Any] = (np.round(column.astype(np.float64), 6) if column.dtype == np.float32 else column).tolist()
    return plain


def _cell(value: object) -> object:
    return "|".join(value) if isinstance(value, list) else value
