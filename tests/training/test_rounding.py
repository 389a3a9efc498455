"""Rounding of weights: within what a processor can add up, and with the least change of the product."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.training.rounding import round_columns

GENERATOR = np.random.default_rng(0)


def nearest(weight: np.ndarray, scales: np.ndarray) -> np.ndarray:
    return np.rint(weight / scales) * scales


@pytest.mark.parametrize("width", [2, 32, 256])
def test_two_weights_in_a_row_have_at_most_128_levels_together(width):
    for weight in (GENERATOR.normal(size=(width, 16)), np.full((width, 16), 0.7), np.eye(width, 16) * 3 + 0.1):
        integers, _ = round_columns(weight.astype(np.float32), np.eye(width, dtype=np.float32))
        sizes = np.abs(integers.astype(int))
        assert sizes.max() <= 127
        assert (sizes[::2] + sizes[1::2]).max() <= 128


def test_no_product_saturates():
    """The most that activations and weights can have, as ONNX Runtime multiplies them on this processor."""
    weight = GENERATOR.normal(size=(64, 48)).astype(np.float32)
    weight[:, 0], weight[:, 1] = 1, np.tile([1, 0.001], 32)
    integers, _ = round_columns(weight, np.eye(64, dtype=np.float32))
    given = np.concatenate([np.full((1, 64), 255), GENERATOR.integers(0, 256, (40, 64))]).astype(np.uint8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, given.shape)],
        [helper.make_tensor_value_info("c", TensorProto.INT32, (41, 48))],
        [numpy_helper.from_array(integers, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.array_equal(session.run(None, {"a": given})[0], given.astype(int) @ integers.astype(int))


def test_a_column_with_one_large_weight_keeps_its_small_ones():
    weight = np.full((64, 1), 0.02, np.float32)
    weight[0] = 1
    weight[1] = 0
    integers, scales = round_columns(weight, np.eye(64, dtype=np.float32))
    assert integers[0, 0] == 127
    assert (integers * scales)[2:] == pytest.approx(0.02, abs=0.005)


def test_features_that_go_together_make_up_for_each_other():
    """With activations that are correlated, the product changes less than when each weight goes to the nearest integer."""
    rows = GENERATOR.normal(size=(500, 8)) @ GENERATOR.normal(size=(8, 64)) + 0.1 * GENERATOR.normal(size=(500, 64))
    rows = rows.astype(np.float32)
    weight = GENERATOR.normal(size=(64, 32)).astype(np.float32)
    integers, scales = round_columns(weight, rows.T @ rows)
    sizes = np.abs(integers.astype(int))
    assert sizes.max() <= 127
    assert (sizes[::2] + sizes[1::2]).max() <= 128, "what is made up for keeps to the limit, too"
    change = np.abs(rows @ (integers * scales) - rows @ weight).mean()
    assert change < 0.4 * np.abs(rows @ nearest(weight, scales) - rows @ weight).mean()


def test_features_that_are_independent_go_to_the_nearest():
    weight = GENERATOR.normal(size=(32, 8)).astype(np.float32)
    integers, scales = round_columns(weight, np.eye(32, dtype=np.float32))
    assert integers * scales == pytest.approx(nearest(weight, scales), abs=1e-6)


def test_columns_of_zeros_and_features_never_seen_are_no_trouble():
    weight = GENERATOR.normal(size=(32, 4)).astype(np.float32)
    weight[:, 1] = 0
    integers, scales = round_columns(weight, np.zeros((32, 32), np.float32))
    assert not integers[:, 1].any()
    assert integers * scales == pytest.approx(weight, abs=0.05)
