"""The dataset as training reads it."""

import copy

import datasets
import pytest
import torch

from pipeline.errors import InputError
from pipeline.training.data import HiddenPieces, encode, label_matrix, load_split

ROWS = datasets.Dataset.from_dict(
    {
        "text": ["bupati meminta pegawai menjaga netralitas", "pegawai"],
        "labels": [["appeal", "logistics"], []],
        "index": [0, 1],
    }
)
LABELS = ["appeal", "sanction", "logistics"]


def test_a_split_has_the_rows_of_the_dataset_stage(workplace):
    rows = load_split(workplace.dataset, "validation")
    assert {"article_id", "text", "labels"} <= set(rows.column_names)
    assert len(rows) > 0


def test_a_missing_split_names_the_stage_that_makes_it(tmp_path):
    with pytest.raises(InputError, match=r"test.parquet: no such file; run 'dvc repro dataset' first"):
        load_split(tmp_path, "test")


def test_labels_become_columns_in_the_declared_order():
    assert label_matrix(ROWS, ["appeal", "sanction", "logistics"]).tolist() == [[1, 0, 1], [0, 0, 0]]
    assert label_matrix(ROWS, ["sanction", "logistics", "appeal"]).tolist() == [[0, 1, 1], [0, 0, 0]]


def encoded(tokenizer, rows: datasets.Dataset = ROWS, max_length: int = 48) -> list[dict]:
    return encode(rows["text"], label_matrix(rows, LABELS), tokenizer, max_length, taught=0.0)


def test_encoded_rows_have_nothing_but_what_training_takes(tiny_tokenizer):
    rows = encoded(tiny_tokenizer)
    assert set(rows[0]) == {"input_ids", "attention_mask", "labels", "taught"}
    assert rows[0]["labels"].tolist() == [1.0, 0.0, 1.0]
    assert rows[1]["input_ids"] == tiny_tokenizer("pegawai")["input_ids"]
    assert all(row["attention_mask"] == [1] * len(row["input_ids"]) for row in rows)


def test_encoded_rows_are_cut_at_the_limit_with_their_end_mark(tiny_tokenizer):
    long = encoded(tiny_tokenizer, max_length=8)[0]["input_ids"]
    assert len(long) == 8
    assert long[-1] == tiny_tokenizer.sep_token_id


def test_about_the_asked_for_share_of_pieces_is_hidden_and_others_each_time(tiny_tokenizer):
    torch.manual_seed(0)
    rows = encoded(tiny_tokenizer, ROWS.select([0] * 400))
    hidden = HiddenPieces(rows, tiny_tokenizer, 0.3)
    whole, *readings = (torch.tensor([row["input_ids"] for row in source]) for source in (rows, hidden, hidden))
    masks = [reading == tiny_tokenizer.mask_token_id for reading in readings]
    for reading, mask in zip(readings, masks, strict=True):
        assert torch.equal(reading[~mask], whole[~mask])
        assert mask[:, 1:-1].float().mean().item() == pytest.approx(0.3, abs=0.03)
        assert not mask[:, [0, -1]].any()  # begin and end marks
    assert not torch.equal(*masks)
    assert all((one["labels"] == other["labels"]).all() for one, other in zip(hidden, rows, strict=True))


def test_a_tokenizer_that_cannot_hide_pieces_is_refused(tiny_tokenizer):
    bare = copy.deepcopy(tiny_tokenizer)
    bare.mask_token = None
    with pytest.raises(InputError, match="the encoder's tokenizer has no mask piece; set hidden_pieces to 0"):
        HiddenPieces(encoded(bare), bare, 0.1)


def test_reading_a_split_leaves_nothing_in_the_cache(workplace, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    assert load_split(workplace.dataset, "validation")["text"][0]
    assert not (tmp_path / "cache").exists()
