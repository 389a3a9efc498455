"""Cut the text of a page into paragraphs of prose and named boilerplate."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.corpus.boilerplate import (
    CAPTION_LABEL,
    CLOSING,
    COMMENT_SECTION,
    CREDIT,
    DATELINES,
    INLINE_LINK,
    LINK_BLOCK,
    line_reason,
    may_close,
    may_credit,
)
from pipeline.corpus.lines import LIST_MARKER, TAIL, Span, is_ended, lines_of, trim
from pipeline.corpus.records import normalise
from pipeline.corpus.sentences import split_sentences

NamedSpan = tuple[int, int, str]

_SITE_NAME = re.compile(r"[A-Z][\w.]{2,25}(?:\s[A-Z][\w.]{2,25})?\s[-–—]\s")
_WORD = re.compile(r"[^\W\d_]+")

_MAY_MATCH: dict[re.Pattern[str], Callable[[str], bool]] = {
    CLOSING: may_close,
    CREDIT: may_credit,
    INLINE_LINK: lambda text: ":" in text,
}

# A dateline stands before one of the first so many paragraphs: captions may precede it.
DATELINE_PARAGRAPHS = 3


@dataclass
class Cleaned:
    """The prose and the rest of one text; together with white space they cover it, in order."""

    prose: list[Span] = field(default_factory=list)
    removed: list[NamedSpan] = field(default_factory=list)


@dataclass
class _Page:
    """What is known of a page while its lines are read."""

    text: str
    title: str
    heading_words: int
    site_name: str | None
    in_list: bool = False
    in_links: bool = False
    in_comments: bool = False
    dateline_due: int = DATELINE_PARAGRAPHS


def clean(text: str, title: str, heading_words: int) -> Cleaned:
    """Separate the prose of ``text`` from its boilerplate.

    Args:
        title: the headline, recognised where it is repeated.
        heading_words: a line of up to so many words without a full stop is a heading.
    """
    lines = list(lines_of(text))
    page = _Page(text, normalise(title), heading_words, _site_name(text, lines))
    reasons = [line_reason(text[slice(*span)]) for span in lines]
    prose_like = [number for number, reason in enumerate(reasons) if reason is None]
    ended = [number for number in prose_like if is_ended(text, *lines[number])]
    last_line, last_ended = max(prose_like, default=-1), max(ended, default=-1)
    cleaned = Cleaned()
    for number, (start, end) in enumerate(lines):
        page.in_comments |= number > last_ended // 2 and COMMENT_SECTION.match(text, start, end) is not None
        reason = _reason(page, start, end, reasons[number], followed=number < last_line)
        if reason is None:
            _keep(page, start, end, cut_off=number < last_ended, cleaned=cleaned)
        else:
            cleaned.removed.append((start, end, reason))
    return cleaned


def _site_name(text: str, lines: list[Span]) -> str | None:
    """Return the site name that stands before most paragraphs ("Siwalimanews – "), if there is one."""
    starts = Counter(match.group() for start, end in lines if (match := _SITE_NAME.match(text, start, end)))
    name, count = starts.most_common(1)[0] if starts else ("", 0)
    return name if count >= 3 else None


def _reason(page: _Page, start: int, end: int, alone: str | None, followed: bool) -> str | None:
    """Return why the line is no prose, or ``None``; keeps track of link blocks and comments in ``page``.

    ``alone``: what :func:`line_reason` says of the line.
    """
    if page.in_comments:
        return "comment"
    line = page.text[start:end]
    words = len(line.split())
    if page.title and len(line) <= 2 * len(page.title) + TAIL and _repeats_title(line, page.title):
        return "title"
    if LINK_BLOCK.fullmatch(line[:TAIL]):
        page.in_links, page.in_list = True, False
        return "related"
    ended = (
        is_ended(page.text, start, end)
        or _at_end(CLOSING, page.text, start, end) is not None
        or ((link := _at_end(INLINE_LINK, page.text, start, end)) is not None and link.end() == end)
    )
    captioned = _at_end(CREDIT, page.text, start, end) is not None or CAPTION_LABEL.match(line) is not None
    listed = page.in_list and LIST_MARKER.match(line) is not None
    if not (captioned and words >= 8) and alone and not (listed and alone == "date"):
        return alone
    if page.in_links:
        if words <= page.heading_words and (not ended or line.endswith("?")):
            return "related"
        page.in_links = False
    if captioned and words < 8:
        return "caption"
    if captioned or (ended and (words > 2 or line[-1] not in '"”')):
        return None
    if line[-1] in ":;,":
        return None if words >= 3 and followed else "heading"
    if listed:
        return None
    return "heading" if words <= page.heading_words or _is_headline(line) else None


def _at_end(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    """Search the end of a paragraph for a pattern, if what it needs is there: most paragraphs have none of them."""
    start = max(start, end - TAIL)
    return pattern.search(text, start, end) if _MAY_MATCH[pattern](text[start:end]) else None


def _repeats_title(line: str, title: str) -> bool:
    """Say whether ``line`` is the title, normalised, cut off or with the outlet's name behind it."""
    if title.strip(". …") and not title.startswith(normalise(line[0])):
        return False  # Most lines begin otherwise.
    line = normalise(line).rstrip(". …")
    if line == title.rstrip(". …"):
        return True
    return len(line.split()) > 3 and (
        title.startswith(line) or (line.startswith(title) and len(line) < len(title) + 40)
    )


