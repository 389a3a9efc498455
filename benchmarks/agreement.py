"""How far two annotators agree: Cohen's kappa per label, Krippendorff's alpha with MASI distance over label sets.

python benchmarks/agreement.py [--annotations data/annotations]
"""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import typer
from sklearn.metrics import cohen_kappa_score

from pipeline.corpus.annotations import ADJUDICATOR, read_annotations
from pipeline.corpus.labels import load_labels

LabelSet = frozenset[str]


def masi_distance(one: LabelSet, other: LabelSet) -> float:
    """Return 1 - Jaccard * monotonicity (Passonneau 2006): how far two label sets differ, in [0, 1]."""
    if not one and not other:
        return 0.0
    common = one & other
    if one == other:
        monotonicity = 1.0
    elif common in (one, other):
        monotonicity = 2 / 3
    else:
        monotonicity = 1 / 3 if common else 0.0
    return 1 - len(common) / len(one | other) * monotonicity


def krippendorff_alpha(units: list[list[LabelSet]]) -> float:
    """Return Krippendorff's alpha of label sets under MASI distance; every unit has two or more answers."""
    answers = [answer for unit in units for answer in unit]
    observed = np.mean([masi_distance(a, b) for unit in units for i, a in enumerate(unit) for b in unit[:i]])
    kinds, counts = np.unique([json.dumps(sorted(answer)) for answer in answers], return_counts=True)
    sets = [frozenset(json.loads(kind)) for kind in kinds]
    total = counts.sum()
    expected = sum(
        int(counts[i]) * int(counts[j]) * masi_distance(sets[i], sets[j])
        for i in range(len(sets))
        for j in range(len(sets))
    ) / (total * (total - 1))
    return float(1 - observed / expected)


def main(annotations: Path = Path("data/annotations"), labels: Path = Path("configs/labels.yaml")) -> None:
    names = load_labels(labels).names
    given: dict[tuple[str, str], dict[str, LabelSet]] = defaultdict(dict)
    for placed in read_annotations(sorted(annotations.glob("*.jsonl")), names):
        given[placed.key][placed.annotation.annotator] = frozenset(placed.annotation.labels)
    pairs = [
        [answers["first"], answers["second"]] for answers in given.values() if {"first", "second"} <= answers.keys()
    ]
    for name in names:
        kappa = cohen_kappa_score([name in first for first, _ in pairs], [name in second for _, second in pairs])
        print(f"{name:<12} kappa {kappa:.3f}")
    print(f"{'all':<12} alpha {krippendorff_alpha(pairs):.3f} (MASI)")
    differ = sum(first != second for first, second in pairs)
    settled = sum(ADJUDICATOR in answers for answers in given.values())
    print(f"{len(pairs)} sentences with two answers; {differ} differ, {settled} adjudicated")


if __name__ == "__main__":
    typer.run(main)
