"""``netral classify`` as its users meet it: formats, rejects, refusals, exit statuses."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import datasets
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipeline.classifier.predict import Classifier
from pipeline.cli import app

ARTICLES = [
    {
        "id": "a-1",
        "title": "Camat ingatkan pegawai menjaga sikap",
        "text": "Camat meminta pegawai melayani warga. Jangan ikut kampanye.",
    },
    {
        "id": "a-2",
        "title": "Logistik tiba",
        "text": "Kotak suara tiba di gudang, Senin (3/9). Petugas menghitungnya.",
        "published": "2018-09-03",
    },
    {
        "id": "a-3",
        "title": "Tiga kasus diteruskan",
        "text": "Tiga pegawai dipanggil inspektorat.",
        "source": "Warta Lubuk",
    },
]


@pytest.fixture
def archive(tmp_path) -> Path:
    """A folder with one article in each of three formats."""
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "one.jsonl").write_text(json.dumps(ARTICLES[0]) + "\n")
    pd.DataFrame([ARTICLES[1]]).to_csv(folder / "two.csv", index=False)
    pd.DataFrame([ARTICLES[2]]).to_parquet(folder / "three.parquet")
    return folder


def netral(checkpoint: Path, *arguments: object):
    return CliRunner().invoke(app, ["classify", *map(str, arguments), "--checkpoint", str(checkpoint)])


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_one_file_has_every_sentence_with_offsets_labels_and_scores(checkpoint, archive, tmp_path, form):
    out = tmp_path / f"labelled.{form}"
    result = netral(checkpoint, archive, "--out", out)
    assert result.exit_code == 0, result.output
    read = {
        "jsonl": lambda: pd.read_json(out, lines=True),
        "csv": lambda: pd.read_csv(out),
        "parquet": lambda: pd.read_parquet(out),
    }
    rows = read[form]()
    names = Classifier(checkpoint).manifest.names
    scores = [f"score_{name}" for name in names]
    assert list(rows.columns) == [
        "article_id",
        "index",
        "field",
        "start",
        "end",
        "text",
        "labels",
        *scores,
        "truncated",
        "checkpoint",
    ]
    assert set(rows["article_id"]) == {"a-1", "a-2", "a-3"}
    given = {article["id"]: article for article in ARTICLES}
    for row in rows.to_dict("records"):
        field = given[row["article_id"]]["title" if row["field"] == "title" else "text"]
        assert field[row["start"] : row["end"]] == row["text"]
    assert rows[scores].to_numpy().min() >= 0
    assert rows[scores].to_numpy().max() <= 1
    assert not (tmp_path / "labelled.rejects.jsonl").exists()


def test_the_three_formats_say_the_same(checkpoint, archive, tmp_path):
    for form in ("jsonl", "csv", "parquet"):
        assert netral(checkpoint, archive, "--out", tmp_path / f"x.{form}").exit_code == 0
    table = datasets.Dataset.from_parquet(str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "cache")).to_list()
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in table] == [row["text"] for row in lines] == [row["text"] for row in rows]
    assert (
        ["|".join(row["labels"]) for row in table]
        == ["|".join(row["labels"]) for row in lines]
        == [row["labels"] for row in rows]
    )


def test_folder_has_sentences_articles_and_rejects(checkpoint, archive, tmp_path):
    (archive / "broken.jsonl").write_text(
        '{"id": "b-1", "text": "cut in ha\n{"id": "b-2", "text": "***"}\n'
        '{"id": "b-3", "text": "Petugas datang."}\n{"id": "b-3", "text": "Sudah ada."}\n'
    )
    out = tmp_path / "labelled"
    result = netral(checkpoint, archive, "--out", out)
    assert result.exit_code == 0, result.output
    assert "4 articles" in result.output
    assert "3 rejected" in result.output
    sentences, articles = (
        pd.read_parquet(out / "sentences"),
        pd.read_parquet(out / "articles"),
    )
    counted = sentences.groupby("article_id").size().to_dict()
    assert dict(zip(articles["article_id"], articles["sentences"], strict=True)) == counted
    for row in articles.to_dict("records"):
        mine = sentences[sentences["article_id"] == row["article_id"]]
        for name in Classifier(checkpoint).manifest.names:
            carrying = mine[[name in labels for labels in mine["labels"]]]
            assert row[name] == len(carrying)
            first = [] if pd.isna(row[f"first_{name}"]) else [row[f"first_{name}"]]
            assert first == list(carrying["text"][:1])
    reasons = {
        reject["place"]: reject["reason"]
        for part in (out / "rejects").iterdir()
        for reject in map(json.loads, part.read_text().splitlines())
    }
    broken = archive / "broken.jsonl"
    assert reasons.keys() == {f"{broken}:1", f"{broken}:2", f"{broken}:4"}
    assert "is not valid JSON" in reasons[f"{broken}:1"]
    assert reasons[f"{broken}:2"] == "no sentence found"
    assert reasons[f"{broken}:4"] == "an earlier record has the id 'b-3'"


def test_rejects_of_one_file_lie_beside_it(checkpoint, archive, tmp_path):
    (archive / "empty.csv").write_text("")
    result = netral(checkpoint, archive, "--out", tmp_path / "x.jsonl")
    assert result.exit_code == 0
    (reject,) = map(json.loads, (tmp_path / "x.rejects.jsonl").read_text().splitlines())
    assert reject == {
        "place": str(archive / "empty.csv"),
        "reason": "the file is empty",
        "expected": "at least one record",
    }


def test_without_out_the_article_is_printed_with_its_labels(checkpoint, archive):
    result = netral(checkpoint, archive / "one.jsonl")
    assert result.exit_code == 0
    assert "a-1" in result.output
    assert "Camat meminta pegawai melayani warga." in result.output


def test_reader_of_what_is_printed_may_have_seen_enough(checkpoint, archive):
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "classify", archive, "--checkpoint", checkpoint],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 128 + signal.SIGPIPE)


def test_unit_sentence_keeps_the_id_and_does_not_split(checkpoint, tmp_path):
    (tmp_path / "s.jsonl").write_text(json.dumps({"id": 7, "text": "Jangan ikut. Tetap di kantor."}) + "\n")
    assert netral(checkpoint, tmp_path / "s.jsonl", "--unit", "sentence", "--out", tmp_path / "o.jsonl").exit_code == 0
    (row,) = map(json.loads, (tmp_path / "o.jsonl").read_text().splitlines())
    assert (row["id"], row["text"]) == ("7", "Jangan ikut. Tetap di kantor.")
    assert "article_id" not in row


def test_existing_output_is_kept_unless_allowed(checkpoint, archive, tmp_path):
    out = tmp_path / "x.jsonl"
    out.write_text("precious")
    refused = netral(checkpoint, archive, "--out", out)
    assert refused.exit_code == 2
    assert "exists already" in refused.output
    assert out.read_text() == "precious"
    assert netral(checkpoint, archive, "--out", out, "--overwrite").exit_code == 0
    assert out.read_text() != "precious"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "nothing could be read: {path}: the file is empty"),
        (b"\xff\xfe{}\n", "is not valid JSON"),
        (b'{"id": "x"}\n', "'text' is missing"),
        (b'{"id": "x", "text": "***"}\n', "no sentence found"),
        (b'["x"]\n', "found list; expected an object with 'id'"),
    ],
)
def test_input_of_which_nothing_can_be_read_is_an_error_and_leaves_no_output(checkpoint, tmp_path, content, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    result = netral(checkpoint, path, "--out", tmp_path / "x.jsonl")
    assert result.exit_code == 2
    assert message.format(path=path) in result.output
    assert result.output.strip().count("\n") == 0
    assert [file.name for file in tmp_path.iterdir()] == ["bad.jsonl"]


def test_missing_input_checkpoint_or_folder_stops_before_any_work(checkpoint, archive, tmp_path):
    assert "no such file or folder" in netral(checkpoint, tmp_path / "nowhere").output
    assert "holds no checkpoint" in netral(tmp_path, archive).output
    read_only = netral(checkpoint, archive, "--out", "/proc/labelled.jsonl")
    assert read_only.exit_code == 2
    assert "/proc/labelled.jsonl" in read_only.output


def test_a_precision_is_for_a_cpu(checkpoint, archive):
    refused = netral(checkpoint, archive, "--device", "cuda", "--precision", "fp32")
    assert refused.exit_code == 2
    assert "--precision is for a CPU; a GPU computes in bf16" in refused.output


def test_full_disk_is_one_line_and_leaves_nothing(checkpoint, archive, tmp_path):
    """A limit on file size stands for a disk that runs full in mid-write."""

    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    result = subprocess.run(
        [
            sys.executable,
            "-B",
            "-m",
            "pipeline.cli",
            "classify",
            archive,
            "--checkpoint",
            checkpoint,
            "--out",
            tmp_path / "x.jsonl",
        ],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small_files_only,
        cwd=Path(__file__).parents[2],
    )
    assert result.returncode == 2, result.stderr
    assert result.stderr.strip().count("\n") == 0
    assert "File too large" in result.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["archive"]


def test_classifying_imports_nothing_of_the_training_stack(checkpoint, archive):
    heavy = [
        "torch",
        "transformers",
        "datasets",
        "evaluate",
        "mlflow",
        "dvc",
        "sklearn",
        "scipy",
        "pandas",
        "matplotlib",
    ]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({heavy!r}))
from pathlib import Path
from pipeline.apps.classify import classify
classify([{str(archive / "one.jsonl")!r}, {str(archive / "two.csv")!r}], Path({str(checkpoint)!r}), None, "article", "parquet", False)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
