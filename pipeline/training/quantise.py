"""The int8 graph of a checkpoint: weights in 7 bits per column, activations in 8 bits per word piece, as they come.

ONNX Runtime's own dynamic quantisation has one scale for all activations of a batch, so that the scores of a sentence
hang on its neighbours. Here each word piece, a row of a product, has a scale of its own, which is also more exact.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

# Weights in [-63, 63]: on processors with AVX2 and no VNNI a sum of two products with more bits would saturate.
COLUMN_LEVELS = 63
ROW_LEVELS = 127
# Constants of the graph, by the names that they have there.
CONSTANTS = {
    "row_levels": np.float32(ROW_LEVELS),
    "row_least": np.float32(1e-12),  # for a row of zeros
    "row_unit": np.float32(1),
    "row_zero": np.uint8(128),
    "row_axis": np.array([-1]),
}


def quantise(graph: Path, out: Path, attention: bool) -> None:
    """Write ``graph`` with products of activations and weights, and the table of word pieces, in integers.

    The head stays in fp32: it sees one piece of each sentence, and costs nothing.

    Args:
        attention: whether the projections of attention are quantised, too. Weights of very unequal size, which some
            encoders have there, suffer from it; the feed-forward layers are two thirds of the work, and robust.
    """
    model = onnx.load(str(graph))
    weights = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}
    users = {name: user for user in model.graph.node for name in user.input}
    added = {name: np.asarray(value) for name, value in CONSTANTS.items()}
    nodes: list[NodeProto] = []
    quantised: set[str] = set()
    for node in model.graph.node:
        match node.op_type:
            case "MatMul" if node.input[1] in weights and (attention or not _of_attention(users[node.output[0]])):
                activations, name = node.input
                weight = numpy_helper.to_array(weights[name])
                added[f"{name}_int8"], added[f"{name}_scale"] = _integers(weight, axis=0, levels=COLUMN_LEVELS)
                if activations not in quantised:
                    nodes += _rows(activations)
                    quantised.add(activations)
                nodes += _product(activations, name, node.output[0])
            case "Gather" if node.input[1] == "input_ids" and node.input[0] in weights:
                name = node.input[0]
                table = numpy_helper.to_array(weights[name])
                added[f"{name}_int8"], added[f"{name}_scale"] = _integers(table, axis=1, levels=ROW_LEVELS)
                nodes += _look_up(name, node.input[1], node.output[0])
            case _:
                nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *(numpy_helper.from_array(value, name) for name, value in added.items())])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, str(out))


def _of_attention(user: NodeProto) -> bool:
    """Say whether ``user``, which adds the bias to a product, belongs to attention: the bias has the layer's name."""
    return any("attention" in name for name in user.input)


def _integers(weight: NDArray[np.float32], axis: int, levels: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix in integers of at most ``levels``, and the scales, one for each slice along ``axis``."""
    scales = np.abs(weight).max(axis=axis, keepdims=True) / levels
    scales[scales == 0] = 1
    return np.rint(weight / scales).astype(np.int8), (scales[0] if axis == 0 else scales).astype(np.float32)


def _rows(name: str) -> list[NodeProto]:
    """Return the nodes that turn activations, shape ``(sentences, length, width)``, into integers ``NAME_rows``.

    ``NAME_scale``, shape ``(sentences, length, 1)``, has the scale of each row.
    """
    return [
        helper.make_node("Abs", [name], [f"{name}_abs"]),
        helper.make_node("ReduceMax", [f"{name}_abs", "row_axis"], [f"{name}_max"], keepdims=1),
        helper.make_node("Max", [f"{name}_max", "row_least"], [f"{name}_largest"]),
        helper.make_node("Div", [f"{name}_largest", "row_levels"], [f"{name}_scale"]),
        helper.make_node("Div", [name, f"{name}_scale"], [f"{name}_scaled"]),
        helper.make_node("QuantizeLinear", [f"{name}_scaled", "row_unit", "row_zero"], [f"{name}_rows"]),
    ]


def _product(activations: str, weight: str, out: str) -> list[NodeProto]:
    """Return the nodes that multiply rows with columns, both in integers, and give the product back its scale."""
    operands = [f"{activations}_rows", f"{weight}_int8", "row_unit", f"{weight}_scale", "row_zero"]
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
