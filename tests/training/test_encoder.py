"""Base encoders, from a folder and from the hub's cache, in the layout that Indonesian BERT and ALBERT came with."""

import json
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from transformers import AlbertConfig, AlbertForPreTraining, BertConfig, BertForPreTraining

from pipeline.corpus.labels import load_labels
from pipeline.corpus.segment import SegmentConfig
from pipeline.errors import InputError
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import Decision
from pipeline.training.encoder import load_encoder
from pipeline.training.export import assert_equal, export
from pipeline.training.fine_tune import TrainConfig, fine_tune
from pipeline.training.model_card import CorpusFacts
from pipeline.training.parity import Bounds

LABELS = ["appeal", "prohibition", "sanction", "logistics"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BERT, ALBERT = "indobenchmark/indobert-base-p1", "indobenchmark/indobert-lite-base-p1"
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def write_cached(cache: Path, name: str, model: torch.nn.Module, config: dict, vocabulary: list[str]) -> Path:
    """Write a checkpoint as the hub's client caches it, with nothing but the three files that IndoBERT has."""
    folder = cache / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text(COMMIT)
    torch.save(model.state_dict(), snapshot / "pytorch_model.bin")
    (snapshot / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    own = [f"LABEL_{number}" for number in range(5)]
    config |= {
        "_num_labels": 5,
        "id2label": dict(enumerate(own)),
        "label2id": {label: number for number, label in enumerate(own)},
    }
    (snapshot / "config.json").write_text(json.dumps(config))
    return snapshot


@pytest.fixture(scope="module")
def hub(tiny_tokenizer, tmp_path_factory):
    """A hub's cache with a BERT and an ALBERT, and no way to the hub itself; gives the snapshot of each."""
    cache = tmp_path_factory.mktemp("hub")
    pieces = tiny_tokenizer.convert_ids_to_tokens(range(len(tiny_tokenizer)))
    torch.manual_seed(0)
    bert = BertForPreTraining(BertConfig(vocab_size=len(pieces), **SHAPE))
    albert = AlbertForPreTraining(AlbertConfig(vocab_size=len(pieces), embedding_size=16, **SHAPE))
    bert_config = SHAPE | {"model_type": "bert", "vocab_size": len(pieces)}
    albert_config = SHAPE | {"model_type": "albert", "vocab_size": len(pieces), "embedding_size": 16, "pad_token_id": 0}
    snapshots = {
        BERT: write_cached(cache, BERT, bert, bert_config, pieces),
        ALBERT: write_cached(cache, ALBERT, albert, albert_config, pieces),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
        yield snapshots


EMBEDDINGS = "embeddings.word_embeddings.weight"


@pytest.mark.parametrize("name", [BERT, ALBERT])
@pytest.mark.parametrize("revision", [COMMIT, None])
def test_an_encoder_of_the_hub_brings_its_weights_and_takes_our_labels(hub, name, revision):
    encoder = load_encoder(name, revision, LABELS)
    assert encoder.revision == COMMIT
    assert encoder.model.config.id2label == dict(enumerate(LABELS))
    assert encoder.model.config.label2id == {label: number for number, label in enumerate(LABELS)}
    assert encoder.model.config.problem_type == "multi_label_classification"
    assert encoder.model(torch.tensor([[2, 3]])).logits.shape == (1, 4)
    stored = torch.load(hub[name] / "pytorch_model.bin", weights_only=True)
    body = encoder.model.base_model
    assert torch.equal(body.get_parameter(EMBEDDINGS), stored[f"{body.base_model_prefix}.{EMBEDDINGS}"])
    last = [key for key in stored if key.startswith(f"{body.base_model_prefix}.encoder")][-2:]
    for key in last:
        assert torch.equal(body.get_parameter(key.split(".", 1)[1]), stored[key])


@pytest.mark.parametrize("name", [BERT, ALBERT])
@pytest.mark.usefixtures("hub")
def test_a_vocabulary_alone_makes_a_fast_tokenizer(name, tiny_tokenizer):
    tokenizer = load_encoder(name, COMMIT, LABELS).tokenizer
    text = "Bupati meminta seluruh pegawai menjaga netralitas."
    assert tokenizer.is_fast
    assert tokenizer(text)["input_ids"] == tiny_tokenizer(text)["input_ids"]


@pytest.mark.parametrize("name", [BERT, ALBERT])
@pytest.mark.usefixtures("hub")
def test_an_encoder_of_the_hub_is_fine_tuned_and_exported(name, workplace, tmp_path):
    train, validation = (load_split(workplace.dataset, split) for split in ("train", "validation"))
    settings = json.loads((workplace / "configs/train.yaml").read_text())
    config = TrainConfig(**settings | {"encoder": name, "revision": COMMIT, "epochs": 1})
    tuned = fine_tune(train, validation, LABELS, config, tmp_path / "work")
    assert tuned.revision == COMMIT
    out = tmp_path / "exported"
    out.mkdir()
    manifest = export(
        model=tuned.model,
        tokenizer=tuned.tokenizer,
        decision=Decision(slopes=[1.2] * 4, intercepts=[-0.3] * 4, thresholds=[0.5] * 4),
        labels=load_labels(workplace / "configs/labels.yaml"),
        segmentation=SegmentConfig(),
        training=json.loads((workplace / "models/fine-tuned/training.json").read_text())
        | {"config": config.model_dump(), "revision": tuned.revision},
        metrics=json.loads((workplace / "reports/metrics.json").read_text()),
        facts=CorpusFacts(),
        examples=train["text"][:50],
        texts=validation["text"],
        truth=label_matrix(validation, LABELS),
        bounds=Bounds(f1_loss=0.003, agreement=0.995),
        out=out,
    )
    assert (manifest.encoder, manifest.revision) == (name, COMMIT)
    assert assert_equal(out, [*validation["text"], "pegawai " * 80]) < 1e-4


@pytest.mark.usefixtures("hub")
def test_an_encoder_that_is_not_cached_points_to_the_one_that_ships():
    with pytest.raises(InputError, match="encoder: models/encoder") as refusal:
        load_encoder("indobenchmark/indobert-large-p2", COMMIT, LABELS)
    message = str(refusal.value)
    assert message.startswith(
        "indobenchmark/indobert-large-p2: cannot be had from the Hugging Face hub (HF_HUB_OFFLINE"
    )
    assert "\n" not in message


@pytest.mark.usefixtures("hub")
def test_a_commit_that_is_not_cached_is_not_replaced_by_another():
    with pytest.raises(InputError, match="cannot be had from the Hugging Face hub"):
        load_encoder(BERT, "f" * 40, LABELS)


def test_a_head_of_other_labels_is_replaced(tiny_encoder, tmp_path):
    other = load_encoder(str(tiny_encoder), None, ["x", "y", "z"])
    other.model.save_pretrained(tmp_path)
    other.tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path), None, LABELS)
    assert encoder.model.config.id2label == dict(enumerate(LABELS))
    assert encoder.model(torch.tensor([[2, 3]])).logits.shape == (1, 4)


def test_a_local_encoder_has_no_revision(tiny_encoder):
    encoder = load_encoder(str(tiny_encoder), None, LABELS)
    assert encoder.revision is None
    assert encoder.tokenizer.is_fast
    assert encoder.model.dtype == torch.float32


@pytest.mark.parametrize("name", ["models/none/at-all", "none"])
def test_what_is_neither_folder_nor_hub_name_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=rf"^{name}: no such folder, and no name on the Hugging Face hub"):
        load_encoder(name, None, LABELS)


