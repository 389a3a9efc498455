"""How a model behaves on challenge sentences: pass rates by rule and kind of test."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.corpus.challenge import Challenge
from pipeline.training.evaluation import Predictions

# A direction counts when the probability moves at least so far.
STEP = 0.1


@dataclass(frozen=True)
class PassRate:
    """How many challenges of one rule and kind were passed."""

    rule: str
    kind: str
    passed: int
    total: int


def passes(challenges: Sequence[Challenge], predictions: Predictions, labels: Sequence[str]) -> list[bool]:
    """Say of each challenge whether the model passes it.

    Args:
        predictions: one row per challenge, in order.
    """
    row = {challenge.id: number for number, challenge in enumerate(challenges)}

    def passed(number: int, challenge: Challenge) -> bool:
        given = predictions.predicted[number]
        if challenge.base is None:
            return all(
                bool(carries) == (label in challenge.labels) for label, carries in zip(labels, given, strict=True)
            )
        base = row[challenge.base]
        if challenge.label is None:
            return bool((given == predictions.predicted[base]).all())
        column = list(labels).index(challenge.label)
        moved = float(predictions.probabilities[number, column] - predictions.probabilities[base, column])
        return moved >= STEP if challenge.direction == "up" else moved <= -STEP

    return [passed(number, challenge) for number, challenge in enumerate(challenges)]


def pass_rates(challenges: Sequence[Challenge], results: Sequence[bool]) -> list[PassRate]:
    """Count passes by rule and kind, rules in the order of the file."""
    counts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for challenge, result in zip(challenges, results, strict=True):
        counts[challenge.rule, challenge.kind].append(result)
    return [PassRate(rule, kind, sum(given), len(given)) for (rule, kind), given in counts.items()]


def behaviour_page(
    challenges: Sequence[Challenge], predictions: Predictions, results: Sequence[bool], labels: Sequence[str]
) -> str:
    """Return pass rates by rule as a Markdown table, and the sentences that were failed below it."""
    lines = [
        f"# Challenge sentences\n\n{sum(results)} of {len(challenges)} are passed.\n",
        "| rule | kind | passed | of | share |\n|---|---|---|---|---|",
    ]
    lines += [
        f"| {rate.rule} | {rate.kind} | {rate.passed} | {rate.total} | {rate.passed / rate.total:.0%} |"
        for rate in pass_rates(challenges, results)
    ]
    lines.append("\n## Failed\n")
    texts = {challenge.id: challenge.text for challenge in challenges}
    for challenge, row, score, passed in zip(
        challenges, predictions.predicted, predictions.probabilities, results, strict=True
    ):
        if passed:
            continue
        given = ", ".join(label for label, carries in zip(labels, row, strict=True) if carries) or "none"
        scores = ", ".join(f"{label} {value:.2f}" for label, value in zip(labels, score, strict=True))
        against = f" (against: {texts[challenge.base]})" if challenge.base else ""
        expected = (
            f"{challenge.label} to go {challenge.direction}"
            if challenge.label
            else ", ".join(challenge.labels) or "none"
        )
        lines.append(
            f"- *{challenge.rule}*: {challenge.text}{against} - expected {expected}, was given {given} ({scores})"
        )
    return "\n".join(lines) + "\n"
