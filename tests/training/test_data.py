"""The dataset as training reads it."""

import datasets
import pytest
import torch

from pipeline.errors import InputError
from pipeline.training.data import encode, hide_pieces, label_matrix, load_split

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


def test_encoded_rows_have_nothing_but_what_the_model_takes(tiny_tokenizer):
    encoded = encode(ROWS, tiny_tokenizer, LABELS, max_length=48)
    assert set(encoded.column_names) == {"input_ids", "attention_mask", "labels"}
    assert encoded["labels"][0] == [1.0, 0.0, 1.0]
    assert encoded["input_ids"][1] == tiny_tokenizer("pegawai")["input_ids"]


def test_encoded_rows_are_cut_at_the_limit_with_their_end_mark(tiny_tokenizer):
    (long, _) = encode(ROWS, tiny_tokenizer, LABELS, max_length=8)["input_ids"]
    assert len(long) == 8
    assert long[-1] == tiny_tokenizer.sep_token_id


def test_about_the_asked_for_share_of_pieces_is_hidden_and_others_each_time(tiny_tokenizer):
    torch.manual_seed(0)
    encoded = encode(ROWS.select([0] * 400), tiny_tokenizer, LABELS, max_length=48)
    hidden = hide_pieces(encoded, tiny_tokenizer, 0.3)
    whole, *readings = (torch.tensor(rows["input_ids"][:]) for rows in (encoded, hidden, hidden))
    masks = [reading == tiny_tokenizer.mask_token_id for reading in readings]
    for reading, mask in zip(readings, masks, strict=True):
        assert torch.equal(reading[~mask], whole[~mask])
        assert mask[:, 1:-1].float().mean().item() == pytest.approx(0.3, abs=0.03)
        assert not mask[:, [0, -1]].any()  # begin and end marks
    assert not torch.equal(*masks)
    assert hidden["labels"][:] == encoded["labels"][:]


def test_nothing_is_hidden_unasked(tiny_tokenizer):
    encoded = encode(ROWS, tiny_tokenizer, LABELS, max_length=48)
    assert hide_pieces(encoded, tiny_tokenizer, 0.0)["input_ids"][:] == encoded["input_ids"][:]
