"""Cut the text of a page into lines, one per paragraph: hard-wrapped ones are joined."""

import re
from collections.abc import Iterator
from itertools import pairwise

from pipeline.corpus.boilerplate import line_reason

Span = tuple[int, int]

_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_FIRST_WORD = re.compile(r"\S+")
LIST_MARKER = re.compile(r"\s*(?:\(?\d{1,2}[.)]|[a-z][.)]|[-•*–—»·▪●◦])\s+(?=\S)")

# Lines at least so long, in characters, may be hard-wrapped prose; shorter ones end where they end.
WRAPPED_LINE = 50
# Text is not wrapped at more characters than these; its lines are shorter by less than a word.
WIDEST = 120
LONG_WORD = 12
# What :func:`line_reason` may find by chance in one line of a wrapped paragraph.
_CHANCE = frozenset({None, "date", "breadcrumb", "byline"})
# Patterns that look at the end of a paragraph see so many characters.
TAIL = 120


def lines_of(text: str) -> Iterator[Span]:
    """Yield the lines of ``text`` without white space at their edges, hard-wrapped lines of one paragraph joined."""
    spans = [trim(text, *match.span()) for match in _LINE.finditer(text)]
    lines = [(start, end) for start, end in spans if start < end]
    width = _width(text, lines)
    start = lines[0][0] if lines else 0
    for line, following in pairwise(lines):
        if not _wraps(text, line, following, width):
            yield start, line[1]
            start = following[0]
    if lines:
        yield start, lines[-1][1]


def trim(text: str, start: int, end: int) -> Span:
    """Return the span of ``text[start:end]`` without the white space at its edges."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _width(text: str, lines: list[Span]) -> int:
    """Return the width at which ``text`` is hard-wrapped, or 0: lines whose sentence goes on in the next one tell it."""
    lengths = [line[1] - line[0] for line, following in pairwise(lines) if _goes_on(text, line, following)]
    if len(lengths) < 2 or max(lengths) > WIDEST:
        return 0
    return max(end - start for start, end in lines if end - start < max(lengths) + LONG_WORD)


def _goes_on(text: str, line: Span, following: Span) -> bool:
    """Say whether the sentence of a long line goes on, in lower case, in the next one."""
    start, end = line
    return (
        end - start >= WRAPPED_LINE
        and text[following[0]].islower()
        and text[end - 1] not in ":;,"
        and not is_ended(text, start, end)
        and _may_join(text, line, following)
    )


def _may_join(text: str, line: Span, following: Span) -> bool:
    return text.count("\n", line[1], following[0]) <= 1 and not LIST_MARKER.match(text, *following)


def _wraps(text: str, line: Span, following: Span, width: int) -> bool:
    """Say whether ``following`` belongs to the paragraph of ``line``: its sentence goes on, or it has no room for one word more."""
    goes_on = _goes_on(text, line, following)
    if not goes_on:
        word = _FIRST_WORD.match(text, *following)
        length = line[1] - line[0]
        if word is None or not length <= width <= length + len(word.group()) or not _may_join(text, line, following):
            return False
    found = {line_reason(text[slice(*line)]), line_reason(text[slice(*following)])}
    return found == {None} if goes_on and not width else found <= _CHANCE


def is_ended(text: str, start: int, end: int) -> bool:
    """Say whether ``text[start:end]`` has a full stop, or the like, at its end."""
    tail = text[max(start, end - TAIL) : end]
    return tail.endswith(('"', "”")) or tail.rstrip("\"'”’»)]").endswith((".", "?", "!", "…"))
