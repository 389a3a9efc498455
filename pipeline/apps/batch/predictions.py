"""Records to predictions: segmented and scored, a window at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pipeline.classifier.predict import Classifier, Scores
from pipeline.corpus.readers import LooseSentence, Placed, Reject
from pipeline.corpus.records import Article, Sentence
from pipeline.corpus.segment import SegmentConfig, segment

# Sentences that are scored together: enough to sort by length, few enough to keep in memory.
WINDOW = 4096
# Characters of records that are held for them at most, before the last: of news, the sentences above have half a million.
WINDOW_CHARACTERS = 2**24
# Ids that are remembered to recognise the next record that has one of them, at least.
REMEMBERED_IDS = 500_000


@dataclass(frozen=True)
class Window:
    """Some records, in order, and their sentences with what the model says of them.

    Attributes:
        placed: the records.
        counts: sentences of each record.
        texts: of all sentences.
        sentences: the same with their places in articles; none for loose sentences.
        probabilities: shape ``(sentences, labels)``, float32, to six decimals.
        labels: of each sentence, in column order.
        truncated: shape ``(sentences,)``, bool.
    """

    placed: list[Placed]
    counts: list[int]
    texts: list[str]
    sentences: list[Sentence]
    probabilities: NDArray[np.float32]
    labels: list[list[str]]
    truncated: NDArray[np.bool_]


def first_of_each_id(found: Iterable[Placed | Reject], remembered: int = REMEMBERED_IDS) -> Iterator[Placed | Reject]:
    """Pass records on, and reject one that has the id of one of the ``remembered`` before it, at least."""
    older: set[bytes] = set()
    newer: set[bytes] = set()
    for item in found:
        if isinstance(item, Placed):
            # A short digest, not the id: it may be long.
            digest = blake2b(item.record.id.encode(), digest_size=10).digest()
            if digest in newer or digest in older:
                yield Reject(
                    item.place, f"an earlier record has the id '{item.record.id[:80]}'", "an id for each record"
                )
                continue
            newer.add(digest)
            if len(newer) >= remembered:
                older, newer = newer, set()
        yield item


def predict(found: Iterable[Placed | Reject], classifier: Classifier) -> Iterator[Window | Reject]:
    """Segment and score records, in order, about :data:`WINDOW` sentences at a time; an article without any is rejected."""
    placed: list[Placed] = []
    counts: list[int] = []
    texts: list[str] = []
    sentences: list[Sentence] = []
    characters = 0
    for item in found:
        if isinstance(item, Reject):
            yield item
            continue
        if isinstance(item.record, LooseSentence):
            mine = [item.record.text]
        else:
            cut = _sentences(item.record, classifier.manifest.segmentation)
            sentences += cut
            mine = [sentence.text for sentence in cut]
        if not mine:
            yield Reject(item.place, "no sentence found", "an article with at least one sentence")
            continue
        placed.append(item)
        counts.append(len(mine))
        texts += mine
        characters += len(item.record.text)
        if len(texts) >= WINDOW or characters >= WINDOW_CHARACTERS:
            yield _scored(placed, counts, texts, sentences, classifier)
            placed, counts, texts, sentences, characters = [], [], [], [], 0
    if placed:
        yield _scored(placed, counts, texts, sentences, classifier)


def _sentences(article: Article, config: SegmentConfig) -> list[Sentence]:
    return segment(article, config).sentences


def _scored(
    placed: list[Placed], counts: list[int], texts: list[str], sentences: list[Sentence], classifier: Classifier
) -> Window:
    # A hostile article alone may have a hundred windows of sentences.
    parts = [classifier.score(texts[start : start + 2 * WINDOW]) for start in range(0, len(texts), 2 * WINDOW)]
    scores = Scores(
        np.concatenate([part.probabilities for part in parts]), np.concatenate([part.truncated for part in parts])
    )
    return Window(
        placed,
        counts,
        texts,
        sentences,
        np.round(scores.probabilities, 6),
        classifier.labels(scores),
        scores.truncated,
    )
