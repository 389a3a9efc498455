"""What benchmarks/batch.py runs, each in a process of its own: files to files with one program, and the bare loops.

    python benchmarks/batch_contenders.py CONTENDER INPUT CHECKPOINT [--share 0/2] [--batch-size 32] [--threads 1] [--out FILE]

Prints seconds, without imports and the loading of models, sentences, and what else was measured, as one line of JSON.
"""

# ruff: noqa: ARG001 - all contenders take the same arguments

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def sentences_of(file: Path, checkpoint: Path) -> tuple[int, list[str]]:
    """Read and segment as netral does, so that all label the same sentences."""
    from pipeline.classifier.checkpoint import Manifest
    from pipeline.corpus.readers import read_records
    from pipeline.corpus.records import Article
    from pipeline.corpus.segment import segment

    config = Manifest.model_validate_json((checkpoint / "netral.json").read_bytes()).segmentation
    articles = [record for record in read_records(file) if isinstance(record, Article)]
    return len(articles), [sentence.text for article in articles for sentence in segment(article, config).sentences]


def write(texts: list[str], probabilities: Any, out: Path | None) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    if out is not None:
        scores = np.asarray(probabilities, dtype=np.float32)
        columns = {"text": texts} | {f"score_{number}": scores[:, number] for number in range(scores.shape[1])}
        pq.write_table(pa.table(columns), out, compression="zstd")


def transformers(file: Path, checkpoint: Path, batch_size: int, threads: int, out: Path | None) -> dict[str, Any]:
    """``transformers.pipeline("text-classification")``, as its documentation shows it."""
    import torch
    from transformers import pipeline

    torch.set_num_threads(threads)
    classify = pipeline("text-classification", str(checkpoint), top_k=None, truncation=True, device="cpu")
    classify(["Pegawai wajib netral."])
    begun = time.perf_counter()
    articles, texts = sentences_of(file, checkpoint)
    answers = classify(texts, batch_size=batch_size)
    names = sorted(answer["label"] for answer in answers[0])
    write(texts, [[{one["label"]: one["score"] for one in answer}[name] for name in names] for answer in answers], out)
    return {"seconds": time.perf_counter() - begun, "articles": articles, "sentences": len(texts)}


def plain_onnx(file: Path, checkpoint: Path, batch_size: int, threads: int, out: Path | None) -> dict[str, Any]:
    """ONNX Runtime on the fp32 graph: sentences in their order, every batch padded to its longest."""
    import numpy as np
    import onnxruntime
    from transformers import AutoTokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(checkpoint / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    begun = time.perf_counter()
    articles, texts = sentences_of(file, checkpoint)
    logits = []
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], padding=True, truncation=True, return_tensors="np")
        feed = {given.name: batch[given.name].astype(np.int64) for given in session.get_inputs()}
        logits.append(session.run(["logits"], feed)[0])
    write(texts, 1 / (1 + np.exp(-np.concatenate(logits))), out)
    return {"seconds": time.perf_counter() - begun, "articles": articles, "sentences": len(texts)}


def tfidf(file: Path, checkpoint: Path, batch_size: int, threads: int, out: Path | None) -> dict[str, Any]:
    """TF-IDF of words and pairs with logistic regression; fitted on the dataset before the clock starts."""
    import numpy as np
    import pyarrow.parquet as pq
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    table = pq.read_table("data/dataset/train.parquet").to_pydict()
    names = sorted({label for labels in table["labels"] for label in labels})
    truth = np.array([[name in labels for name in names] for labels in table["labels"]])
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), OneVsRestClassifier(LogisticRegression()))
    model.fit(table["text"], truth)
    begun = time.perf_counter()
    articles, texts = sentences_of(file, checkpoint)
    write(texts, model.predict_proba(texts), out)
    return {"seconds": time.perf_counter() - begun, "articles": articles, "sentences": len(texts)}


def bare_loop(
    file: Path,
    checkpoint: Path,
    batch_size: int,
    threads: int,
    out: Path | None,
) -> dict[str, Any]:
    """The graph alone, on batches that were tokenised and sorted before the clock starts: the most that netral could do."""
    from pipeline.classifier.checkpoint import GRAPHS
    from pipeline.classifier.predict import Classifier
    from pipeline.classifier.runtime import logits_of, open_graph

    classifier = Classifier(checkpoint)
    session = open_graph(checkpoint / GRAPHS[classifier.precision], threads)
    articles, texts = sentences_of(file, checkpoint)
    encoded = [classifier.encode(texts[start : start + 4096]) for start in range(0, len(texts), 4096)]
    begun = time.perf_counter()
    for window in encoded:
        logits_of(session, window, len(classifier.manifest.labels))
    seconds = time.perf_counter() - begun
    config = json.loads((checkpoint / "config.json").read_text())
    width, depth, inner = (config[name] for name in ("hidden_size", "num_hidden_layers", "intermediate_size"))
    lengths = [len(ids) for window in encoded for ids in window.ids]
    # Kaplan et al. 2020, with the products of attention: two operations per multiplication.
    per_token = 2 * depth * (4 * width**2 + 2 * width * inner)
    operations = per_token * sum(lengths) + 4 * depth * width * sum(length**2 for length in lengths)
    return {
        "seconds": seconds,
        "articles": articles,
        "sentences": len(texts),
        "tokens": sum(lengths),
        "operations": operations,
    }


