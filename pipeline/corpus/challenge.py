"""Challenge sentences: short, in minimal pairs, each testing one rule of the guideline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.corpus.jsonl import read_jsonl
from pipeline.errors import complain


class Challenge(BaseModel):
    """One challenge sentence, after the three kinds of test of CheckList (Ribeiro et al. 2020).

    Attributes:
        rule: what it tests, for instance ``lifted ban``.
        kind: ``minimum``: the sentence must get exactly ``labels``. ``invariance``: it must get the labels that the sentence
            ``base`` gets, whatever they are. ``direction``: the probability of ``label`` must lie above (``up``) or below
            (``down``) that of ``base``, by a tenth at least.
        labels: what it carries by the guideline, for every kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    rule: str = Field(min_length=1)
    kind: Literal["minimum", "invariance", "direction"]
    text: str = Field(min_length=1)
    labels: tuple[str, ...]
    base: str | None = None
    label: str | None = None
    direction: Literal["up", "down"] | None = None

    @model_validator(mode="after")
    def has_what_its_kind_needs(self) -> Self:
        if (self.base is None) != (self.kind == "minimum"):
            raise ValueError("'invariance' and 'direction' have a 'base', 'minimum' has none")
        if (self.label is None or self.direction is None) == (self.kind == "direction"):
            raise ValueError("'direction' has a 'label' and a 'direction', the others have none")
        return self


def read_challenges(path: Path, labels: Sequence[str]) -> list[Challenge]:
    """Read challenge sentences (JSONL).

    Raises:
        InputError: a line is no challenge, repeats an id, has an unknown label, or a base that does not exist; all are listed.
    """
    challenges: dict[str, Challenge] = {}
    problems: list[str] = []
    for place, challenge in read_jsonl(path, Challenge, problems):
        named = {*challenge.labels, *([challenge.label] if challenge.label else [])}
        if unknown := sorted(named - set(labels)):
            problems.append(f"{place}: unknown label {', '.join(unknown)} (known: {', '.join(labels)})")
        if challenges.setdefault(challenge.id, challenge) is not challenge:
            problems.append(f"{place}: id '{challenge.id}' occurs twice")
    problems += [
        f"{path}: '{challenge.id}' has the base '{challenge.base}', which does not exist"
        for challenge in challenges.values()
        if challenge.base is not None and challenge.base not in challenges
    ]
    complain(problems, "challenge sentences cannot be used")
    return list(challenges.values())
