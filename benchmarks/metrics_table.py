"""The table of the README: what the last pipeline pass measured on test and on the challenge sentences.

python benchmarks/metrics_table.py [--metrics reports/metrics.json]
"""

import json
from pathlib import Path

import typer


def main(metrics: Path = Path("reports/metrics.json")) -> None:
    measured = json.loads(metrics.read_text())
    test = measured["test"]
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
    for name, scores in measured["baselines"].items():
        print(f"{name}: macro-F1 {scores['macro_f1']:.3f}, micro-F1 {scores['micro_f1']:.3f}")
    for kind, share in measured.get("challenge", {}).items():
        print(f"challenge sentences, {kind}: {share:.1%} passed")


if __name__ == "__main__":
    typer.run(main)