def _is_headline(line: str) -> bool:
    if len(split_sentences(line)) > 1:
        return False
    words: list[str] = _WORD.findall(line)
    return sum(word[0].isupper() for word in words) > 0.6 * len(words)


def _keep(page: _Page, start: int, end: int, cut_off: bool, cleaned: Cleaned) -> None:
    """Add the paragraph as prose, without what is stuck to its beginning, middle and end.

    ``cut_off``: a caption without an end is taken for cut off, since prose with an end follows.
    """
    text = page.text
    head: list[NamedSpan] = []
    tail: list[NamedSpan] = []

    def cut_head(pattern: re.Pattern[str], reason: str) -> bool:
        nonlocal start
        match = pattern.match(text, start, end)
        if match is None or match.end() >= end:
            return False
        head.append((*match.span(), reason))
        start = match.end()
        return True

    def cut_tail(pattern: re.Pattern[str], reason: str) -> bool:
        nonlocal end
        match = _at_end(pattern, text, start, end)
        if match is None or match.start() <= start:
            return False
        tail.insert(0, (*trim(text, match.start(), end), reason))
        end = match.start()
        return True

    in_list = cut_head(LIST_MARKER, "marker") and page.in_list
    labelled = cut_head(CAPTION_LABEL, "caption")
    if page.site_name and text.startswith(page.site_name, start, end):
        head.append((start, start + len(page.site_name), "dateline"))
        start += len(page.site_name)
    leading = page.dateline_due > 0
    if leading:
        page.dateline_due = 0 if any(cut_head(pattern, "dateline") for pattern in DATELINES) else page.dateline_due - 1
    credited = cut_tail(CREDIT, "caption")
    while cut_tail(CLOSING, "closing"):
        pass

    _, end = trim(text, start, end)
    page.in_list = text[end - 1] == ":" or in_list or (page.in_list and text[end - 1] in ";,")
    if (credited or labelled or (leading and page.dateline_due > 0 and not in_list)) and cut_off:
        end = _without_cut_caption(text, start, end, tail)
    cleaned.removed += head
    for link in INLINE_LINK.finditer(text, start, end) if ":" in text[start:end] else ():
        if link.start() > start:
            cleaned.prose.append((start, link.start()))
        cleaned.removed.append((*link.span(), "related"))
        start = link.end()
    if start < end:
        cleaned.prose.append((start, end))
    cleaned.removed += tail


def _without_cut_caption(text: str, start: int, end: int, tail: list[NamedSpan]) -> int:
    """Return the end of a caption's whole sentences; what is cut off behind them goes to ``tail``."""
    if is_ended(text, start, end) or text[end - 1] in ":;,)":
        return end
    last, _ = split_sentences(text, start, end)[-1]
    tail.insert(0, (last, end, "caption"))
    return last
