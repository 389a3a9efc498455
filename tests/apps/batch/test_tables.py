"""Tables are what Arrow itself would make of the same values."""

import csv
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.apps.batch.tables import Table, arrow_table

KINDS = {
    "string": (pa.string(), ["Apel", None, "", "é\x00🗳"]),
    "list": (pa.list_(pa.string()), [[], ["sanction", "appeal"], ["logistics"], []]),
    "date32": (pa.date32(), [date(2018, 9, 3), None, date(1, 1, 1), date(9999, 12, 31)]),
    "bool": (pa.bool_(), np.array([True, False, True, True])),
    "int32": (pa.int32(), [0, -1, 2**31 - 1, 7]),
    "float32": (pa.float32(), np.linspace(0, 1, 8, dtype=np.float32).reshape(4, 2)[:, 1]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_column_is_that_of_arrow(kind):
    arrow, values = KINDS[kind]
    made = arrow_table({"column": values}, {"column": kind})
    made.validate(full=True)
    assert made.equals(pa.table({"column": pa.array(values, type=arrow)}))


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 1000])
def test_tables_of_any_length_are_valid(rows):
    columns = {name: list(values[:1]) * rows for name, (_, values) in KINDS.items()}
    made = arrow_table(columns, {name: name for name in KINDS})
    made.validate(full=True)
    assert made.num_rows == rows


def test_formats_hold_the_same_rows_and_no_row_means_no_file(tmp_path):
    schema = {name: name for name in ("string", "list", "date32", "int32")}
    columns = {name: KINDS[name][1] for name in schema}
    for form in ("parquet", "jsonl", "csv"):
        table, empty = Table(tmp_path / form, schema, form), Table(tmp_path / f"no-{form}", schema, form)
        table.add(columns)
        table.add(columns)
        empty.add({name: [] for name in schema})
        table.close()
        empty.close()
        assert (table.rows, empty.path.exists()) == (8, False)
    rows = pq.read_table(tmp_path / "parquet").to_pylist()
    plain = [{**row, "date32": row["date32"] and row["date32"].isoformat()} for row in rows]
    assert [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()] == plain
    with (tmp_path / "csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert [row["list"] for row in cells] == ["|".join(row["list"]) for row in rows]
    assert [row["string"] or None for row in cells] == [row["string"] or None for row in rows]


def test_pandas_is_not_imported_to_write_parquet(checkpoint, tmp_path):
    """It would double the time of the start wherever it is installed, as it is here."""
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "Apel digelar.", "published": "2018-09-03"}\n')
    code = f"""
import sys
from pathlib import Path
from pipeline.apps.classify import classify
classify([{str(tmp_path / "a.jsonl")!r}], Path({str(checkpoint)!r}), {str(tmp_path / "out")!r})
raise SystemExit("pandas" in sys.modules)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    assert pq.read_table(tmp_path / "out/articles").to_pylist()[0]["published"] == date(2018, 9, 3)


def test_long_texts_are_written_before_they_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.apps.batch.tables._ROW_GROUP_BYTES", 1000)
    table = Table(tmp_path / "long", {"string": "string"}, "parquet")
    for _ in range(5):
        table.add({"string": ["x" * 600]})
    table.close()
    metadata = pq.read_metadata(tmp_path / "long")
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [2, 2, 1]
