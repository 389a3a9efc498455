"""Split a paragraph of Indonesian news into sentences, by offsets.

Policy: a quotation of several sentences is split into them, since each may carry labels of its own; a reporting clause
stays with the sentence that it follows. Where a rule cannot decide, the text is left whole.
"""

import re

from pipeline.corpus.abbreviations import BEFORE_A_NAME, BEFORE_A_NUMBER, DEGREES

Span = tuple[int, int]

OPENING = "\"'“‘«(["
CLOSING = "\"'”’»)]"
# Terminators, with the quotes and brackets that close behind them.
_END = re.compile(rf"[.?!…]+[{re.escape(CLOSING)}]*")
# The word before a full stop: letters with inner dots ("S.H", "M.Si"), or digits. Looked for in so many characters.
_WORD = re.compile(r"[^\W_](?:[\w.’'/-]*[^\W_])?$")
_LONGEST_WORD = 30
_NEXT = re.compile(r"\S")
_NEXT_ABBREVIATION = re.compile(r"[A-Z][A-Za-z]{0,4}\.(?:\s?[A-Z][A-Za-z]{0,4}\.){0,5}[\s,]")
_INITIALS = re.compile(r"[A-Z](?:\.[A-Z])*")
# "Dapil I. Sementara itu": what such a word counts is no initial.
_COUNTED = re.compile(
    r"\b(?:dapil|daerah pemilihan|zona|wilayah|gelombang|tahap|golongan|kelas|eselon|pleton|blok|grup)\s$",
    re.IGNORECASE,
)
# "s.d.", "a.n.", "u.p.": what follows belongs to them.
_DOTTED_LETTERS = re.compile(r"[a-z](?:\.[a-z])+")
_DOMAIN_END = re.compile(r"(?:Com|Co|Id|Net|News|Org)\b")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Return the spans of the sentences in ``text[start:end]``, in order, without white space at their edges.

    The spans do not overlap, and everything between them is white space.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    begin = _next(text, start, end)
    for match in _END.finditer(text, start, end):
        following = _next(text, match.end(), end)
        if following < end and _is_boundary(text, begin, match.start(), match.end(), following, end):
            spans.append((begin, match.end()))
            begin = following
    while end > begin and text[end - 1].isspace():
        end -= 1
    if begin < end:
        spans.append((begin, end))
    return spans


def _next(text: str, at: int, end: int) -> int:
    """Return the place of the first character from ``at`` on that is no white space, or ``end``."""
    match = _NEXT.search(text, at, end)
    return match.start() if match else end


def _is_boundary(text: str, begin: int, mark: int, cut: int, following: int, end: int) -> bool:
    """Say whether the sentence that begins at ``begin`` ends at ``cut``.

    Its terminator stands at ``mark``, closing quotes and brackets between ``mark`` and ``cut``, the next word at ``following``.
    """
    character = text[following]
    if following == cut:
        return _is_glued(text, mark, cut, end)
    if character in "\"'”’" and _closes(text, following, end):
        return False
    if not (character.isupper() or character.isdigit() or character in OPENING or character in "”’-–—•\\"):
        return False
    if text[mark] != "." or text[mark : mark + 2] == "..":
        return True
    return _full_stop_ends(text, begin, mark, cut, following, end)


def _is_glued(text: str, mark: int, cut: int, end: int) -> bool:
    """Say whether a sentence begins without a space: "TPS.Distribusi" is two words, "Nusapena.co" and "1.245" are one."""
    after = text[cut : min(cut + 2, end)]
    if len(after) < 2 or not (after[0].isupper() and after[1].islower()) or _DOMAIN_END.match(text, cut, end):
        return False
    before = text[max(mark - 5, 0) : mark].rstrip(CLOSING)[-3:]
    return cut > mark + 1 or (len(before) == 3 and before.isalpha() and (before.islower() or before.isupper()))


def _closes(text: str, quote: int, end: int) -> bool:
    """Say whether a quote mark behind white space closes rather than opens: '… masuk. " ujarnya', not '… masuk. ”Kami'."""
    following = _next(text, quote + 1, end)
    if following == end or text[following] in ",.":
        return True
    return text[following].islower() and (text[quote] in "”’" or following > quote + 1)


def _full_stop_ends(text: str, begin: int, mark: int, cut: int, following: int, end: int) -> bool:
    match = _WORD.search(text, max(begin, mark - _LONGEST_WORD), mark)
    if match is None:
        return True
    word, before = match.group(), text[max(begin, match.start() - 8) : match.start()].rstrip()
    plain = word.replace(".", "").lower()
    if plain in BEFORE_A_NAME:
        # "tahun 1439 H. Untuk": a year of the Hijra; "23 Des. Kantor": a month, no village.
        return word in {"H", "Des"} and before[-1:].isdigit() and not text[following].isdigit()
    if cut > mark + 1:
        return True  # a quote or bracket closes behind the full stop
    if _DOTTED_LETTERS.fullmatch(word):
        return False
    listed = match.start() == begin or text[match.start() - 2 : match.start()] in {": ", "; "}
    if listed and len(word) <= 2 and (word.isdigit() or word.islower()):
        return False  # "1. Menyukai unggahan", "larangan: a. Memakai"
    if plain in BEFORE_A_NUMBER:
        return not text[following].isdigit()
    if plain in DEGREES and (word != plain) and before[-1:] in {",", "."}:
        return _NEXT_ABBREVIATION.match(text, following, end) is None
    if _COUNTED.search(text, max(begin, match.start() - 20), match.start()):
        return True
    # Capitals alone are initials before a name, not before a quotation: "Aang S. Hidayat", "A.R. Tegar", "M. Si".
    return plain in DEGREES or _INITIALS.fullmatch(word) is None or text[following] in '"“‘«'
