"""Records to predictions: read, segment, score, a window at a time."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from pipeline.classifier.predict import Classifier
from pipeline.corpus.readers import LooseSentence, Record, Reject, read_records
from pipeline.corpus.records import Article, Sentence
from pipeline.corpus.segment import segment

Unit = Literal["article", "sentence"]

# Sentences that are scored together: enough to sort by length, few enough to keep in memory.
WINDOW = 4096


@dataclass
class Labelled:
    """One record with its predictions.

    Attributes:
        record: the article, or the loose sentence.
        rows: one row per sentence: the sentence's columns, ``labels``, ``score_<label>``, ``truncated``, ``checkpoint``.
    """

    record: Record
    rows: list[dict[str, Any]]


@dataclass
class Counts:
    """What a batch has seen so far."""

    records: int = 0
    sentences: int = 0
    rejects: int = 0
    labels: Counter[str] = field(default_factory=Counter)


def read_units(files: Iterable[Path], unit: Unit) -> Iterator[Record | Reject]:
    """Yield the records of all ``files``; a second record with the id of an earlier one is rejected."""
    seen: set[bytes] = set()
    for path in files:
        for record in read_records(path, Article if unit == "article" else LooseSentence):
            if not isinstance(record, Reject):
                # A short digest, not the id: millions of ids must fit into memory.
                digest = blake2b(record.id.encode("utf-8", "surrogatepass"), digest_size=10).digest()
                if digest in seen:
                    yield Reject(f"{path}: {record.id}", "an earlier record has this id", "an id for each record")
                    continue
                seen.add(digest)
            yield record


def predict(records: Iterable[Record | Reject], classifier: Classifier, counts: Counts) -> Iterator[Labelled | Reject]:
    """Segment and score ``records``, in order; articles without a sentence are rejected. ``counts`` is kept up to date."""
    waiting: list[Labelled | Reject] = []
    due = 0
    for record in records:
        prepared = record if isinstance(record, Reject) else _prepare(record, classifier)
        waiting.append(prepared)
        due += 0 if isinstance(prepared, Reject) else len(prepared.rows)
        if due >= WINDOW or len(waiting) >= WINDOW:
            yield from _score(waiting, classifier, counts)
            waiting, due = [], 0
    yield from _score(waiting, classifier, counts)


def _prepare(record: Record, classifier: Classifier) -> Labelled | Reject:
    """Return ``record`` with a row per sentence, without scores yet."""
    if isinstance(record, LooseSentence):
        return Labelled(record, [{"id": record.id, "text": record.text}])
    sentences = segment(record, classifier.manifest.segmentation).sentences
    if not sentences:
        return Reject(record.id, "no sentence found", "an article with at least one sentence")
    return Labelled(record, [_columns(sentence) for sentence in sentences])


def _columns(sentence: Sentence) -> dict[str, Any]:
    return {name: getattr(sentence, name) for name in ("article_id", "index", "field", "start", "end", "text")}


def _score(waiting: list[Labelled | Reject], classifier: Classifier, counts: Counts) -> Iterator[Labelled | Reject]:
    rows = [row for item in waiting if isinstance(item, Labelled) for row in item.rows]
    scores = classifier.score([row["text"] for row in rows])
    names = classifier.manifest.names
    labels = classifier.labels(scores)
    for number, row in enumerate(rows):
        row["labels"] = labels[number]
        row |= {
            f"score_{name}": round(float(scores.probabilities[number, column]), 6) for column, name in enumerate(names)
        }
        row["truncated"] = bool(scores.truncated[number])
        row["checkpoint"] = classifier.manifest.version
        counts.labels.update(labels[number])
    counts.sentences += len(rows)
    for item in waiting:
        counts.records += isinstance(item, Labelled)
        counts.rejects += isinstance(item, Reject)
        yield item
