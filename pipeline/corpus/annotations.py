"""Annotations: read, settled between annotators, and joined to their sentences."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.corpus.jsonl import read_jsonl
from pipeline.corpus.records import Annotation, Sentence, normalise
from pipeline.errors import complain

# Where annotators differ, the line of this one decides.
ADJUDICATOR = "adjudicator"

Key = tuple[str, str]
LabelSet = frozenset[str]


@dataclass(frozen=True)
class Placed:
    """An annotation and the ``file:line`` where it stands."""

    place: str
    annotation: Annotation

    @property
    def key(self) -> Key:
        return self.annotation.article_id, normalise(self.annotation.text)


def read_annotations(paths: Iterable[Path], labels: Sequence[str]) -> list[Placed]:
    """Read annotation files (JSONL).

    Raises:
        InputError: a line is no annotation or has an unknown label; all such lines are listed.
    """
    annotations: list[Placed] = []
    problems: list[str] = []
    for path in paths:
        for place, annotation in read_jsonl(path, Annotation, problems):
            if unknown := sorted(set(annotation.labels) - set(labels)):
                problems.append(f"{place}: unknown label {', '.join(unknown)} (known: {', '.join(labels)})")
            annotations.append(Placed(place, annotation))
    complain(problems, "annotations cannot be read")
    return annotations


def settle(annotations: Iterable[Placed]) -> dict[Key, LabelSet]:
    """Return one label set per annotated sentence: the adjudicator's, else the one that all annotators gave.

    Raises:
        InputError: annotators differ and no adjudicator has decided, or one annotator contradicts himself.
    """
    votes: dict[Key, dict[str, tuple[LabelSet, str]]] = defaultdict(dict)
    problems = []
    for placed in annotations:
        given = votes[placed.key]
        labels = frozenset(placed.annotation.labels)
        annotator = placed.annotation.annotator
        if annotator in given and given[annotator][0] != labels:
            problems.append(
                f"{placed.place}: '{annotator}' has labelled this sentence otherwise at {given[annotator][1]}"
            )
        given[annotator] = labels, placed.place
    settled: dict[Key, LabelSet] = {}
    for key, given in votes.items():
        choices = {labels for labels, _ in given.values()}
        if ADJUDICATOR in given:
            settled[key] = given[ADJUDICATOR][0]
        elif len(choices) == 1:
            settled[key] = choices.pop()
        else:
            problems.append(
                f"{'; '.join(place for _, place in given.values())}: annotators differ; add a line by '{ADJUDICATOR}'"
            )
    complain(problems, "annotations are not settled")
    return settled


def join(
    sentences: Iterable[Sentence], settled: dict[Key, LabelSet], annotations: Iterable[Placed]
) -> list[tuple[Sentence, LabelSet]]:
    """Give each sentence its label set.

    Raises:
        InputError: an annotation matches no sentence, or a sentence has no annotation; all are listed.
    """
    labelled = []
    problems = []
    matched: set[Key] = set()
    for sentence in sentences:
        key = sentence.article_id, normalise(sentence.text)
        if key in settled:
            matched.add(key)
            labelled.append((sentence, settled[key]))
        else:
            problems.append(
                f"{sentence.article_id}, sentence {sentence.index}: no annotation for '{_short(sentence.text)}'"
            )
    problems += [
        f"{placed.place}: matches no sentence of {placed.annotation.article_id}: '{_short(placed.annotation.text)}'"
        for placed in annotations
        if placed.key not in matched
    ]
    complain(problems, "annotations and sentences do not match")
    return labelled


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
