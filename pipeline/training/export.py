"""A fine-tuned model to a checkpoint: calibration folded in, graphs written and compared, equality asserted."""

import copy
import platform
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, pipeline

from pipeline.classifier.batches import batches
from pipeline.classifier.checkpoint import GRAPHS, MANIFEST, TOKENIZER, Manifest, version_of
from pipeline.classifier.pieces import SentenceTokenizer
from pipeline.classifier.predict import Classifier
from pipeline.corpus.labels import Labels
from pipeline.corpus.segment import SegmentConfig
from pipeline.files import sha256, write_json
from pipeline.training.activations import observe
from pipeline.training.decision import Decision
from pipeline.training.metrics import Truth
from pipeline.training.model_card import CorpusFacts, checkpoint_card
from pipeline.training.parity import Bounds, choose_precision, measure_parity
from pipeline.training.quantise import SCHEMES, quantise, round_weights

# Largest difference of probabilities between transformers and the runtime, fp32.
TOLERANCE = 1e-4
# Encoders of one build whose classification heads read the first piece.
FIRST_PIECE_MODELS = ("bert", "electra", "roberta", "xlm-roberta")
LIBRARIES = ("torch", "transformers", "tokenizers", "datasets", "onnx", "onnxruntime", "numpy", "scikit-learn")


def fold_calibration(model: PreTrainedModel, decision: Decision) -> PreTrainedModel:
    """Return a copy of ``model`` whose sigmoid outputs are the calibrated probabilities.

    Calibration maps each logit linearly, and so does the last layer: both are one.
    """
    folded = copy.deepcopy(model)
    folded.eval()
    head = output_layer(folded)
    slopes = torch.tensor(decision.slopes, dtype=torch.float32)
    with torch.no_grad():
        head.weight.mul_(slopes[:, None])
        head.bias.mul_(slopes).add_(torch.tensor(decision.intercepts, dtype=torch.float32))
    return folded


def output_layer(model: PreTrainedModel) -> nn.Linear:
    """Return the linear layer whose outputs are the logits: the last one of the classification head."""
    linears = [module for module in model.get_submodule("classifier").modules() if isinstance(module, nn.Linear)]
    return linears[-1]


class _Graph(nn.Module):
    """The model as a function of two tensors: what the ONNX graph computes."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits of shape ``(sentences, labels)`` for two int64 tensors of shape ``(sentences, length)``."""
        # What transformers would add to the attention scores, but shape (sentences, 1, 1, length): one row for all pieces.
        hidden = (1 - attention_mask[:, None, None, :]).to(torch.float32) * torch.finfo(torch.float32).min
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=hidden).logits
        return logits


def write_graph(model: PreTrainedModel, path: Path) -> None:
    """Write ``model`` as an ONNX graph with free numbers of sentences and word pieces."""
    model = copy.deepcopy(model)
    # Attention in its plain form makes the graph without detours, and the runtime the quickest.
    model.set_attn_implementation("eager")
    _first_piece_only(model)
    # Two tensors, not one given twice: the exporter would take them for one input.
    sample = torch.ones(2, 16, dtype=torch.int64), torch.ones(2, 16, dtype=torch.int64)
    free = {0: torch.export.Dim("sentences"), 1: torch.export.Dim("length", max=model.config.max_position_embeddings)}
    torch.onnx.export(
        _Graph(model).eval(),
        sample,
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamo=True,
        dynamic_shapes={"input_ids": free, "attention_mask": free},
        external_data=False,
        verbose=False,
    )
    written = onnx.load(str(path))
    # The exporter's shape annotations are frozen to the sample in places, which stops later quantisation.
    written.graph.ClearField("value_info")
    # Where in which file each node comes from: a checkpoint is the same wherever it was made.
    for part in (
        written,
        written.graph,
        *written.graph.node,
        *written.graph.initializer,
        *written.graph.input,
        *written.graph.output,
    ):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(written, str(path))


def _first_piece_only(model: PreTrainedModel) -> None:
    """Let the last layer of ``model`` ask for the first piece of each sentence alone, and go on with it.

    The head reads no other piece. Of a small encoder this saves a fifth of all work; results are the same.
    """
    if model.config.model_type in FIRST_PIECE_MODELS:
        last = list(model.base_model.get_submodule("encoder.layer").children())[-1]
        attention = last.get_submodule("attention.self")
        attention.forward = partial(_attend_from_first_piece, attention)
        last.get_submodule("attention.output").register_forward_pre_hook(
            lambda _, arguments: tuple(given[:, :1] for given in arguments)
        )


