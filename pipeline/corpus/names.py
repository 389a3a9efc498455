"""The names of persons in a corpus, to hold against a list of names that somebody has read and found to be invented.

A name is looked for where news introduces one: behind a verb of saying or a form of address, before an age or a degree, in a byline.
Offices stand in the same places and are passed over; a name that stands in none of them is not found.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.errors import InputError

_SAID = (
    r"(?:kata|ujar|tutur|ucap|jelas|tegas|ungkap|papar|terang|sebut|imbuh|tambah|kenang|cerita|keluh|aku|sergah|timpal|sahut"
    r"|jawab|canda|kelakar|pesan|pinta|kilah)(?:nya)?"
)
_ADDRESS = (
    r"(?:Pak|Bu|Ibu|Bapak|Bang|Mas|Mbak|Kak|Haji|Hajah|Ustaz|Ustad|Kiai|Pendeta|Pastor|Romo|Opung|Ompu|Tuan Guru|Gus|Mama|Daeng"
    r"|Puang|Uda|Uni|Datuk|Nenek|Kakek|Keuchik|Kompol|AKP|AKBP|Iptu|Ipda|Kapten|Mayor|Letkol|Serda|Sersan|Inf|Arm|Arh|(?:H|Hj|Dr|dr|Drs|Dra"
    r"|Ir|Prof|Sdr|Sdri|Tgk|Pdt)\.?)"
)
_WORD = r"(?:[A-Z][a-z'’]+(?:-[A-Z][a-z]+)?|[A-Z]\.)"
_NAME = rf"(?P<name>{_WORD}(?: {_WORD})*)"
_CONTEXTS = [
    re.compile(rf"(?:\b{_SAID}|\b{_ADDRESS})\s(?={_NAME})"),
    re.compile(rf"(?<![\w-]){_NAME}(?=,?\s\(\d\d\))"),
    re.compile(rf"(?<![\w-]){_NAME}(?=,\s(?:S|M)\.[A-Z])"),
    re.compile(rf"\b(?:bernama|atas nama)\s(?={_NAME})"),
    re.compile(rf"\b(?:Editor|Penulis|Pewarta|Reporter|Kontributor|Laporan|Foto|Oleh)\s?: ?(?={_NAME})"),
]
# What stands where a name could, and is none: a span that begins with one of these is an office, or the next sentence.
_NO_NAMES = frozenset(
    """
    Admin Analis Anggota Asisten Badan Bawaslu Bidang Bupati Calon Camat Dandim Danpos Danramil Danrem Deputi Desa Dinas Direktur
    Dirjen Diskominfo Ditjen Dok Dukuh Dulu Editor Gampong Gubernur Hadir Hms Hum Humas Inspektur Ist Istimewa Jadi Kabag Kabid
    Kabupaten Kades Kapolda Kapolres Kapolri Kapolsek Kasat Kasi Kasubag Kasubbag Kecamatan Kepala Keputusan Ketua Kodim Komandan
    Kominfo Komisi Komisioner Kontributor Koordinator Kota Lingkar Lurah Menteri Nagari Pangdam Panglima Panwaslu Pasi Pelaksana
    Pelipat Penjabat Peratin Perwira Pj Pjs Plh Plt Polda Polisi Polres Prokopim Protes Provinsi Redaksi Rektor Satpol Sekda
    Sekdes Sekjen Sekretaris Setda Staf Surat Tim Undang-Undang Untuk Urusan Wakapolres Wakil Wali Warga Whats
    """.split()
)


def person_names(text: str) -> Iterator[str]:
    """Yield what looks like the name of a person, address and degrees left out."""
    for context in _CONTEXTS:
        for match in context.finditer(text):
            words = match["name"].split()
            while words and re.fullmatch(_ADDRESS, words[0]):
                words = words[1:]
            if words and words[0] not in _NO_NAMES:
                yield " ".join(words).rstrip(".")


def read_names(path: Path) -> frozenset[str]:
    """Read a list of names, one a line; lines that begin with ``#`` are comments.

    Raises:
        InputError: there is no such file.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such list of names; name another, or set 'checks.names' to null in configs/dataset.yaml"
        ) from None
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def unknown_names(texts: Iterable[tuple[str, str]], known: frozenset[str]) -> list[tuple[str, str]]:
    """Return the names that are not ``known``, each once, with where it stands first.

    Args:
        texts: places, and what is written there.
    """
    found: dict[str, str] = {}
    for place, text in texts:
        for name in person_names(text):
            if name not in known:
                found.setdefault(name, place)
    return sorted(found.items())
