"""What is in the corpus: the figures of its data card, and how often each rule of the guideline occurs.

    python benchmarks/corpus.py [--news TEXT]

``--news`` takes plain text of real news (.txt, .xz, .zst) to set the lexical diversity beside.
"""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import typer

from pipeline.corpus.challenge import read_challenges
from pipeline.corpus.diversity import lexical_diversity
from pipeline.corpus.records import normalise
from pipeline.corpus.rules import FITS, read_witnesses
from pipeline.training.pretrain.text import TextSource, paragraphs

# Rules whose side B looks like a label and is none: descriptions, outcomes wished, permissions, bare references, reports, dates in passing.
HARD_NEGATIVES = (3, 4, 5, 7, 8, 9, 10, 11, 12)


def main(
    dataset: Path = Path("data/dataset"),
    challenge: Path = Path("data/challenge/challenge.jsonl"),
    rules: Path = Path("data/rules.csv"),
    news: str | None = None,
) -> None:
    summary = json.loads((dataset / "summary.json").read_text(encoding="utf-8"))
    figures, labels = summary["checks"], summary["labels"]
    rows = [row for split in summary["splits"] for row in pq.read_table(dataset / f"{split}.parquet").to_pylist()]
    sources = {row["source"] for row in rows}
    parts = summary["splits"] | summary["test_parts"]
    articles, sentences = (
        sum(counts[what] for counts in summary["splits"].values()) for what in ("articles", "sentences")
    )
    print(
        f"in the splits: {articles} articles, {sentences} sentences, {len(sources)} outlets; left out: {summary['left_out']}"
    )
    columns = ("articles", "sentences", *labels, "none", "several")
    print(f"\n| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, counts in parts.items():
        print(f"| {name.replace('_', ', ')} | {' | '.join(f'{counts[column]:,}' for column in columns)} |")
    print("\nwhole corpus: " + ", ".join(f"{name} {count:,}" for name, count in figures["counts"].items()))
    print(f"most frequent opening of five words: {figures['most_frequent_opening']} times")
    print(
        f"near-duplicates: {figures['similar_articles']} pairs of articles, {figures['similar_sentences']} of sentences"
    )
    print(f"words per sentence {figures['words_per_sentence']:.1f}, languages {figures['languages']}")
    print(f"lexical diversity (MATTR, 500 words) {figures['lexical_diversity']:.3f}")
    if news:
        real = [word for text in paragraphs(TextSource.parse(news)) for word in normalise(text).split()][:200_000]
        print(f"lexical diversity of the news text, {len(real):,} words: {lexical_diversity(real):.3f}")
    print(f"macro-F1 of keyword rules on the whole corpus {figures['keyword_macro_f1']:.3f}: {figures['keyword_f1']}")
    print(f"challenge sentences: {len(read_challenges(challenge, labels))}")
    if rules.is_file():
        witnesses = read_witnesses(rules)
        unlabelled = {(row["article_id"], row["index"]) for row in rows if not row["labels"]}
        near = {(w.article_id, w.index) for w in witnesses if w.side == "B" and w.rule in HARD_NEGATIVES}
        print(f"hard negatives, without a label on the far side of rules {HARD_NEGATIVES}: {len(near & unlabelled):,}")
        counts = Counter((witness.rule, witness.side) for witness in witnesses)
        print("\n| rule | side A | side B |\n|---|---|---|")
        for rule in FITS:
            print(f"| {rule} | {counts[rule, 'A']} | {counts[rule, 'B']} |")


if __name__ == "__main__":
    typer.run(main)
