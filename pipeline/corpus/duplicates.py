"""Near-duplicates: reprinted articles and repeated sentences."""

from collections.abc import Iterable, Sequence

from rensa import RMinHash, RMinHashLSH

from pipeline.corpus.records import normalise

# Estimates come from so many permutations; candidates are verified, so a low threshold costs time, not errors.
PERMUTATIONS = 128
BANDS = 32


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
    index = RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=BANDS)
    for j, current in enumerate(shingles):
        signature = RMinHash(num_perm=PERMUTATIONS, seed=1)
        signature.update(sorted(current))
        for i in sorted(index.query(signature)):
            if jaccard(shingles[i], current) >= threshold:
                yield i, j
        index.insert(j, signature)
