"""What a graph multiplies with its weights, seen on some sentences: what quantisation has to go by."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper

from pipeline.classifier.batches import Batch


@dataclass
class Activation:
    """One activation of a graph, over all word pieces seen.

    Attributes:
        least, largest: of its values, and 0.
        moments: shape ``(width, width)``: sums of the products of its features, two at a time.
    """

    least: float
    largest: float
    moments: NDArray[np.float32]


def observe(graph: Path, batches: Iterable[Batch]) -> dict[str, Activation]:
    """Return every activation that ``graph`` multiplies with weights, by its name."""
    model = onnx.load(str(graph))
    weights = matrices(model)
    widths = {node.input[0]: weights[node.input[1]].dims[0] for node in model.graph.node if is_product(node, weights)}
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in widths)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = {name: Activation(0.0, 0.0, np.zeros((width, width), np.float32)) for name, width in widths.items()}
    for batch in batches:
        pieces = batch.attention_mask.astype(bool)
        found = session.run(list(seen), {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask})
        for activation, values in zip(seen.values(), found, strict=True):
            # Behind the last attention, of the first piece of each sentence alone. Padding matters nowhere.
            rows = values[pieces[:, : values.shape[1]]]
            activation.least = min(activation.least, float(rows.min()))
            activation.largest = max(activation.largest, float(rows.max()))
            activation.moments += rows.T @ rows
    return seen


def matrices(model: ModelProto) -> dict[str, TensorProto]:
    """Return the constants of a graph that are matrices, by their names."""
    return {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}


def is_product(node: NodeProto, weights: dict[str, TensorProto]) -> bool:
    """Say whether ``node`` multiplies activations with one of ``weights``."""
    return node.op_type == "MatMul" and node.input[1] in weights
