"""Witnesses: sentences of the corpus that show a rule of the guideline, on one side of its line or the other."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.corpus.annotations import LabelSet
from pipeline.corpus.records import Sentence
from pipeline.errors import InputError

Side = Literal["A", "B"]
COLUMNS = ("article_id", "index", "text_start", "rule", "side")
# So many characters of a sentence tell that it is still the one that was read.
START = 40


@dataclass(frozen=True)
class Witness:
    """One line of ``data/rules.csv``: by its sentence, what somebody found in it by reading."""

    article_id: str
    index: int
    text_start: str
    rule: int
    side: Side


def _has(*labels: str) -> Callable[[LabelSet], bool]:
    return lambda given: bool(given & set(labels))


def _lacks(*labels: str) -> Callable[[LabelSet], bool]:
    return lambda given: not given & set(labels)


def _any(given: LabelSet) -> bool:
    return bool(given)


def _none(given: LabelSet) -> bool:
    return not given


# What the labels of a witness must be, by the number of the rule: side A first. Rule 17 is about doubt, and has no sides.
FITS: dict[int, tuple[Callable[[LabelSet], bool], Callable[[LabelSet], bool]]] = {
    1: (lambda given: len(given) > 1, lambda given: len(given) == 1),
    2: (_has("appeal"), _has("prohibition")),
    3: (_has("appeal", "prohibition"), _lacks("appeal", "prohibition")),
    4: (_has("appeal"), _lacks("appeal")),
    5: (_has("appeal", "prohibition"), _lacks("appeal")),
    6: (_has("appeal"), _has("prohibition")),
    7: (_has("prohibition"), _lacks("prohibition")),
    8: (_has("prohibition"), _lacks("prohibition")),
    9: (_has("sanction"), _lacks("sanction")),
    10: (_has("sanction"), _lacks("sanction")),
    11: (_has("logistics"), _lacks("logistics")),
    12: (_has("logistics"), _lacks("logistics")),
    13: (_any, _none),
    14: (_any, _none),
    15: (_any, _none),
    16: (_any, _none),
}


def fits(rule: int, side: Side, labels: LabelSet) -> bool:
    return FITS[rule][side == "B"](labels)


def read_witnesses(path: Path) -> list[Witness]:
    """Read ``data/rules.csv``.

    Raises:
        InputError: a line is no witness; the first such line is named.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise InputError(f"{path}: expected the columns {', '.join(COLUMNS)}")
        witnesses = []
        for row in rows:
            side, rule = row["side"], row["rule"]
            if side not in ("A", "B") or not rule.isdecimal() or int(rule) not in FITS or not row["index"].isdecimal():
                raise InputError(
                    f"{path}:{rows.line_num}: expected a rule from 1 to {max(FITS)}, side A or B, an index"
                )
            witnesses.append(
                Witness(row["article_id"], int(row["index"]), row["text_start"], int(rule), "A" if side == "A" else "B")
            )
    return witnesses


def unsound(
    witnesses: Iterable[Witness], labelled: Mapping[tuple[str, int], tuple[Sentence, LabelSet]]
) -> list[tuple[Witness, str]]:
    """Return the witnesses whose sentence is not there any more, or is labelled otherwise than their side, and why.

    Args:
        labelled: sentences and their labels by article and index.
    """
    found = []
    for witness in witnesses:
        sentence, labels = labelled.get((witness.article_id, witness.index), (None, frozenset()))
        if sentence is None or sentence.text[:START] != witness.text_start:
            found.append((witness, "is another sentence in the corpus"))
        elif not fits(witness.rule, witness.side, labels):
            found.append((witness, f"is labelled {', '.join(sorted(labels)) or 'none'}"))
    return found
