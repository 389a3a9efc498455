"""Predictions to files: JSONL, CSV or Parquet, one file or a folder, whole or not at all."""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.apps.predictions import Labelled, Unit
from pipeline.corpus.readers import Reject
from pipeline.corpus.records import Article
from pipeline.errors import InputError
from pipeline.files import whole_file, whole_folder

Format = Literal["parquet", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("parquet", "jsonl", "csv")
Row = dict[str, Any]
Write = Callable[[list[Row]], None]


def sentence_schema(labels: list[str], unit: Unit) -> pa.Schema:
    """Return the columns of the sentence table."""
    place = [
        ("article_id", pa.string()),
        ("index", pa.int32()),
        ("field", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
    ]
    columns = [("id", pa.string())] if unit == "sentence" else place
    scores = [(f"score_{label}", pa.float32()) for label in labels]
    return pa.schema(
        [
            *columns,
            ("text", pa.string()),
            ("labels", pa.list_(pa.string())),
            *scores,
            ("truncated", pa.bool_()),
            ("checkpoint", pa.string()),
        ]
    )


def article_schema(labels: list[str]) -> pa.Schema:
    """Return the columns of the article table: what it is, how many sentences carry each label, and the first of each."""
    about = [
        ("article_id", pa.string()),
        ("title", pa.string()),
        ("source", pa.string()),
        ("published", pa.date32()),
        ("url", pa.string()),
    ]
    counts = [("sentences", pa.int32()), *((label, pa.int32()) for label in labels)]
    return pa.schema(
        [*about, ("labels", pa.list_(pa.string())), *counts, *((f"first_{label}", pa.string()) for label in labels)]
    )


def article_row(article: Article, rows: list[Row], labels: list[str]) -> Row:
    first = {label: next((row["text"] for row in rows if label in row["labels"]), None) for label in labels}
    return {
        "article_id": article.id,
        **article.model_dump(include={"title", "source", "published", "url"}),
        "labels": [label for label in labels if first[label] is not None],
        "sentences": len(rows),
        **{label: sum(label in row["labels"] for row in rows) for label in labels},
        **{f"first_{label}": text for label, text in first.items()},
    }


@contextmanager
def table(path: Path, schema: pa.Schema, form: Format) -> Iterator[Write]:
    """Open a table for writing and yield a function that appends rows."""
    if form == "parquet":
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=schema)) if rows else None
    elif form == "jsonl":
        with path.open("wb") as file:
            yield lambda rows: file.writelines(
                orjson.dumps({name: row.get(name) for name in schema.names}) + b"\n" for row in rows
            )
    else:
        with path.open("w", newline="", encoding="utf-8") as text:
            out = csv.writer(text)
            out.writerow(schema.names)
            yield lambda rows: out.writerows([_cell(row.get(name)) for name in schema.names] for row in rows)


def _cell(value: object) -> object:
    return "|".join(value) if isinstance(value, list) else value


def write(items: Iterable[Labelled | Reject], out: Path, labels: list[str], unit: Unit, form: Format) -> None:
    """Write ``items`` to ``out``: one file if it has the suffix of a format, else a folder with sentences, articles and rejects.

    Rejects of a single file lie beside it, as ``NAME.rejects.jsonl``; none are written where there are none.
    """
    single = single_file_format(out)
    with ExitStack() as stack:
        if single:
            sentences = stack.enter_context(whole_file(out))
            rejects = stack.enter_context(whole_file(rejects_path(out)))
            articles = None
            form = single
        else:
            folder = stack.enter_context(whole_folder(out))
            sentences, rejects = folder / f"sentences-00000.{form}", folder / "rejects.jsonl"
            articles = folder / f"articles-00000.{form}" if unit == "article" else None
        add_sentences = stack.enter_context(table(sentences, sentence_schema(labels, unit), form))
        add_articles = stack.enter_context(table(articles, article_schema(labels), form)) if articles else None
        add_reject = stack.enter_context(rejects.open("wb")).write
        pending: list[Row] = []
        for item in items:
            if isinstance(item, Reject):
                add_reject(orjson.dumps(item.printable()) + b"\n")
                continue
            pending += item.rows
            if add_articles and isinstance(item.record, Article):
                add_articles([article_row(item.record, item.rows, labels)])
            if len(pending) >= 10_000:
                add_sentences(pending)
                pending = []
        add_sentences(pending)
    if single and rejects_path(out).stat().st_size == 0:
        rejects_path(out).unlink()


def single_file_format(out: Path) -> Format | None:
    """Return the format that the suffix of ``out`` names, or ``None`` if it is a folder."""
    return next((form for form in FORMATS if out.suffix.lower() == f".{form}"), None)


def rejects_path(out: Path) -> Path:
    return out.with_name(f"{out.stem}.rejects.jsonl")


def _is_output(name: str) -> bool:
    return name == "rejects.jsonl" or name.startswith(("sentences-", "articles-"))


def check_output(out: Path, overwrite: bool) -> None:
    """Make sure, before any work, that ``out`` can be written.

    Raises:
        InputError: it, or its file of rejects, exists and may not be overwritten, it is a folder with files of other origin,
            or its folder is not writable.
    """
    if out.name in {"", ".."}:
        raise InputError(f"{out}: names no file or folder of its own; choose another --out")
    single = single_file_format(out)
    for path in (out, rejects_path(out)) if single else (out,):
        if path.exists() and not overwrite:
            raise InputError(f"{path}: exists already; choose another --out, or allow it with --overwrite")
    if out.exists() and out.is_dir() == bool(single):
        raise InputError(
            f"{out}: is a {'folder' if out.is_dir() else 'file'}, but a {'file' if out.is_dir() else 'folder'} is to be written"
        )
    # A folder is replaced as a whole, so nothing but earlier output may lie in it.
    foreign = sorted(file.name for file in out.iterdir() if not _is_output(file.name)) if out.is_dir() else []
    if foreign:
        raise InputError(f"{out}: holds '{foreign[0]}', which 'netral classify' has not written; choose another --out")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    try:
        # Permissions do not tell all: quotas, read-only mounts and special file systems show only when one writes.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{out}: cannot be written, since {folder} takes no files: {error.strerror}") from None
