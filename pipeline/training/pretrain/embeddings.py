"""Word-piece vectors from co-occurrence: where the embedding matrix starts."""

from collections.abc import Iterator

import numpy as np
from gensim.models import Word2Vec
from numpy.typing import NDArray

from pipeline.training.pretrain.tokens import Ids

SENTENCE = 200


class PieceStream:
    """Re-iterable view of a token stream as lists of token ids in text form, which gensim wants."""

    def __init__(self, tokens: Ids) -> None:
        self.tokens = tokens

    def __iter__(self) -> Iterator[list[str]]:
        for start in range(0, len(self.tokens), SENTENCE):
            yield [str(piece) for piece in self.tokens[start : start + SENTENCE].tolist()]


def co_occurrence_vectors(tokens: Ids, vocab_size: int, size: int, epochs: int, seed: int) -> NDArray[np.float32]:
    """Train skip-gram vectors with negative sampling (Mikolov et al. 2013) of the word pieces in ``tokens``.

    Returns:
        Shape ``(vocab_size, size)``, centred, standard deviation 1 over the pieces that occur; zero rows for the others.
    """
    model = Word2Vec(
        PieceStream(tokens),
        vector_size=size,
        window=5,
        min_count=5,
        sg=1,
        negative=5,
        sample=1e-4,
        epochs=epochs,
        seed=seed,
        # More would take turns in another order each time, and give other vectors.
        workers=1,
    )
    vectors = np.zeros((vocab_size, size), dtype=np.float32)
    seen = np.array([int(key) for key in model.wv.index_to_key])
    found = model.wv.vectors - model.wv.vectors.mean(axis=0)
    vectors[seen] = found / found.std()
    return vectors
