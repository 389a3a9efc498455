"""Stage ``dataset``: sentences and annotations, checked, to train, validation and test."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from pipeline.config import load_config
from pipeline.corpus.annotations import join, read_annotations, settle
from pipeline.corpus.articles import read_corpus
from pipeline.corpus.checks import CheckConfig, check_corpus
from pipeline.corpus.dataset import SCHEMA, balance, build_rows, parts_of_test
from pipeline.corpus.labels import load_labels
from pipeline.corpus.names import read_names
from pipeline.corpus.plan import articles_in, read_plan
from pipeline.corpus.records import Sentence
from pipeline.corpus.splits import SplitConfig, find_leaks, find_similar, split_articles
from pipeline.errors import InputError, complain, user_errors
from pipeline.files import sha256, whole_folder, write_json


class DatasetConfig(SplitConfig):
    """``configs/dataset.yaml``: how articles are split, and what the corpus is checked for."""

    checks: CheckConfig = CheckConfig()


def run(articles: Path, sentences: Path, annotations: Path, labels: Path, config: Path, out: Path) -> None:
    """Write ``train.parquet``, ``validation.parquet``, ``test.parquet`` and ``summary.json`` to ``out``."""
    settings = load_config(config, DatasetConfig)
    names = load_labels(labels).names
    held = articles_in(settings.held_cells, read_plan(settings.plan) if settings.plan else [])
    known_names = read_names(settings.checks.names) if settings.checks.names else None
    files = sorted(annotations.glob("*.jsonl"))
    if not files:
        raise InputError(f"{annotations}: holds no annotation file; expected *.jsonl")
    corpus = read_corpus(articles)
    segmented = [Sentence(**row) for row in pq.read_table(sentences / "sentences.parquet").to_pylist()]
    segmentation = json.loads((sentences / "summary.json").read_text(encoding="utf-8"))
    placed = read_annotations(files, names)
    labelled = join(segmented, settle(placed), placed)

    similar = find_similar(corpus, segmented, settings)
    checked = check_corpus(corpus, labelled, similar, names, known_names, settings.checks)
    complain(checked.problems, f"the corpus fails its checks; mend it, or change the thresholds in {config}")
    split = split_articles(corpus, segmented, similar, settings, held)
    rows = build_rows(labelled, {article.id: article for article in corpus}, split, names)
    report, parts = balance(rows, names), balance(parts_of_test(rows), names)
    leaks = find_leaks({name: [row["text"] for row in members] for name, members in rows.items()}, settings)
    complain([f"'{one}' and '{other}'" for one, other in leaks], "sentences stand in two splits")
    with whole_folder(out) as folder:
        for name, members in rows.items():
            pq.write_table(pa.Table.from_pylist(members, schema=SCHEMA), folder / f"{name}.parquet")
        summary = {
            "labels": names,
            "splits": report,
            "test_parts": parts,
            "left_out": {"bridging_articles": split.bridges, "repeated_sentences": len(split.repeated)},
            "checks": checked.figures,
            # What decides which sentences stand here; other thresholds of the checks are no reason to train again.
            "config": {
                "segment": segmentation["config"],
                "dataset": settings.model_dump(mode="json", exclude={"checks"}),
            },
            "sha256": {name: sha256(folder / f"{name}.parquet") for name in rows},
        }
        write_json(folder / "summary.json", summary)
    for name, counts in (report | parts).items():
        print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def main(
    articles: Path = Path("data/articles"),
    sentences: Path = Path("data/sentences"),
    annotations: Path = Path("data/annotations"),
    labels: Path = Path("configs/labels.yaml"),
    config: Path = Path("configs/dataset.yaml"),
    out: Path = Path("data/dataset"),
) -> None:
    with user_errors():
        run(articles, sentences, annotations, labels, config, out)


if __name__ == "__main__":
    typer.run(main)
