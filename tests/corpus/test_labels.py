import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.corpus.labels import load_labels
from pipeline.errors import InputError

ROOT = Path(__file__).parents[2]
LABEL = "{{name: {name}, indonesian: imbauan, definition: Urges someone to do something., colour: '{colour}'}}"


def write(folder: Path, *labels: dict[str, str]) -> Path:
    lines = [LABEL.format(**{"name": "appeal", "colour": "#0072B2", **label}) for label in labels]
    (folder / "labels.yaml").write_text("labels:\n" + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
    return folder / "labels.yaml"


def test_shipped_labels_keep_their_column_order():
    assert load_labels(ROOT / "configs" / "labels.yaml").names == ["appeal", "prohibition", "sanction", "logistics"]


def test_order_of_the_file_is_the_order_of_columns(tmp_path):
    assert load_labels(write(tmp_path, {"name": "b"}, {"name": "c"}, {"name": "a"})).names == ["b", "c", "a"]


@pytest.mark.parametrize("name", ["Appeal", "1st", "with-dash", "larangan besar", "''"])
def test_name_that_is_no_column_name_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"labels\.yaml: 'labels\.0\.name': string should"):
        load_labels(write(tmp_path, {"name": name}))


@pytest.mark.parametrize("colour", ["blue", "#0072B", "0072B2"])
def test_colour_is_six_hexadecimal_digits(tmp_path, colour):
    with pytest.raises(InputError, match=r"'labels\.0\.colour': string should match pattern"):
        load_labels(write(tmp_path, {"colour": colour}))


def test_two_labels_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="two labels have the same name"):
        load_labels(write(tmp_path, {"name": "appeal"}, {"name": "appeal"}))


def test_no_labels_are_refused(tmp_path):
    (tmp_path / "labels.yaml").write_text("labels: []\n")
    with pytest.raises(InputError, match=r"'labels': tuple should have at least 1 item"):
        load_labels(tmp_path / "labels.yaml")


def test_no_label_is_called_like_a_column_or_a_figure(tmp_path, workplace):
    """Whatever the tables and figures of a run are called, except after the labels themselves."""
    from pipeline.apps.batch.tables import article_schema, sentence_schema

    own = ["appeal", "prohibition", "sanction", "logistics"]
    taken = {
        *article_schema(own),
        *sentence_schema(own, "article"),
        *sentence_schema(own, "sentence"),
    }
    taken |= set(pq.read_schema(workplace / "reports/evaluation/predictions.parquet").names)
    taken |= set(json.loads((workplace / "reports/metrics.json").read_text())["test"])
    taken |= set(json.loads((workplace.dataset / "summary.json").read_text())["splits"]["train"])
    for name in sorted(taken - set(own)):
        with pytest.raises(InputError, match=rf"labels\.yaml: {name}: the name of a column or of a figure") as caught:
            load_labels(write(tmp_path, {"name": name}))
        assert "\n" not in str(caught.value)
