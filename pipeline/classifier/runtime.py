"""Word pieces to logits with ONNX Runtime, on a CPU."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.classifier.batches import batches
from pipeline.classifier.pieces import Encoded


def open_graph(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Load an exported graph for ``threads`` threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # A plan of memory for every shape of batch would be kept for good, and shapes never end.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def logits_of(session: onnxruntime.InferenceSession, encoded: Encoded, labels: int) -> NDArray[np.float32]:
    """Return the logits of every sentence. Shape ``(sentences, labels)``."""
    logits = np.zeros((len(encoded), labels), dtype=np.float32)
    for batch in batches(encoded.ids):
        feed = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        (logits[batch.rows],) = session.run(["logits"], feed)
    return logits
