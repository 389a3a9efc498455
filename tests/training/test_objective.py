"""What fine-tuning minimises, and which labels its logits stand for."""

import numpy as np
import pytest
import torch

from pipeline.training.objective import decide, loss_of


@pytest.mark.parametrize("sizes", [[3], [2, 3], [1, 4, 2]])
def test_the_loss_of_choices_is_the_mean_cross_entropy_of_their_groups(sizes):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, sum(sizes), generator=generator)
    chosen = [torch.randint(size, (6,), generator=generator) for size in sizes]
    targets = torch.cat(
        [torch.nn.functional.one_hot(one, size) for one, size in zip(chosen, sizes, strict=True)], dim=1
    )
    expected = [
        -torch.log_softmax(part, dim=1)[torch.arange(6), one].mean()
        for part, one in zip(logits.split(sizes, dim=1), chosen, strict=True)
    ]
    found = loss_of(logits, targets.float(), torch.zeros(6), None, sizes)
    assert found.item() == pytest.approx(sum(expected).item() / len(sizes), rel=1e-5)


def test_labels_by_themselves_are_given_above_0_and_of_exclusive_ones_the_highest():
    logits = np.array([[0.5, -0.1, 2.0, 3.0], [-2.0, -1.0, -0.5, -3.0]])
    assert decide(logits, None).tolist() == [[1, 0, 1, 1], [0, 0, 0, 0]]
    assert decide(logits, [2, 2]).tolist() == [[1, 0, 0, 1], [0, 1, 1, 0]]
    assert decide(logits, [4]).tolist() == [[0, 0, 0, 1], [0, 0, 1, 0]]
