"""Labels by the cue words of the guideline: what a corpus must be harder than, and a model better than."""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

# As whole words; a sentence with one of them carries the label.
KEYWORDS = {
    "appeal": (
        r"meminta|minta|diminta|mengimbau|imbau|mengajak|ajak|mengingatkan|ingatkan|diharapkan|berharap|harus|wajib"
        r"|hendaknya|mari|agar|supaya"
    ),
    "prohibition": (
        r"jangan|dilarang|melarang|larangan|tidak boleh|tak boleh|tidak diperkenankan|menghindari|tidak memihak"
        r"|termasuk pelanggaran"
    ),
    "sanction": (
        r"sanksi|ditindak|hukuman|dihukum|pidana|dipidana|dicopot|diberhentikan|pemberhentian|teguran|diproses"
        r"|direkomendasikan|klarifikasi|terbukti|denda|penjara|divonis"
    ),
    "logistics": (
        r"distribusi|surat suara|kotak suara|tps|jadwal|tahapan|anggaran|digelar|dihadiri|personel|logistik|gudang"
        r"|kapal|pukul|dilaksanakan"
    ),
}
_PATTERNS = {label: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for label, words in KEYWORDS.items()}


def by_keywords(text: str) -> frozenset[str]:
    """Return the labels whose cue words stand in ``text``; a label without cue words is never given."""
    return frozenset(label for label, pattern in _PATTERNS.items() if pattern.search(text))


def keyword_f1(labelled: Iterable[tuple[str, AbstractSet[str]]], labels: Sequence[str]) -> dict[str, float]:
    """Return the F1 of cue words for those of ``labels`` that have any.

    Args:
        labelled: sentences and the labels that they carry.
    """
    given = [(by_keywords(text), carried) for text, carried in labelled]
    scores = {}
    for label in labels:
        if label in KEYWORDS:
            hits = sum(label in found and label in carried for found, carried in given)
            marks = sum((label in found) + (label in carried) for found, carried in given)
            scores[label] = 2 * hits / max(marks, 1)
    return scores
