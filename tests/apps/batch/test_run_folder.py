"""What a run into a folder writes, refuses and leaves alone."""

import ctypes
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import datasets
import duckdb
import pandas as pd
import pytest

from pipeline.apps.batch.output import check_output
from pipeline.apps.classify import classify
from pipeline.errors import InputError

PAGE = (
    "<html><head><title>Apel pagi di kantor camat</title></head><body><article><p>Camat meminta pegawai menjaga netralitas "
    "selama pemilihan.</p><p>Surat suara tiba di gudang kabupaten pada hari Senin.</p></article></body></html>"
)


@pytest.fixture
def news(tmp_path) -> Path:
    path = tmp_path / "news.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "Camat meminta pegawai netral. Surat suara tiba."}) + "\n")
    return path


def test_tables_are_read_by_duckdb_pandas_and_datasets(checkpoint, news, tmp_path):
    classify([str(news)], checkpoint, tmp_path / "out")
    for name, rows in (("sentences", 2), ("articles", 1)):
        folder = tmp_path / "out" / name
        assert duckdb.sql(f"select count(*) from '{folder}/*.parquet'").fetchall() == [(rows,)]
        assert len(pd.read_parquet(folder)) == rows
        assert len(datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))) == rows
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "articles",
        "done",
        "manifest.json",
        "plan.jsonl",
        "sentences",
    ]


def test_text_taken_out_of_a_page_is_kept_so_that_offsets_refer_to_something(checkpoint, news, tmp_path):
    (tmp_path / "page.html").write_text(PAGE)
    classify([str(tmp_path / "page.html"), str(news)], checkpoint, tmp_path / "out")
    (text,) = pd.read_parquet(tmp_path / "out/texts").to_dict("records")
    assert text["article_id"] == (tmp_path / "page.html").as_posix()
    sentences = pd.read_parquet(tmp_path / "out/sentences")
    mine = sentences[sentences["article_id"] == text["article_id"]].to_dict("records")
    assert mine
    for row in mine:
        assert text["title" if row["field"] == "title" else "text"][row["start"] : row["end"]] == row["text"]


def test_finished_run_is_not_done_again(checkpoint, news, tmp_path):
    first = classify([str(news)], checkpoint, tmp_path / "out")
    part = tmp_path / "out/sentences/part-00000.parquet"
    before = part.stat().st_mtime_ns
    assert classify([str(news)], checkpoint, tmp_path / "out", overwrite=True) == first
    assert part.stat().st_mtime_ns == before


def test_part_that_got_lost_is_made_again(checkpoint, news, tmp_path):
    classify([str(news)], checkpoint, tmp_path / "out")
    part = tmp_path / "out/sentences/part-00000.parquet"
    content = part.read_bytes()
    part.unlink()
    classify([str(news)], checkpoint, tmp_path / "out")
    assert part.read_bytes() == content


def test_half_made_files_of_a_killed_run_are_cleared_away(checkpoint, news, tmp_path):
    classify([str(news)], checkpoint, tmp_path / "out")
    (tmp_path / "out/.partial/x").mkdir(parents=True)
    (tmp_path / "out/.partial/x/sentences").write_bytes(b"PAR1")
    classify([str(news)], checkpoint, tmp_path / "out")
    assert not (tmp_path / "out/.partial").exists()


def another_article(news: Path) -> dict:
    news.write_text(news.read_text() + '{"id": "b", "text": "Apel digelar."}\n')
    return {}


OTHER_RUNS = {
    r"other input: '.*news\.jsonl' has changed": another_article,
    "unit 'article', not 'sentence'": lambda _: {"unit": "sentence"},
    "format 'parquet', not 'csv'": lambda _: {"form": "csv"},
    r"shard_bytes \d+, not 99": lambda _: {"shard_bytes": 99},
    "precision 'int8', not 'fp32'": lambda _: {"precision": "fp32"},
}


@pytest.mark.parametrize("difference", OTHER_RUNS)
def test_another_run_into_the_same_folder_is_refused_in_one_line_unless_allowed(checkpoint, news, tmp_path, difference):
    out = tmp_path / "out"
    classify([str(news)], checkpoint, out)
    manifest = (out / "manifest.json").read_bytes()
    options = OTHER_RUNS[difference](news)
    with pytest.raises(InputError, match=rf"^{out}: holds the output of another run \({difference}\); choose"):
        classify([str(news)], checkpoint, out, **options)
    assert (out / "manifest.json").read_bytes() == manifest
    classify([str(news)], checkpoint, out, overwrite=True, **options)
    assert (out / "manifest.json").read_bytes() != manifest


