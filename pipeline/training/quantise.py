"""The int8 graph of a checkpoint: weights in integers per column, activations in 8 bits, by one of three schemes.

ONNX Runtime's own dynamic quantisation has one scale for all activations of a batch, so that the scores of a sentence
hang on its neighbours. Here a scale is either fixed when the graph is made, or each word piece, a row of a product, has
its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from pipeline.classifier.checkpoint import Scheme
from pipeline.training.activations import Activation, is_product, matrices
from pipeline.training.rounding import round_columns

# From the quickest to the most exact. Fixed ranges take one pass over the activations, scales per word piece six, but what
# lies outside a range is clipped. Weights of very unequal size, which some encoders have in attention, suffer from both
# schemes; the feed-forward layers are two thirds of the work, and robust.
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
ROW_LEVELS = 127
# Constants of the graph, by the names that they have there.
CONSTANTS = {
    "row_levels": np.float32(ROW_LEVELS),
    "row_least": np.float32(1e-12),  # for a row of zeros
    "row_unit": np.float32(1),
    "row_zero": np.uint8(128),
    "row_axis": np.array([-1]),
}


Rounded = tuple[NDArray[np.int8], NDArray[np.float32]]


def round_weights(graph: Path, activations: Mapping[str, Activation]) -> dict[str, Rounded]:
    """Return the integers and scales of every matrix that ``graph`` multiplies with activations, by its name.

    They are the same in every scheme; of a large encoder they take minutes.
    """
    model = onnx.load(str(graph))
    weights = matrices(model)
    products = {node.input[1]: node.input[0] for node in model.graph.node if is_product(node, weights)}
    return {
        name: round_columns(numpy_helper.to_array(weights[name]), activations[given].moments)
        for name, given in products.items()
    }


def quantise(
    graph: Path, out: Path, scheme: Scheme, activations: Mapping[str, Activation], rounded: Mapping[str, Rounded]
) -> None:
    """Write ``graph`` with products of activations and weights, and the table of word pieces, in integers.

    The head stays in fp32: it sees one piece of each sentence, and costs nothing. GELU is computed by its usual approximation
    with tanh, which takes two thirds of the time and is off by less than the rounding to integers that follows.

    Args:
        scheme: of the activations; see :data:`SCHEMES`.
        activations: those of ``graph``, from :func:`~pipeline.training.activations.observe`.
        rounded: its weights, from :func:`round_weights`.
    """
    model = onnx.load(str(graph))
    weights = matrices(model)
    vectors = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 1}
    users = {name: user for user in model.graph.node for name in user.input}
    added = {name: np.asarray(value) for name, value in CONSTANTS.items()}
    nodes: list[NodeProto] = []
    written: set[str] = set()

    def write(*new: NodeProto) -> None:
        nodes.extend(new)
        written.update(name for node in new for name in node.output)

    for node in model.graph.node:
        if node.output[0] in written:
            continue  # the bias that is part of a product
        if is_product(node, weights) and not (scheme == "feed-forward" and _of_attention(users[node.output[0]])):
            given, name = node.input
            added[f"{name}_int8"], added[f"{name}_scale"] = rounded[name]
            if f"{given}_integers" not in written:
                write(*(_fixed_integers if scheme == "static" else _row_integers)(given))
            if scheme == "static":
                added |= _fixed_scale(given, activations[given])
                write(_fixed_product(given, name, node.output[0], users[node.output[0]], vectors))
            else:
                write(*_row_product(given, name, node.output[0]))
        elif node.op_type == "Gather" and node.input[1] == "input_ids" and node.input[0] in weights:
            name = node.input[0]
            added[f"{name}_int8"], added[f"{name}_scale"] = _round_rows(numpy_helper.to_array(weights[name]))
            write(*_look_up(name, node.input[1], node.output[0]))
        elif node.op_type == "Gelu":
            write(helper.make_node("Gelu", node.input, node.output, approximate="tanh"))
        else:
            write(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in added.items() if name in used
    )
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, str(out))


def _of_attention(user: NodeProto) -> bool:
    """Say whether ``user``, which adds the bias to a product, belongs to attention: the bias has the layer's name."""
    return any("attention" in name for name in user.input)