def test_a_folder_without_an_encoder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no encoder \(no config.json\); run 'netral pretrain'"):
        load_encoder(str(tmp_path), None, LABELS)


DAMAGES = [
    ("config.json", b"{"),
    ("config.json", b"{}"),
    ("model.safetensors", b"short"),
    ("model.safetensors", None),
    ("pytorch_model.bin", b""),
    ("pytorch_model.bin", b"no weights"),
    ("tokenizer.json", b"{"),
    ("tokenizer.json", None),
    ("vocab.txt", b""),
    ("vocab.txt", b"\xff\xfe"),
    ("vocab.txt", b"\n".join(b"piece%d" % number for number in range(1000))),
]


@pytest.mark.parametrize(("file", "content"), DAMAGES)
def test_a_damaged_encoder_is_refused_in_one_line(tiny_encoder, tmp_path, file, content):
    instead_of = {"pytorch_model.bin": "model.safetensors", "vocab.txt": "tokenizer.json"}.get(file, file)
    for path in tiny_encoder.iterdir():
        if path.name != instead_of:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match="holds no usable encoder: ") as refusal:
        load_encoder(str(tmp_path), None, LABELS)
    assert "\n" not in str(refusal.value)


def test_weights_that_hold_code_are_refused(tiny_encoder, tmp_path):
    """A pickle can run anything when it is read; tensors are all that is read."""
    for path in tiny_encoder.iterdir():
        if path.name != "model.safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({"bert.pooler.dense.bias": Ran(str(tmp_path / "ran"))}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds no usable encoder: "):
        load_encoder(str(tmp_path), None, LABELS)
    assert not (tmp_path / "ran").exists()


class Ran:
    """Leaves a file where its pickle is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")