def test_folder_with_files_of_others_is_refused_even_if_it_may_be_overwritten(checkpoint, news, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.docx").write_text("precious")
    with pytest.raises(InputError, match=r"holds 'thesis\.docx', which 'netral classify' has not written"):
        classify([str(news)], checkpoint, out, overwrite=True)
    assert (out / "thesis.docx").read_text() == "precious"


@pytest.mark.parametrize("out", ["news.jsonl", "link.jsonl", "in", "in/..", "other.jsonl"])
def test_input_that_is_also_output_is_refused_even_if_it_may_be_overwritten(checkpoint, tmp_path, monkeypatch, out):
    (tmp_path / "in").mkdir()
    row = json.dumps({"id": "a", "text": "Apel digelar."}) + "\n"
    (tmp_path / "in/a.jsonl").write_text(row)
    (tmp_path / "news.jsonl").write_text(row)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "news.jsonl")
    (tmp_path / "other.rejects.jsonl").write_text(row)
    monkeypatch.chdir(tmp_path)
    out = str(tmp_path) if out == "in/.." else out
    with pytest.raises(InputError, match="is input, but lies where output goes; choose another --out"):
        classify(["in", "news.jsonl", "other.rejects.jsonl"], checkpoint, out, overwrite=True)
    assert (tmp_path / "news.jsonl").read_text() == (tmp_path / "in/a.jsonl").read_text() == row


def test_file_where_a_folder_should_be_is_refused(checkpoint, news, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match="is a file, but a folder is to be written"):
        classify([str(news)], checkpoint, tmp_path / "out", overwrite=True)
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(InputError, match="is a folder, but a file is to be written"):
        classify([str(news)], checkpoint, tmp_path / "out.csv", overwrite=True)


