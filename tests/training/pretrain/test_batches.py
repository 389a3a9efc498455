"""What a step reads depends on its position alone: each block once an epoch, whether or not a run was killed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.pretrain.batches import draw_batch, mask_rate, step_blocks
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.masking import Vocabulary
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK

VOCABULARY = Vocabulary(2, 3, 4, torch.zeros(1000, dtype=torch.bool), torch.arange(5, 1000))


def config(batch_blocks: int = 4, seed: int = 0, **changes: float) -> PretrainConfig:
    return PretrainConfig(
        vocab_size=1000,
        layers=1,
        hidden_size=16,
        heads=2,
        intermediate_size=16,
        max_length=122,
        batch_blocks=batch_blocks,
        learning_rate=0.001,
        warmup=0.1,
        weight_decay=0.01,
        summary_weight=0.3,
        embedding_epochs=0,
        embedding_scale=0.05,
        seed=seed,
        **({"mask_rate": 0.2, "final_mask_rate": 0.2} | changes),
    )


def numbered(blocks: int) -> np.ndarray:
    """Return blocks that are filled with their number, from 5 on."""
    return np.repeat(np.arange(5, blocks + 5, dtype=np.uint16)[:, None], BLOCK, axis=1)


def read(blocks: int, step: int, settings: PretrainConfig) -> list[int]:
    """Return the numbers of the blocks that ``step`` reads."""
    batch = draw_batch(numbered(blocks), Position(step, step * settings.batch_blocks), VOCABULARY, settings)
    return (batch.content.reshape(-1, BLOCK)[:, 0] - 5).tolist()


@given(blocks=st.integers(1, 40), batch_blocks=st.integers(1, 9), seed=st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_every_epoch_reads_every_block_once(blocks, batch_blocks, seed):
    epochs = 3
    steps = -(-epochs * blocks // batch_blocks)
    seen = [number for step in range(steps) for number in read(blocks, step, config(batch_blocks, seed))]
    counts = np.bincount(seen, minlength=blocks)
    assert counts.min() >= epochs
    assert counts.sum() == steps * batch_blocks


def test_a_step_is_a_function_of_its_position():
    first, again = (draw_batch(numbered(30), Position(7, 28), VOCABULARY, config()) for _ in range(2))
    assert torch.equal(first.input_ids, again.input_ids)
    assert torch.equal(first.positions, again.positions)


def test_what_the_encoder_has_read_before_is_passed_over():
    later = config(tokens_read=3 * 4 * BLOCK + 7)
    assert read(30, 0, later) == read(30, 3, config())


def test_steps_and_seeds_differ():
    drawn = {
        tuple(draw_batch(numbered(30), Position(step, 4 * step), VOCABULARY, config(seed=seed)).positions.tolist())
        for step in range(3)
        for seed in (0, 1000)
    }
    assert len(drawn) == 6


@given(processes=st.integers(1, 4), step=st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_processes_share_the_blocks_of_a_step(processes, step):
    place = Position(step, 12 * step)
    shares = [
        draw_batch(numbered(40), place, VOCABULARY, config(12), rank=rank, processes=processes)
        for rank in range(processes)
    ]
    found = [share.content.reshape(-1, BLOCK)[:, 0].tolist() for share in shares]
    whole = draw_batch(numbered(40), place, VOCABULARY, config(12)).content.reshape(-1, BLOCK)[:, 0].tolist()
    assert {len(share) for share in found} == {12 // processes}
    assert sorted(number for share in found for number in share) == sorted(whole)


def test_processes_hide_other_words():
    same = np.repeat(numbered(1), 40, axis=0)
    one, other = (draw_batch(same, Position(0, 0), VOCABULARY, config(), rank=rank, processes=2) for rank in range(2))
    assert not torch.equal(one.input_ids, other.input_ids)


def test_the_blocks_of_a_step_rise_from_a_quarter_to_all():
    ramped = config(16, batch_ramp=0.5)
    assert [step_blocks(ramped, progress) for progress in (0, 0.25, 0.5, 1)] == [4, 10, 16, 16]
    assert [step_blocks(ramped, progress, processes=3) for progress in (0, 0.5)] == [3, 15]
    assert step_blocks(config(1, batch_ramp=0.5), 0.0) == 1
    assert step_blocks(config(16), 0.0) == 16


def test_the_share_of_hidden_words_falls_linearly():
    falling = config(40, mask_rate=0.5, final_mask_rate=0.1)
    assert [mask_rate(falling, progress) for progress in (0, 0.5, 1)] == pytest.approx([0.5, 0.3, 0.1])
    hidden = [
        len(draw_batch(numbered(40), Position(), VOCABULARY, falling, progress).targets) / (40 * BLOCK)
        for progress in (0, 1)
    ]
    assert hidden == pytest.approx([0.5, 0.1], abs=0.03)


def test_blocks_are_read_whole_in_halves_and_in_quarters():
    shapes = {
        tuple(draw_batch(numbered(30), Position(step, 4 * step), VOCABULARY, config()).content.shape)
        for step in range(20)
    }
    assert shapes == {(4, BLOCK), (8, BLOCK // 2), (16, BLOCK // 4)}
