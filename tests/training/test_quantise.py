"""The int8 graph: each word piece by itself, near the fp32 graph, in a third of its bytes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from pipeline.training.quantise import quantise

WIDTH = 32


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """A graph that looks ids up in a table and multiplies twice: a projection of attention, and one that is none."""
    generator = np.random.default_rng(0)
    table, first, second = (
        generator.normal(size=shape).astype(np.float32) for shape in [(50, WIDTH)] + 2 * [(WIDTH,) * 2]
    )
    weights = {"table": table, "first": first, "second": second}
    weights |= {name: np.zeros(WIDTH, np.float32) for name in ("layer.attention.query.bias", "layer.output.bias")}
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"]),
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("Add", ["a", "layer.attention.query.bias"], ["b"]),
        helper.make_node("MatMul", ["x", "second"], ["c"]),
        helper.make_node("Add", ["c", "layer.output.bias"], ["d"]),
        helper.make_node("Add", ["b", "d"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["n", "length"])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["n", "length", WIDTH])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path = tmp_path_factory.mktemp("graph") / "layer.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), str(path))
    return path


def run(path, ids) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": np.asarray(ids, dtype=np.int64)})[0]


@pytest.mark.parametrize("attention", [True, False])
def test_integers_come_near(layer, tmp_path, attention):
    quantise(layer, tmp_path / "int8.onnx", attention)
    ids = np.arange(48).reshape(6, 8)
    exact, near = run(layer, ids), run(tmp_path / "int8.onnx", ids)
    assert 0 < np.abs(near - exact).max() < 0.03 * np.abs(exact).max()


def test_no_piece_depends_on_another(layer, tmp_path):
    """With one scale for the whole batch, as ONNX Runtime's own dynamic quantisation has it, this fails."""
    quantise(layer, tmp_path / "int8.onnx", True)
    together = run(tmp_path / "int8.onnx", np.arange(48).reshape(6, 8))
    for number in range(48):
        alone = run(tmp_path / "int8.onnx", [[number]])
        assert np.array_equal(alone[0, 0], together.reshape(48, WIDTH)[number])


def test_attention_is_quantised_only_where_asked(layer, tmp_path):
    for attention, products in ((True, 2), (False, 1)):
        quantise(layer, tmp_path / "int8.onnx", attention)
        graph = onnx.load(str(tmp_path / "int8.onnx")).graph
        assert [node.op_type for node in graph.node].count("MatMulIntegerToFloat") == products
        assert ("first" in {tensor.name for tensor in graph.initializer}) == (not attention)


def test_a_row_of_zeros_stays_zero(layer, tmp_path):
    model = onnx.load(str(layer))
    (table,) = (tensor for tensor in model.graph.initializer if tensor.name == "table")
    table.CopyFrom(numpy_helper.from_array(np.zeros((50, WIDTH), np.float32), "table"))
    onnx.save(model, str(tmp_path / "zeros.onnx"))
    quantise(tmp_path / "zeros.onnx", tmp_path / "int8.onnx", True)
    assert not run(tmp_path / "int8.onnx", [[1, 2]]).any()


def test_weights_keep_to_seven_bits(layer, tmp_path):
    quantise(layer, tmp_path / "int8.onnx", True)
    integers = {t.name: numpy_helper.to_array(t) for t in onnx.load(str(tmp_path / "int8.onnx")).graph.initializer}
    for name in ("first_int8", "second_int8"):
        assert (np.abs(integers[name]).max(axis=0) == 63).all()


def test_the_int8_graph_is_smaller(checkpoint):
    sizes = [(checkpoint / name).stat().st_size for name in ("model-int8.onnx", "model.onnx")]
    assert sizes[0] < 0.8 * sizes[1]
