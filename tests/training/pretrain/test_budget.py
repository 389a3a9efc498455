"""How far a run has come, by the clock or by what it has read."""

import pytest

from pipeline.errors import InputError
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK


def test_time_is_spent_by_the_second_and_tokens_by_the_block():
    position = Position(step=5, blocks=20, seconds=90.0)
    assert Budget(minutes=3).spent(position) == 0.5
    assert Budget(tokens=80 * BLOCK).spent(position) == 0.25
    assert Budget(tokens=10 * BLOCK).spent(position) > 1


@pytest.mark.parametrize("given", [{}, {"minutes": 1, "tokens": 1}])
def test_a_run_has_one_length(given):
    with pytest.raises(InputError, match="give either minutes or tokens"):
        Budget(**given)
