"""What the choices of the runtime are worth: ways to compute the same sentences, in turn, on one thread.

    python benchmarks/runtime.py                             the exported checkpoint
    python benchmarks/runtime.py --layers 12 --width 768     the shape of IndoBERT-base, random weights

Sentences are of the lengths of the validation split, repeated to fill a window. Every contender takes its turn in every
round, so that what else the machine does hits all of them; the best round of each counts. Prints a table, writes JSON.
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pyarrow.parquet as pq
import typer
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification

from pipeline.classifier.batches import BATCH_TOKENS, batches
from pipeline.classifier.checkpoint import TOKENIZER
from pipeline.classifier.pieces import Encoded, SentenceTokenizer
from pipeline.classifier.runtime import open_graph
from pipeline.training.activations import observe
from pipeline.training.export import write_graph
from pipeline.training.quantise import SCHEMES, quantise, round_weights

BUDGETS = (128, 256, 512, 1024, 2048, 4096, 8192)


def write_graphs(model: object, heads: int, width: int, encoded: Encoded, folder: Path) -> dict[str, Path]:
    """Write every graph that takes part, and return where."""
    graphs = {name: folder / f"{name}.onnx" for name in ("fp32", "fused", *SCHEMES, "ORT dynamic")}
    write_graph(model, graphs["fp32"])
    activations = observe(graphs["fp32"], batches(encoded.ids[:256]))
    rounded = round_weights(graphs["fp32"], activations)
    for scheme in SCHEMES:
        quantise(graphs["fp32"], graphs[scheme], scheme, activations, rounded)
    quantize_dynamic(
        graphs["fp32"],
        graphs["ORT dynamic"],
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    fused = optimize_model(str(graphs["fp32"]), model_type="bert", num_heads=heads, hidden_size=width, opt_level=0)
    fused.save_model_to_file(str(graphs["fused"]))
    return graphs


def compute(session: onnxruntime.InferenceSession, encoded: Encoded, budget: int) -> np.ndarray:
    """Return the logits of all sentences in batches of ``budget`` positions."""
    found = None
    for batch in batches(encoded.ids, budget):
        (logits,) = session.run(None, {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask})
        found = np.zeros((len(encoded), logits.shape[1]), np.float32) if found is None else found
        found[batch.rows] = logits
    return found


def product_rate(seconds: float = 1.0) -> float:
    """Return the rate of plain fp32 matrix products on one thread, in FLOP per second of processor time."""
    left = onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [1024, 768])
    right = onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [768, 3072])
    out = onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [1024, 3072])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "product", [left, right], [out]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, str(Path(folder) / "product.onnx"))
        session = open_graph(Path(folder) / "product.onnx", threads=1)
    feed = {"a": np.ones((1024, 768), np.float32), "b": np.ones((768, 3072), np.float32)}
    session.run(None, feed)
    runs, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        session.run(None, feed)
        runs += 1
    return runs * 2 * 1024 * 768 * 3072 / (time.process_time() - start)


def flops(encoded: Encoded, layers: int, width: int) -> float:
    """Return the floating point operations that a plain BERT with inner layers of four times ``width`` takes."""
    lengths = np.array([len(ids) for ids in encoded.ids], dtype=float)
    return float((layers * (24 * width**2 * lengths + 4 * width * lengths**2)).sum())


def main(
    checkpoint: Path = Path("models/exported"),
    dataset: Path = Path("data/dataset"),
    layers: int | None = None,
    width: int | None = None,
    sentences: int = 4096,
    rounds: int = 5,
    out: Path = Path("reports/benchmarks/runtime.json"),
) -> None:
    texts = pq.read_table(dataset / "validation.parquet")["text"].to_pylist()
    texts = (texts * (sentences // len(texts) + 1))[:sentences]
    encoded = SentenceTokenizer(checkpoint / TOKENIZER, 128).encode(texts)
    if layers and width:
        shape = BertConfig(
            hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64, intermediate_size=4 * width
        )
        shape.num_labels = 4
        model = BertForSequenceClassification(shape).eval()
    else:
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    config = model.config
    with tempfile.TemporaryDirectory() as folder:
        graphs = write_graphs(model, config.num_attention_heads, config.hidden_size, encoded, Path(folder))
        sessions = {name: open_graph(path, threads=1) for name, path in graphs.items()}
    contenders = {(name, BATCH_TOKENS) for name in sessions} | {("static", budget) for budget in BUDGETS}
    taken: dict[tuple[str, int], float] = {}
    rates: list[float] = []
    found: dict[tuple[str, int], np.ndarray] = {}
    for _ in range(rounds):
        rates.append(product_rate())
        for name, budget in sorted(contenders):
            start = time.process_time()
            found[name, budget] = compute(sessions[name], encoded, budget)
            taken[name, budget] = min(taken.get((name, budget), np.inf), time.process_time() - start)
    work = flops(encoded, config.num_hidden_layers, config.hidden_size)
    rows = [
        {
            "graph": name,
            "batch_tokens": budget,
            "sentences_per_second": len(texts) / seconds,
            "share_of_product_rate": work / seconds / max(rates),
            "padding": sum(batch.input_ids.size for batch in batches(encoded.ids, budget)) / encoded.tokens - 1,
            "largest_logit_difference": float(np.abs(found[name, budget] - found["fp32", BATCH_TOKENS]).max()),
        }
        for (name, budget), seconds in sorted(taken.items())
    ]
    table = Table(*rows[0], title=f"{config.num_hidden_layers} layers of {config.hidden_size}, one thread")
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console = Console()
    console.print(table)
    # Other neighbours, and more padding or less.
    apart = max(float(np.abs(found["static", budget] - found["static", BATCH_TOKENS]).max()) for budget in BUDGETS)
    console.print(f"largest difference of a logit of 'static' between sizes of batches: {apart:.2g}", highlight=False)
    results = {"product_gflops": max(rates) / 1e9, "difference_between_batches": apart, "contenders": rows}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