def _attend_from_first_piece(
    attention: Any, hidden_states: torch.Tensor, attention_mask: torch.Tensor, *_: object, **__: object
) -> tuple[torch.Tensor, None]:
    """Stand in for ``forward`` of ``BertSelfAttention`` and its like, with one query: that of the first piece.

    With a single query, no piece needs a key and a value of its own: the weights of the keys are applied to the query, and
    those of the values to what it has gathered. The bias of the keys adds the same to all scores, which changes nothing.

    Args:
        hidden_states: shape ``(sentences, length, width)``.
        attention_mask: added to the scores, shape ``(sentences, 1, 1, length)``.

    Returns:
        What the first piece has gathered, shape ``(sentences, 1, width)``, without the weights of attention.
    """
    by_head = attention.num_attention_heads, attention.attention_head_size
    keys, values = (layer.weight.unflatten(0, by_head) for layer in (attention.key, attention.value))
    query = attention.query(hidden_states[:, :1]).squeeze(1).unflatten(1, by_head).transpose(0, 1)
    asked = (query @ keys).transpose(0, 1) * attention.scaling  # (sentences, heads, width)
    weights = torch.softmax(asked @ hidden_states.transpose(1, 2) + attention_mask.squeeze(1), dim=-1)
    gathered = (weights @ hidden_states).transpose(0, 1)  # (heads, sentences, width)
    context = (gathered @ values.transpose(1, 2)).transpose(0, 1)
    return context.flatten(1).unsqueeze(1) + attention.value.bias, None


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    decision: Decision,
    labels: Labels,
    segmentation: SegmentConfig,
    training: dict[str, Any],
    metrics: dict[str, Any],
    facts: CorpusFacts,
    examples: Sequence[str],
    texts: Sequence[str],
    truth: Truth,
    bounds: Bounds,
    out: Path,
) -> Manifest:
    """Write the checkpoint to the empty folder ``out`` and return its manifest.

    Args:
        training: the train stage's ``training.json``.
        metrics: the evaluate stage's ``metrics.json``.
        facts: what the model card says of the corpus.
        examples: training sentences: int8 is fitted to what the model makes of them.
        texts, truth: validation sentences and their labels, shape ``(sentences, labels)``: they decide on the precision.
    """
    max_length: int = training["config"]["max_length"]
    folded = fold_calibration(model, decision)
    folded.config.problem_type = "multi_label_classification"
    folded.save_pretrained(out)
    tokenizer.model_max_length = max_length
    tokenizer.save_pretrained(out)
    write_graph(folded, out / GRAPHS["fp32"])
    observed = SentenceTokenizer(out / TOKENIZER, max_length).encode(examples)
    activations = observe(out / GRAPHS["fp32"], batches(observed.ids))
    rounded = round_weights(out / GRAPHS["fp32"], activations)
    for scheme in SCHEMES:
        quantise(out / GRAPHS["fp32"], out / GRAPHS["int8"], scheme, activations, rounded)
        parity = measure_parity(out, texts, truth, labels.names, decision.thresholds, max_length)
        precision, reason = choose_precision(parity, bounds)
        if precision == "int8":
            break
    card = checkpoint_card(labels, training, metrics, facts, parity, precision, reason, scheme)
    (out / "README.md").write_text(card, encoding="utf-8")
    manifest = Manifest(
        version="",
        labels=labels.labels,
        thresholds=dict(zip(labels.names, decision.thresholds, strict=True)),
        max_length=max_length,
        segmentation=segmentation,
        precision=precision,
        precision_reason=reason,
        scheme=scheme,
        parity=parity,
        encoder=training["config"]["encoder"],
        revision=training["revision"],
        dataset=training["dataset"],
        metrics={name: value for name, value in metrics["test"].items() if isinstance(value, float)},
        libraries={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        files={path.name: sha256(path) for path in sorted(out.iterdir())},
    )
    manifest = manifest.model_copy(update={"version": version_of(manifest.model_dump(mode="json"))})
    write_json(out / MANIFEST, manifest.model_dump(mode="json"))
    return manifest


def assert_equal(folder: Path, texts: Sequence[str]) -> float:
    """Assert that transformers' own pipeline and our runtime agree on ``texts``; return the largest difference in fp32.

    In int8, where that is the default, they may differ by as much as the parity report says.

    Args:
        texts: of the sentences that the parity report is about.

    Raises:
        RuntimeError: they differ by more than :data:`TOLERANCE`.
    """
    exact = Classifier(folder, "fp32")
    manifest = exact.manifest
    reference = pipeline(
        "text-classification", str(folder), top_k=None, device="cpu", truncation=True, max_length=manifest.max_length
    )
    # Annotated for one label per text; with ``top_k=None`` it returns all of them.
    given = cast("list[list[dict[str, Any]]]", reference(list(texts)))
    by_label = [{entry["label"]: entry["score"] for entry in entries} for entries in given]
    theirs = np.array([[scores[name] for name in manifest.names] for scores in by_label])
    difference = float(np.abs(theirs - exact.score(texts).probabilities).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"transformers and the runtime differ by {difference:.2g} in probability")
    if manifest.precision == "int8":
        rounded = float(np.abs(theirs - Classifier(folder, "int8").score(texts).probabilities).max())
        if not rounded <= manifest.parity.probability_difference + TOLERANCE:
            raise RuntimeError(
                f"transformers and the runtime in int8 differ by {rounded:.2g} in probability, "
                f"the parity report says {manifest.parity.probability_difference:.2g}"
            )
    return difference
