"""What a run computes once, before its first step, and keeps in its folder of work."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from transformers import BertTokenizer

from pipeline.files import whole_file
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.embeddings import co_occurrence_vectors
from pipeline.training.pretrain.text import TextSource, paragraphs
from pipeline.training.pretrain.tokens import Ids, write_tokens
from pipeline.training.pretrain.wordpiece import backend, train_wordpiece


def prepare_tokens(sources: list[TextSource], work: Path, config: PretrainConfig, console: Console) -> BertTokenizer:
    """Train the tokenizer and encode the text, unless an earlier run has done so."""

    def text() -> Iterator[str]:
        for source in sources:
            yield from paragraphs(source)

    if (work / "tokens.json").exists():
        finished: BertTokenizer = BertTokenizer.from_pretrained(work)
        return finished
    console.print("training the tokenizer")
    tokenizer = train_wordpiece(text(), config.vocab_size, config.max_length)
    tokenizer.save_pretrained(work)
    console.print("encoding the text")
    write_tokens(text(), backend(tokenizer), work)
    return tokenizer


def cached_vectors(work: Path, tokens: Ids, config: PretrainConfig, console: Console) -> NDArray[np.float32]:
    """Return the co-occurrence vectors that embeddings start from, trained unless an earlier run has done so."""
    path = work / "vectors.npy"
    if not path.exists():
        console.print("training co-occurrence vectors")
        vectors = co_occurrence_vectors(
            tokens,
            config.vocab_size,
            config.word_size,
            config.embedding_epochs,
            config.seed,
            torch.get_num_threads(),
        )
        with whole_file(path) as beside, beside.open("wb") as file:
            np.save(file, vectors)
    return np.asarray(np.load(path))
