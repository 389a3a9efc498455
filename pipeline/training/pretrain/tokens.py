"""Paragraphs to token blocks: encoded once, kept on disk, read through a memory map."""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.files import write_json

# Content tokens of a block, without [CLS] and [SEP]. Divisible by 2 and 4: a block is also read as two or four shorter ones.
BLOCK = 120
# Every 200th paragraph is held out, to measure what the model has learned.
HELD_OUT_EVERY = 200

Ids = NDArray[np.uint16]
MOST_PIECES = 2**16


def batched(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch


def write_tokens(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Encode ``texts`` and write ``train.bin`` and ``held_out.bin`` (uint16 token ids, ``[SEP]`` after each paragraph).

    Raises:
        InputError: the tokenizer has more pieces than uint16 can count.
    """
    if len(tokenizer) > MOST_PIECES:
        raise InputError(f"the tokenizer has {len(tokenizer):,} pieces; token files hold at most {MOST_PIECES:,}")
    folder.mkdir(parents=True, exist_ok=True)
    separator = tokenizer.sep_token_id
    # The Rust tokenizer encodes in batches, in parallel; it may come with a length to cut at.
    rust = tokenizer.backend_tokenizer
    rust.no_truncation()
    rust.no_padding()
    count = 0
    with (folder / "train.bin").open("wb") as train, (folder / "held_out.bin").open("wb") as held_out:
        for batch in batched(texts, 2000):
            for encoding in rust.encode_batch_fast(batch, add_special_tokens=False):
                ids = np.array([*encoding.ids, separator], dtype=np.uint16)
                (held_out if count % HELD_OUT_EVERY == 0 else train).write(ids.tobytes())
                count += 1
        for file in (train, held_out):
            file.flush()
            os.fsync(file.fileno())
    # The last: a run that finds it does not encode again.
    write_json(folder / "tokens.json", {"paragraphs": count})


def read_tokens(path: Path) -> Ids:
    """Map a token file into memory. Shape ``(tokens,)``."""
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.zeros(0, dtype=np.uint16)
    return np.memmap(path, dtype=np.uint16, mode="r")


def as_blocks(tokens: Ids) -> Ids:
    """Cut a token stream into blocks. Shape ``(blocks, BLOCK)``; the last, incomplete block is left out."""
    return tokens[: len(tokens) // BLOCK * BLOCK].reshape(-1, BLOCK)


# Drawn once an epoch, not at every step: it takes a second where there are billions of tokens.
@lru_cache(maxsize=2)
def block_order(blocks: int, epoch: int, seed: int) -> NDArray[np.int64]:
    """Return the order in which ``epoch`` visits the blocks: a permutation that depends on nothing but its arguments."""
    order = np.random.default_rng([seed, epoch]).permutation(blocks)
    order.flags.writeable = False
    return order
