"""The tables of the README: what the last pipeline pass measured on test, on each part of it, and on the challenge sentences.

python benchmarks/metrics_table.py [--metrics reports/metrics.json] [--challenge reports/evaluation/challenge.csv]
"""

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import typer

KINDS = ("minimum", "invariance", "direction")


def label_table(test: dict[str, Any]) -> None:
    print("| | precision | recall | F1 | 95 % interval | average precision | sentences |\n|" + "---|" * 7)
    for name, scores in test.items():
        if isinstance(scores, dict):
            interval = f"{scores['f1_low']:.3f} to {scores['f1_high']:.3f}"
            figures = f"{scores['precision']:.3f} | {scores['recall']:.3f} | {scores['f1']:.3f} | {interval}"
            print(f"| {name} | {figures} | {scores['average_precision']:.3f} | {scores['support']:.0f} |")
    macro = f"{test['macro_precision']:.3f} | {test['macro_recall']:.3f} | **{test['macro_f1']:.3f}**"
    print(f"| macro | {macro} | {test['macro_f1_low']:.3f} to {test['macro_f1_high']:.3f} | | |")
    print(
        f"\nmicro-F1 {test['micro_f1']:.3f}, exact match {test['exact_match']:.3f}, calibration error {test['calibration_error']:.3f}"
    )


def part_table(measured: dict[str, Any]) -> None:
    """Print macro-F1 with its interval by contender and part of test."""

    def macro(scores: dict[str, Any]) -> str:
        return f"{scores['macro_f1']:.3f} ({scores['macro_f1_low']:.3f} to {scores['macro_f1_high']:.3f})"

    parts = [name for name in ("test", "test_cells", "test_random") if name in measured]
    print(f"| macro-F1 | {' | '.join(part.replace('_', ', ') for part in parts)} |\n|{'---|' * (len(parts) + 1)}")
    print(f"| netral | {' | '.join(macro(measured[part]) for part in parts)} |")
    for name, scores in measured["baselines"].items():
        # The whole of test stands beside its parts.
        print(f"| {name} | {' | '.join(macro(scores.get(part, scores)) for part in parts)} |")


def rule_table(rates: list[dict[str, str]]) -> None:
    """Print, by rule, how many of the challenges of each kind are passed."""
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for rate in rates:
        cells[rate["rule"]][rate["kind"]] = f"{rate['passed']} of {rate['total']}"
    print(f"| rule | {' | '.join(KINDS)} |\n|{'---|' * (len(KINDS) + 1)}")
    for rule, given in cells.items():
        print(f"| {rule} | {' | '.join(given.get(kind, '') for kind in KINDS)} |")
    totals = []
    for kind in KINDS:
        passed, total = (sum(int(rate[what]) for rate in rates if rate["kind"] == kind) for what in ("passed", "total"))
        totals.append(f"**{passed} of {total}, {passed / max(total, 1):.0%}**")
    print(f"| all | {' | '.join(totals)} |")


def main(
    metrics: Path = Path("reports/metrics.json"), challenge: Path = Path("reports/evaluation/challenge.csv")
) -> None:
    measured = json.loads(metrics.read_text(encoding="utf-8"))
    label_table(measured["test"])
    print()
    part_table(measured)
    if challenge.is_file():
        print()
        with challenge.open(newline="", encoding="utf-8") as file:
            rule_table(list(csv.DictReader(file)))


if __name__ == "__main__":
    typer.run(main)
