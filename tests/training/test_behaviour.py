"""Pass rates of challenge sentences."""

import numpy as np

from pipeline.corpus.challenge import Challenge
from pipeline.training.behaviour import PassRate, behaviour_page, pass_rates, passes
from pipeline.training.evaluation import Predictions

LABELS = ["appeal", "prohibition"]
CHALLENGES = [
    Challenge(id="a", rule="ban", kind="minimum", text="Jangan ikut.", labels=("prohibition",)),
    Challenge(id="b", rule="ban", kind="invariance", text="Jangan iktu.", labels=("prohibition",), base="a"),
    Challenge(
        id="c",
        rule="ban",
        kind="direction",
        text="Boleh ikut.",
        labels=(),
        base="a",
        label="prohibition",
        direction="down",
    ),
    Challenge(id="d", rule="plea", kind="minimum", text="Mari datang.", labels=("appeal",)),
]


def predictions(*probabilities: tuple[float, float]) -> Predictions:
    values = np.array(probabilities)
    return Predictions(values, (values >= 0.5).astype(np.int8))


def test_a_good_model_passes_all():
    given = predictions((0.1, 0.9), (0.1, 0.8), (0.1, 0.2), (0.9, 0.1))
    assert passes(CHALLENGES, given, LABELS) == [True, True, True, True]


def test_each_kind_fails_for_its_own_reason():
    # a has a label too many, b differs from a, c falls by too little, d lacks its label
    given = predictions((0.6, 0.9), (0.1, 0.9), (0.1, 0.85), (0.4, 0.1))
    assert passes(CHALLENGES, given, LABELS) == [False, False, False, False]


def test_invariance_asks_for_the_same_answer_not_for_the_right_one():
    given = predictions((0.9, 0.1), (0.9, 0.2), (0.1, 0.0), (0.9, 0.1))
    assert passes(CHALLENGES, given, LABELS)[:2] == [False, True]


def test_rates_are_counted_by_rule_and_kind():
    rates = pass_rates(CHALLENGES, [True, False, True, False])
    assert rates[0] == PassRate("ban", "minimum", 1, 1)
    assert PassRate("plea", "minimum", 0, 1) in rates


def test_the_page_lists_what_was_failed():
    given = predictions((0.1, 0.9), (0.1, 0.8), (0.1, 0.2), (0.1, 0.1))
    page = behaviour_page(CHALLENGES, given, passes(CHALLENGES, given, LABELS), LABELS)
    assert "3 of 4 are passed" in page
    assert "Mari datang. - expected appeal, was given none" in page
    assert "Jangan ikut." not in page.split("## Failed")[1]
