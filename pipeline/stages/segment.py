"""Stage ``segment``: articles to sentences."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from pipeline.config import load_config
from pipeline.corpus.articles import read_corpus
from pipeline.corpus.boilerplate import REASONS
from pipeline.corpus.segment import SegmentConfig, segment
from pipeline.errors import complain, user_errors
from pipeline.files import whole_folder, write_json


def run(articles: Path, config: Path, out: Path) -> None:
    """Segment the articles in ``articles`` and write ``sentences.parquet``, ``removed.parquet`` and ``summary.json`` to ``out``."""
    settings = load_config(config, SegmentConfig)
    corpus = read_corpus(articles)
    results = [segment(article, settings) for article in corpus]
    complain(
        [
            f"{article.id}: no sentence found"
            for article, result in zip(corpus, results, strict=True)
            if not result.sentences
        ],
        "articles without a sentence",
    )
    sentences = [sentence for result in results for sentence in result.sentences]
    removed = [part for result in results for part in result.removed]
    reasons = Counter(part.reason for part in removed)
    with whole_folder(out) as folder:
        pq.write_table(pa.Table.from_pylist([asdict(sentence) for sentence in sentences]), folder / "sentences.parquet")
        pq.write_table(
            pa.Table.from_pylist([asdict(part) for part in removed], schema=REMOVED), folder / "removed.parquet"
        )
        write_json(
            folder / "summary.json",
            {
                "config": settings.model_dump(),
                "articles": len(corpus),
                "sentences": len(sentences),
                "removed": {reason: reasons[reason] for reason in REASONS if reasons[reason]},
            },
        )
    print(f"{len(corpus)} articles, {len(sentences)} sentences, {len(removed)} pieces of boilerplate removed")


REMOVED = pa.schema(
    [
        ("article_id", pa.string()),
        ("field", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("reason", pa.string()),
    ]
)


def main(
    articles: Path = Path("data/articles"),
    config: Path = Path("configs/segment.yaml"),
    out: Path = Path("data/sentences"),
) -> None:
    with user_errors():
        run(articles, config, out)


if __name__ == "__main__":
    typer.run(main)