def test_one_file_of_many_shards_is_that_of_one_shard(checkpoint, tmp_path):
    news = tmp_path / "news.jsonl"
    rows = [json.dumps({"id": f"a-{number}", "text": f"Camat meminta {number} pegawai netral."}) for number in range(9)]
    news.write_text("\n".join([*rows[:4], "{", *rows[4:]]) + "\n")
    for form in ("jsonl", "csv", "parquet"):
        read = {"jsonl": lambda path: pd.read_json(path, lines=True), "csv": pd.read_csv, "parquet": pd.read_parquet}[
            form
        ]
        for name, shard_bytes in (("one", None), ("many", 150)):
            out = tmp_path / f"{name}-{form}.{form}"
            # Where the last bit of a float differs with the shape of a batch, rounding to integers may make a step of it.
            classify([str(news)], checkpoint, out, precision="fp32", processes=1, shard_bytes=shard_bytes)
        one, many = read(tmp_path / f"one-{form}.{form}"), read(tmp_path / f"many-{form}.{form}")
        pd.testing.assert_frame_equal(one, many, rtol=1e-4, atol=1e-4)
        rejects = [(tmp_path / f"{name}-{form}.rejects.jsonl").read_text() for name in ("one", "many")]
        assert rejects[0] == rejects[1]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_blank_sentence_is_rejected(checkpoint, tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text('{"id": 1, "text": "Apel."}\n{"id": 2, "text": ""}\n{"id": 3, "text": " \\n"}\n')
    counts = classify([str(path)], checkpoint, tmp_path / "out", unit="sentence")
    assert (counts.records, counts.rejects) == (1, 2)
    first, second = map(json.loads, (tmp_path / "out/rejects/part-00000.jsonl").read_text().splitlines())
    assert (first["place"], second["place"]) == (f"{path}:2", f"{path}:3")
    assert "'text'" in first["reason"]
    assert "is blank" in first["reason"]


def test_name_that_is_no_text_is_rejected_by_its_escaped_name(checkpoint, news, tmp_path):
    odd = tmp_path / b"od\xff.txt".decode("utf-8", "surrogateescape")
    odd.write_text("Judul\nApel digelar.")
    counts = classify([str(odd), str(news)], checkpoint, tmp_path / "out")
    assert (counts.records, counts.rejects) == (1, 1)
    (reject,) = map(json.loads, (tmp_path / "out/rejects/part-00000.jsonl").read_text().splitlines())
    assert reject["place"] == f"{tmp_path}/od\\udcff.txt"


def obey_permissions() -> None:
    """Take from root the right to read what it may not (PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH)."""
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs capabilities")
def test_file_or_folder_without_permission_is_one_line(checkpoint, news, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    news.chmod(0)
    closed.chmod(0)
    for target, message in (
        (news, f"nothing could be read: {news}: cannot be read on: [Errno 13] Permission denied"),
        (closed, f"{closed}: cannot be listed: Permission denied; make it readable, or leave it out"),
    ):
        command = [sys.executable, "-m", "pipeline.cli", "classify", target, "--checkpoint", checkpoint]
        result = subprocess.run(
            [str(part) for part in [*command, "--out", tmp_path / "out"]],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=obey_permissions,
            env=os.environ,
        )
        assert result.returncode == 2, result.stderr
        assert result.stderr.startswith(f"netral: {message}")
        assert result.stderr.strip().count("\n") == 0


@pytest.mark.parametrize("unit", ["article", "sentence"])
@pytest.mark.parametrize("out", ["labelled", "labelled.jsonl"])
def test_output_within_a_folder_of_input_is_not_read_when_the_run_goes_on(
    checkpoint, news, tmp_path, monkeypatch, out, unit
):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr("pipeline.apps.classify.merge", killed)
        classify([str(news.parent)], checkpoint, tmp_path / out, unit=unit, form="jsonl")
    again = classify([str(news.parent)], checkpoint, tmp_path / out, unit=unit, form="jsonl")
    assert (again.records, again.rejects) == (1, 0)
    assert not list(tmp_path.glob(".*"))


def test_refused_second_run_leaves_the_work_of_the_first_alone(checkpoint, news, tmp_path):
    from pipeline.apps.batch.output import work_folder
    from pipeline.apps.batch.run_folder import only_one

    work = work_folder(str(tmp_path / "x.jsonl"))
    with only_one(str(work)):
        (work / "half").write_text("made")
        with pytest.raises(InputError, match="another 'netral classify' is writing there"):
            classify([str(news)], checkpoint, tmp_path / "x.jsonl")
        assert (work / "half").read_text() == "made"


def test_one_file_that_another_configuration_has_half_made_is_not_dropped_without_a_word(
    checkpoint, news, tmp_path, monkeypatch
):
    out = tmp_path / "x.csv"
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.apps.classify.merge", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            classify([str(news)], checkpoint, out, precision="fp32")
    with pytest.raises(InputError, match=r"holds the output of another run \(precision 'fp32', not 'int8'\)"):
        classify([str(news)], checkpoint, out, precision="int8")
    classify([str(news)], checkpoint, out, precision="int8", overwrite=True)
    assert out.exists()


@pytest.mark.parametrize("moment", ["between rejects and sentences", "before its folder is removed"])
def test_run_killed_as_it_publishes_one_file_goes_on(checkpoint, news, tmp_path, monkeypatch, moment):
    news.write_text(news.read_text() + "{\n")
    out, rejects = tmp_path / "x.jsonl", tmp_path / "x.rejects.jsonl"
    target = "pipeline.apps.batch.output._check_replaced" if "sentences" in moment else "shutil.rmtree"
    from pipeline.apps.batch.output import _check_replaced

    def kill(path: object, *rest: object, **_: object) -> None:
        if str(path).endswith((".work", "x.jsonl")):
            raise KeyboardInterrupt
        if "sentences" in moment:
            _check_replaced(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(target, kill)
        with pytest.raises(KeyboardInterrupt):
            classify([str(news)], checkpoint, out)
    assert rejects.exists()
    assert classify([str(news)], checkpoint, out).rejects == 1
    assert out.exists()
    assert len(rejects.read_text().splitlines()) == 1


def test_input_that_is_written_to_in_mid_run_is_told(checkpoint, news, tmp_path, monkeypatch):
    from pipeline.apps import classify as module

    begin = module.begin

    def append(*given):
        another_article(news)
        return begin(*given)

    monkeypatch.setattr(module, "begin", append)
    with pytest.raises(InputError, match=r"news\.jsonl: was written to while it was read"):
        classify([str(news)], checkpoint, tmp_path / "out")


def test_input_of_blank_lines_alone_is_one_line(checkpoint, tmp_path):
    (tmp_path / "blank.jsonl").write_text("\n" * 900)
    with pytest.raises(InputError, match="nothing could be read: the input holds no article"):
        classify([str(tmp_path / "blank.jsonl")], checkpoint, tmp_path / "out", shard_bytes=100)


@pytest.mark.parametrize("out", ["link", "link.csv", "a" * 300, "a" * 300 + ".csv", "a" * 240 + ".csv"])
def test_name_that_leads_nowhere_or_is_too_long_for_output_is_one_line(tmp_path, out):
    for link in ("link", "link.csv"):
        (tmp_path / link).symlink_to(tmp_path / "nowhere" / link)
    with pytest.raises(InputError, match=r"(is a link that leads nowhere|File name too long); .*choose another --out$"):
        check_output(str(tmp_path / out), ["a.jsonl"], ["a.jsonl"], overwrite=True)
