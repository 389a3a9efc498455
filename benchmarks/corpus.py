"""What is in the corpus: the figures of its data card.

    python benchmarks/corpus.py [--news TEXT]

``--news`` takes plain text of real news (.txt, .xz, .zst) to set the lexical diversity beside.
"""

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from pipeline.corpus.duplicates import character_shingles, similar_pairs
from pipeline.corpus.labels import load_labels
from pipeline.corpus.records import normalise
from pipeline.training.baselines import keyword_rules
from pipeline.training.data import label_matrix
from pipeline.training.metrics import macro_f1
from pipeline.training.pretrain.text import TextSource, paragraphs


def diversity(words: list[str], window: int = 500) -> float:
    """Return the moving-average type-token ratio (Covington, McFall 2010): distinct words in a window, on average."""
    starts = range(0, len(words) - window, window // 5)
    return float(np.mean([len(set(words[start : start + window])) for start in starts])) / window


def main(
    dataset: Path = Path("data/dataset"), labels: Path = Path("configs/labels.yaml"), news: str | None = None
) -> None:
    import datasets

    names = load_labels(labels).names
    splits = {split: pq.read_table(dataset / f"{split}.parquet") for split in ("train", "validation", "test")}
    table = pa.concat_tables(splits.values())
    texts = table["text"].to_pylist()
    truth = label_matrix(datasets.Dataset(table), names)
    print(
        f"articles {len(set(table['article_id'].to_pylist()))}, sentences {len(texts)}, outlets {len(set(table['source'].to_pylist()))}"
    )
    print("labels: " + ", ".join(f"{name} {count}" for name, count in zip(names, truth.sum(axis=0), strict=True)))
    several = int((truth.sum(axis=1) > 1).sum())
    print(f"none {int((truth.sum(axis=1) == 0).sum())}, several {several}")
    pairs = {(i, j): int((truth[:, i] & truth[:, j]).sum()) for i, j in combinations(range(len(names)), 2)}
    print("pairs: " + ", ".join(f"{names[i]} + {names[j]} {count}" for (i, j), count in pairs.items()))
    openings = Counter(" ".join(normalise(text).split()[:5]) for text in texts)
    opening, count = openings.most_common(1)[0]
    print(f"most frequent opening of five words: '{opening}', {count} times")
    long = [text for text in texts if len(text.split()) >= 5]
    print(
        f"near-duplicate pairs of sentences: {len(list(similar_pairs([character_shingles(text) for text in long], 0.8)))}"
    )
    words = [word for text in texts for word in normalise(text).split()]
    print(
        f"words per sentence {len(words) / len(texts):.1f}, lexical diversity (MATTR, 500 words) {diversity(words):.3f}"
    )
    if news:
        real = [word for text in paragraphs(TextSource.parse(news)) for word in normalise(text).split()][:200_000]
        print(f"lexical diversity of the news text {diversity(real):.3f}")
    rules = macro_f1(
        label_matrix(datasets.Dataset(splits["test"]), names), keyword_rules(splits["test"]["text"].to_pylist(), names)
    )
    print(f"macro-F1 of keyword rules on test {rules:.3f}")


if __name__ == "__main__":
    typer.run(main)
