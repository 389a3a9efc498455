"""How varied the words of a text are."""

from collections.abc import Sequence

WINDOW = 500


def lexical_diversity(words: Sequence[str], window: int = WINDOW) -> float:
    """Return the moving-average type-token ratio (Covington, McFall 2010): distinct words among ``window``, on average.

    Unlike the plain ratio it does not fall with the length of the text. The window moves by a fifth of its length; a text
    that is shorter than the window is one window.
    """
    window = min(window, len(words))
    starts = range(0, len(words) - window + 1, max(window // 5, 1))
    ratios = [len(set(words[start : start + window])) / max(window, 1) for start in starts]
    return sum(ratios) / len(ratios)
