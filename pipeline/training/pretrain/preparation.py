"""What a run computes once, before its first step, and keeps in its folder of work."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from transformers import BertTokenizer, PreTrainedTokenizerBase

from pipeline.files import whole_file
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.embeddings import co_occurrence_vectors
from pipeline.training.pretrain.text import TextSource, paragraphs
from pipeline.training.pretrain.tokens import Ids, write_tokens
from pipeline.training.pretrain.wordpiece import train_wordpiece


def prepare_tokens(sources: list[TextSource], work: Path, config: PretrainConfig, console: Console) -> BertTokenizer:
    """Train the tokenizer and encode the text, unless an earlier run has done so."""
    if (work / "tokens.json").exists():
        finished: BertTokenizer = BertTokenizer.from_pretrained(work)
        return finished
    console.print("training the tokenizer")
    tokenizer = train_wordpiece(lambda: _text(sources), config.vocab_size, config.max_length)
    tokenizer.save_pretrained(work)
    encode_text(sources, tokenizer, work, console)
    return tokenizer


def encode_text(sources: list[TextSource], tokenizer: PreTrainedTokenizerBase, work: Path, console: Console) -> None:
    """Encode the text, unless an earlier run has done so."""
    if not (work / "tokens.json").exists():
        console.print("encoding the text")
        write_tokens(_text(sources), tokenizer, work)


def _text(sources: list[TextSource]) -> Iterator[str]:
    for source in sources:
        yield from paragraphs(source)


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
        )
        with whole_file(path) as beside, beside.open("wb") as file:
            np.save(file, vectors)
    return np.asarray(np.load(path))