def steps(file: Path, checkpoint: Path, batch_size: int, threads: int, out: Path | None) -> dict[str, Any]:
    """The work of one shard, step by step: where its time goes."""
    import pyarrow.parquet  # noqa: F401 - not to be taken for writing

    from pipeline.apps.batch.predictions import WINDOW, Window
    from pipeline.apps.batch.tables import Table, article_columns, article_schema, sentence_columns, sentence_schema
    from pipeline.classifier.predict import Classifier
    from pipeline.corpus.input_files import Part
    from pipeline.corpus.readers import Placed, read_part
    from pipeline.corpus.records import Article
    from pipeline.corpus.segment import segment

    classifier = Classifier(checkpoint)
    names = classifier.manifest.names
    spent = dict.fromkeys(("read", "segment", "tokenise", "run", "write"), 0.0)

    def timed(step: str, call: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = call()
        spent[step] += time.perf_counter() - begun
        return result

    folder = (out or Path("steps.parquet")).with_suffix("")
    folder.mkdir()
    sentences = Table(folder / "sentences", sentence_schema(names, "article"), "parquet")
    articles = Table(folder / "articles", article_schema(names), "parquet")
    found = timed("read", lambda: list(read_part(Part(str(file)))))
    placed = [one for one in found if isinstance(one, Placed) and isinstance(one.record, Article)]
    cut = timed("segment", lambda: [segment(one.record, classifier.manifest.segmentation).sentences for one in placed])
    total = start = 0
    while start < len(placed):
        stop, count = start, 0
        while stop < len(placed) and count < WINDOW:
            count += len(cut[stop])
            stop += 1
        mine = [sentence for some in cut[start:stop] for sentence in some]
        texts = [sentence.text for sentence in mine]
        encoded = timed("tokenise", lambda: classifier.encode(texts))  # noqa: B023 - called at once
        scores = timed("run", lambda: classifier.score_encoded(encoded))  # noqa: B023
        window = Window(
            placed[start:stop],
            [len(some) for some in cut[start:stop]],
            texts,
            mine,
            scores.probabilities,
            classifier.labels(scores),
            scores.truncated,
        )
        timed("write", lambda: sentences.add(sentence_columns(window, names, "article", "x")))  # noqa: B023
        timed("write", lambda: articles.add(article_columns(window, names)))  # noqa: B023
        total += count
        start = stop
    timed("write", sentences.close)
    timed("write", articles.close)
    return {"seconds": sum(spent.values()), "articles": len(placed), "sentences": total, "steps": spent}


def matrix_product(
    file: Path,
    checkpoint: Path,
    batch_size: int,
    threads: int,
    out: Path | None,
) -> dict[str, Any]:
    """The rate of fp32 products of 1024 x 768 by 768 x 3072, the best of torch and numpy."""
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    one, other = np.ones((1024, 768), np.float32), np.ones((768, 3072), np.float32)
    tensors = torch.from_numpy(one), torch.from_numpy(other)
    operations = 2 * 1024 * 768 * 3072
    best = 0.0
    for product in (lambda: one @ other, lambda: tensors[0] @ tensors[1]):
        product()
        for _ in range(5):
            begun = time.perf_counter()
            for _ in range(10):
                product()
            best = max(best, 10 * operations / (time.perf_counter() - begun))
    return {"seconds": 0.0, "articles": 0, "sentences": 0, "operations_per_second": best}


CONTENDERS = {
    "transformers": transformers,
    "plain_onnx": plain_onnx,
    "tfidf": tfidf,
    "bare_loop": bare_loop,
    "steps": steps,
    "matrix_product": matrix_product,
}


def main(
    contender: str,
    file: Path,
    checkpoint: Path,
    batch_size: Annotated[int, typer.Option()] = 32,
    threads: Annotated[int, typer.Option()] = 1,
    out: Annotated[Path | None, typer.Option()] = None,
) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    print(json.dumps(CONTENDERS[contender](file, checkpoint, batch_size, threads, out)), file=sys.stdout)


if __name__ == "__main__":
    typer.run(main)
