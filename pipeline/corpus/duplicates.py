"""Near-duplicates: reprinted articles and repeated sentences."""

from collections.abc import Iterable, Sequence

from rensa import RMinHash, RMinHashLSH

from pipeline.corpus.records import normalise

# Signatures have so many permutations; a pair at the threshold is missed with at most this probability.
PERMUTATIONS = 128
MISSED = 1e-4


def word_shingles(text: str, size: int = 3) -> set[str]:
    words = normalise(text).split()
    return {" ".join(words[i : i + size]) for i in range(max(len(words) - size + 1, 1))}


def character_shingles(text: str, size: int = 5) -> set[str]:
    folded = normalise(text)
    return {folded[i : i + size] for i in range(max(len(folded) - size + 1, 1))}


def jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def similar_pairs(shingles: Sequence[set[str]], threshold: float) -> Iterable[tuple[int, int]]:
    """Yield the pairs ``i < j`` of sets whose Jaccard similarity is at least ``threshold``.

    Candidates come from MinHash with locality-sensitive hashing (Broder 1997; Indyk, Motwani 1998) and are verified.
    """
    index = RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=_bands(threshold))
    for j, current in enumerate(shingles):
        signature = RMinHash(num_perm=PERMUTATIONS, seed=1)
        signature.update(sorted(current))
        for i in sorted(index.query(signature)):
            if jaccard(shingles[i], current) >= threshold:
                yield i, j
        index.insert(j, signature)


def _bands(threshold: float) -> int:
    """Return the fewest bands that find a pair at ``threshold``: more of them cost time, since more candidates are verified."""
    for bands in (8, 16, 32, 64):
        if (1 - threshold ** (PERMUTATIONS // bands)) ** bands <= MISSED:
            return bands
    return PERMUTATIONS