def _round_rows(table: NDArray[np.float32]) -> Rounded:
    """Return a table in integers, and the scale of each of its rows, shape ``(rows, 1)``."""
    scales = np.abs(table).max(axis=1, keepdims=True) / ROW_LEVELS
    scales[scales == 0] = 1
    return np.rint(table / scales).astype(np.int8), scales.astype(np.float32)


def _fixed_scale(name: str, activation: Activation) -> dict[str, NDArray[np.generic]]:
    """Return the constants of activations in a fixed range: a scale, and the integer that stands for 0."""
    scale = max(activation.largest - activation.least, 1e-12) / 255
    zero = round(-activation.least / scale)
    return {f"{name}_scale": np.array(scale, np.float32), f"{name}_zero": np.array(zero, np.uint8)}


def _fixed_integers(name: str) -> list[NodeProto]:
    """Return the node that turns activations into integers ``NAME_integers`` of a fixed scale."""
    return [helper.make_node("QuantizeLinear", [name, f"{name}_scale", f"{name}_zero"], [f"{name}_integers"])]


def _fixed_product(activations: str, weight: str, out: str, user: NodeProto, vectors: set[str]) -> NodeProto:
    """Return the node that multiplies integers of a fixed scale with columns; it adds the bias as well, if its ``user`` does."""
    bias = next((name for name in user.input if name in vectors), "") if user.op_type == "Add" else ""
    operands = [f"{activations}_integers", f"{weight}_int8", f"{activations}_scale", f"{weight}_scale"]
    operands += [f"{activations}_zero", "", bias]
    return helper.make_node("MatMulIntegerToFloat", operands, [user.output[0] if bias else out], domain="com.microsoft")


def _row_integers(name: str) -> list[NodeProto]:
    """Return the nodes that turn activations, shape ``(sentences, length, width)``, into integers ``NAME_integers``.

    ``NAME_scale``, shape ``(sentences, length, 1)``, has the scale of each row.
    """
    return [
        helper.make_node("Abs", [name], [f"{name}_abs"]),
        helper.make_node("ReduceMax", [f"{name}_abs", "row_axis"], [f"{name}_max"], keepdims=1),
        helper.make_node("Max", [f"{name}_max", "row_least"], [f"{name}_largest"]),
        helper.make_node("Div", [f"{name}_largest", "row_levels"], [f"{name}_scale"]),
        helper.make_node("Div", [name, f"{name}_scale"], [f"{name}_scaled"]),
        helper.make_node("QuantizeLinear", [f"{name}_scaled", "row_unit", "row_zero"], [f"{name}_integers"]),
    ]


def _row_product(activations: str, weight: str, out: str) -> list[NodeProto]:
    """Return the nodes that multiply rows with columns, both in integers, and give the product back its scale."""
    operands = [f"{activations}_integers", f"{weight}_int8", "row_unit", f"{weight}_scale", "row_zero"]
    return [
        helper.make_node("MatMulIntegerToFloat", operands, [f"{out}_unscaled"], domain="com.microsoft"),
        helper.make_node("Mul", [f"{out}_unscaled", f"{activations}_scale"], [out]),
    ]


def _look_up(table: str, ids: str, out: str) -> list[NodeProto]:
    """Return the nodes that fetch rows of a table in integers, and give them back their scale."""
    return [
        helper.make_node("Gather", [f"{table}_int8", ids], [f"{out}_int8"]),
        helper.make_node("Cast", [f"{out}_int8"], [f"{out}_unscaled"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Gather", [f"{table}_scale", ids], [f"{out}_table_scale"]),
        helper.make_node("Mul", [f"{out}_unscaled", f"{out}_table_scale"], [out]),
    ]
