"""The int8 graph of a checkpoint."""

from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic


def quantise(graph: Path, out: Path) -> None:
    """Write ``graph`` with int8 weights; activations are quantised as they come.

    Weights keep to 7 bits (``reduce_range``): the products of 8 bits saturate on processors with AVX2 and no VNNI.
    """
    quantize_dynamic(
        graph,
        out,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
