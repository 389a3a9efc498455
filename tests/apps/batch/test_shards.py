import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.apps.batch.shards import (
    FEW_SHARDS,
    LARGEST_SHARD,
    MANY_SHARDS,
    SMALL_SHARD,
    SMALLEST_SHARD,
    difference,
    encode_plan,
    plan,
    shard_size,
    survey,
    text_bytes,
)
from pipeline.corpus.input_files import Part
from pipeline.corpus.readers import read_part


def shards_of(files: list[Path], shard_bytes: int | None):
    names = [str(file) for file in files]
    shard_bytes = shard_bytes or shard_size(text_bytes(names, threads=2))
    surveyed = survey(names, shard_bytes, threads=2)
    return surveyed, plan(surveyed, shard_bytes)


def read(parts) -> list:
    return [item for part in parts for item in read_part(part)]


@settings(deadline=None, max_examples=60)
@given(lengths=st.lists(st.integers(0, 60), max_size=30), shard_bytes=st.integers(1, 400), ended=st.booleans())
def test_shards_of_a_file_read_what_the_whole_file_has_with_the_same_places(
    tmp_path_factory, lengths, shard_bytes, ended
):
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    # Of length 0: a blank line; of length 7: no JSON.
    rows = [json.dumps({"id": str(n), "text": "x" * n}) if n else "" for n in lengths]
    rows = ["{" if n == 7 else row for n, row in zip(lengths, rows, strict=True)]
    path.write_text("\n".join(rows) + "\n" * ended)
    _, shards = shards_of([path], shard_bytes)
    parts = [part for shard in shards for part in shard.parts]
    whole = read([Part(str(path))])
    assert read(parts) == (
        whole if len(parts) == 1 else [item for item in whole if "empty" not in getattr(item, "reason", "")]
    )
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop is None


def test_parquet_is_cut_between_row_groups(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table(
        {"id": [str(number) for number in range(50)], "text": [f"Apel ke-{n}." for n in range(49)] + [None]}
    )
    pq.write_table(table, path, row_group_size=5)
    _, shards = shards_of([path], 300)
    assert len(shards) > 3
    assert read([part for shard in shards for part in shard.parts]) == read([Part(str(path))])


def test_small_files_share_a_shard_and_large_ones_do_not(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_text('{"id": "a", "text": "Apel."}\n' * (1 if number != 3 else 100))
    _, shards = shards_of(sorted(tmp_path.iterdir()), 1000)
    names = [[Path(part.file).stem for part in shard.parts] for shard in shards]
    assert names[0] == ["0", "1", "2"]
    assert names[1:-1] == [["3"], ["3"]]
    assert names[-1] == ["3", "4", "5"]


def test_small_input_is_not_cut_below_what_can_be_sorted(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "Apel."}\n' * 1000)
    (file,), shards = shards_of([tmp_path / "a.jsonl"], None)
    assert len(shards) == 1
    assert file.bytes < SMALLEST_SHARD


@given(st.integers(0, 2**36))
def test_shards_are_of_one_size_as_many_as_can_be_and_large_enough_to_sort(total):
    size = shard_size(total)
    shards = -(-total // size)
    assert SMALLEST_SHARD <= size <= LARGEST_SHARD
    if size < LARGEST_SHARD:
        assert shards in {0, *(2**power for power in range(9))}
    if shards > FEW_SHARDS:
        assert size >= SMALL_SHARD
    elif total >= 2 * SMALLEST_SHARD:
        assert size < 2 * SMALLEST_SHARD or shards == FEW_SHARDS
    assert shards <= MANY_SHARDS or size == LARGEST_SHARD


def test_file_is_cut_into_shards_of_the_size_that_is_chosen(tmp_path):
    (tmp_path / "a.jsonl").write_text((json.dumps({"id": "a", "text": "Apel digelar. " * 300}) + "\n") * 200)
    (file,), shards = shards_of([tmp_path / "a.jsonl"], None)
    assert len(shards) == 8
    assert max(file.weights) < 1.05 * min(file.weights)


@pytest.mark.parametrize("content", [b"", b"\n\n\n"])
def test_blank_file_is_one_part(tmp_path, content):
    (tmp_path / "a.jsonl").write_bytes(content)
    _, shards = shards_of([tmp_path / "a.jsonl"], 10)
    assert [len(shard.parts) for shard in shards] == [1]


def test_missing_file_stays_in_the_plan_for_its_reader_to_reject(tmp_path):
    _, (shard,) = shards_of([tmp_path / "gone.jsonl"], None)
    (reject,) = read(shard.parts)
    assert "No such file" in reject.reason


def test_plan_with_a_name_that_is_no_text_is_written(tmp_path):
    name = tmp_path / b"a\xff.jsonl".decode("utf-8", "surrogateescape")
    name.write_text('{"id": "a", "text": "Apel."}\n')
    files, shards = shards_of([name], None)
    assert json.loads(encode_plan(files, shards).splitlines()[0])["file"] == str(name)


def test_difference_names_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": "Apel."}\n')
    old = encode_plan(*shards_of([path], None))
    path.write_text('{"id": "a", "text": "Bubar."}\n')
    assert difference(old, encode_plan(*shards_of([path], None))) == f"'{path}' has changed"
    assert difference(old, b"") == f"'{path}' is no longer among the input"
    assert difference(b"", old) == f"'{path}' is new among the input"
