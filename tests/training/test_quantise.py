"""The int8 graph: each word piece by itself, near the fp32 graph, in a third of its bytes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from pipeline.classifier.batches import Batch
from pipeline.training.activations import observe
from pipeline.training.quantise import SCHEMES, quantise, round_weights

WIDTH = 32
IDS = np.arange(48).reshape(6, 8)


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """A graph that looks ids up in a table and multiplies twice: a projection of attention, and one that is none."""
    generator = np.random.default_rng(0)
    table, first, second = (
        generator.normal(size=shape).astype(np.float32) for shape in [(50, WIDTH)] + 2 * [(WIDTH,) * 2]
    )
    table[49] = 0
    weights = {"table": table, "first": first, "second": second}
    weights |= {
        name: generator.normal(size=WIDTH).astype(np.float32)
        for name in ("layer.attention.query.bias", "layer.output.bias")
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"]),
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("Add", ["a", "layer.attention.query.bias"], ["b"]),
        helper.make_node("MatMul", ["x", "second"], ["c"]),
        helper.make_node("Add", ["c", "layer.output.bias"], ["d"]),
        helper.make_node("Add", ["b", "d"], ["e"]),
        helper.make_node("Gelu", ["e"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "layer",
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["n", "length"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["n", "length", WIDTH])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path = tmp_path_factory.mktemp("graph") / "layer.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), str(path))
    return path


@pytest.fixture(scope="module")
def activations(layer):
    return observe(layer, [Batch(np.arange(6), IDS, np.ones_like(IDS))])


@pytest.fixture(scope="module")
def rounded(layer, activations):
    return round_weights(layer, activations)


def run(path, ids) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ids = np.asarray(ids, dtype=np.int64)
    return session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_integers_come_near(layer, activations, rounded, tmp_path, scheme):
    quantise(layer, tmp_path / "int8.onnx", scheme, activations, rounded)
    exact, near = run(layer, IDS), run(tmp_path / "int8.onnx", IDS)
    assert 0 < np.abs(near - exact).max() < 0.02 * np.abs(exact).max()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_piece_depends_on_another(layer, activations, rounded, tmp_path, scheme):
    """With one scale for the whole batch, as ONNX Runtime's own dynamic quantisation has it, this fails."""
    quantise(layer, tmp_path / "int8.onnx", scheme, activations, rounded)
    together = run(tmp_path / "int8.onnx", IDS)
    for number in range(48):
        alone = run(tmp_path / "int8.onnx", [[number]])
        assert np.array_equal(alone[0, 0], together.reshape(48, WIDTH)[number])


def test_attention_is_not_quantised_where_feed_forward_layers_alone_are(layer, activations, rounded, tmp_path):
    for scheme, products in (("static", 2), ("per-token", 2), ("feed-forward", 1)):
        quantise(layer, tmp_path / "int8.onnx", scheme, activations, rounded)
        graph = onnx.load(str(tmp_path / "int8.onnx")).graph
        assert [node.op_type for node in graph.node].count("MatMulIntegerToFloat") == products
        assert ("first" in {tensor.name for tensor in graph.initializer}) == (scheme == "feed-forward")


def test_static_ranges_need_one_pass_over_the_activations(layer, activations, rounded, tmp_path):
    quantise(layer, tmp_path / "int8.onnx", "static", activations, rounded)
    kinds = [node.op_type for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node]
    assert kinds.count("QuantizeLinear") == 1, "two products have the same activations"
    assert kinds.count("Add") == 1, "biases are part of the products"
    assert not {"ReduceMax", "Div"} & set(kinds)


def test_what_lies_outside_a_static_range_is_clipped(layer, activations, rounded, tmp_path):
    model = onnx.load(str(layer))
    (table,) = (tensor for tensor in model.graph.initializer if tensor.name == "table")
    values = numpy_helper.to_array(table)
    widest = values.copy()
    widest[:2] = activations["x"].largest
    results = []
    for factor in (1, 100):
        wider = widest.copy()
        wider[:2] *= factor
        table.CopyFrom(numpy_helper.from_array(wider, "table"))
        onnx.save(model, str(tmp_path / "wider.onnx"))
        quantise(tmp_path / "wider.onnx", tmp_path / "int8.onnx", "static", activations, rounded)
        results.append(run(tmp_path / "int8.onnx", [[0, 1]]))
    assert results[1] == pytest.approx(results[0], rel=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_row_of_zeros_gives_the_biases(layer, activations, rounded, tmp_path, scheme):
    quantise(layer, tmp_path / "int8.onnx", scheme, activations, rounded)
    assert run(tmp_path / "int8.onnx", [[49]]) == pytest.approx(run(layer, [[49]]), abs=1e-3)


def test_a_graph_can_be_quantised_by_what_nothing_was_seen_of(layer, tmp_path):
    activations = observe(layer, [])
    quantise(layer, tmp_path / "int8.onnx", "static", activations, round_weights(layer, activations))
    assert np.isfinite(run(tmp_path / "int8.onnx", IDS)).all()


def test_the_int8_graph_is_smaller(checkpoint):
    sizes = [(checkpoint / name).stat().st_size for name in ("model-int8.onnx", "model.onnx")]
    assert sizes[0] < 0.8 * sizes[1]
