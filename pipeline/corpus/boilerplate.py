"""What a news page carries beside its prose, by name.

A line is judged by its own words alone here; :mod:`pipeline.corpus.paragraphs` adds what its neighbours tell.
"""

import re
from functools import cache

REASONS = {
    "title": "the headline, repeated in the body",
    "repeat": "a sentence that the article has already had, word for word",
    "tags": "tag lines and hashtags",
    "breadcrumb": "the path of the page in its site, section and outlet names",
    "byline": "authors, editors, photographers, outlets",
    "date": "page dates and reading times",
    "dateline": "place and outlet before the first sentence",
    "caption": "captions that are cut off or no sentence, and photo credits",
    "related": "links to other articles",
    "advertisement": "advertisement marks, scroll prompts, banners",
    "share": "share, reaction and counting widgets",
    "comment": "comment widgets, and all that follows them",
    "prompt": "newsletter, channel and navigation prompts",
    "player": "players and galleries",
    "copyright": "copyright lines",
    "closing": "closing initials and ornaments",
    "heading": "headings and other short lines that are no sentence",
    "marker": "numbers and bullets of list items",
}

# Longer lines are prose; it also bounds the time that a hostile line can cost.
LONGEST_LINE = 300

# A line made of these words, digits and signs alone is a widget.
_WIDGET_WORDS = frozenset(
    """
    bagikan share sebarkan dibagikan shares view views like likes suka dilihat dibaca pembaca kali k rb ribu ini ke on this artikel
    berita url link tautan salin copy berhasil dicopy disalin facebook twitter whatsapp telegram google plus instagram line linkedin
    pinterest email x fb wa g f t w tweet print threads tiktok bbm ig youtube komentar comment comments hits tayangan reaksi anda
    terhadap tentang polling bagaimana pendapat situs
    senang lucu marah sedih kaget biasa saja memuat loading ya tidak menyukai informasi bermanfaat apakah apa bagaimana
    rating jumlah pengunjung
    menit detik baca waktu min read dengarkan putar audio foto lihat video pilihan pilih kecepatan reply balas a font
    """.split()
)
_WORDS = re.compile(r"[^\W\d_]+")

_MONTH = r"(?:jan|feb|mar|apr|mei|may|jun|jul|agu|aug|sep|okt|oct|nov|des|dec)[a-z]*\.?"
_DAY = r"(?:senin|selasa|rabu|kamis|jum[’'`]?at|sabtu|minggu|ahad)"
_DATE = rf"(?:(?:{_DAY},?\s)?\(?\d{{1,2}}[\s/.-](?:{_MONTH}|\d{{1,2}})[\s/.,-]{{1,2}}\d{{2,4}}\)?)"
_TIME = r"\d{1,2}[.:]\d{2}"
_READ_ON = r"(?:baca|simak|lihat|tonton)"
_OTHERS = r"(?:terkait|lainnya|terbaru|populer|terpopuler|pilihan|rekomendasi|sebelumnya)"
_ROLE = (
    r"(?:laporan|reporter|pewarta|penulis|editor|redaktur|kontributor|uploader|sumber|fotografer|foto|dokumentasi|wartawan|jurnalis|author|penyunting"
    r"|rep|red|liputan|publisher|kamerawan|naskah)"
)

# In order; the first that matches the whole line, white space folded, names the reason. What may begin anywhere is slow
# to search for: it is preceded by literals, one of which the line must have. They are in lower case, without "i" and "s",
# whose other forms, as in "İ", "ı" and "ſ", a pattern that ignores case takes for the same.
_LINES: list[tuple[str, ...]] = [
    (
        "related",
        rf"\W*{_READ_ON}(?: (?:juga|pula|lagi|lah|selengkapnya))?(?: (?:artikel|berita|video))?(?: {_OTHERS})? ?: ?\S.*",
    ),
    ("related", r"\W*(?:tonton|simak) (?:juga )?video\b.*"),
    (
        "related",
        rf"\W*(?:{_READ_ON} (?:juga|pula|lagi|selengkapnya)"
        rf"|(?:berita|artikel|tulisan|kabar|video|topik|pos) {_OTHERS}(?: ?:.{{0,60}})?)\W*",
    ),
    (
        "related",
        r"\W*(?:terpopuler|terkini|terbaru|populer|trending|related(?: posts?| articles?)?|rekomendasi(?: untuk anda)?"
        r"|pilihan (?:editor|redaksi)|jangan lewatkan|berita foto)\W*",
    ),
    (
        "advertisement",
        r"\W*(?:advertisement|advertorial|iklan|sponsored|ads|promo)\b"
        r"(?: (?:by|di ?bawah ini|layanan masyarakat ?:|untuk anda|google)(?!\w).*|\W*)",
    ),
    (
        "advertisement",
        r"\W*scroll (?:untuk|to|ke)\b.*|\W*banner ?\d{3,} ?x ?\d{2,}.*|lanjutkan membaca\b.*|geser (?:ke|untuk) .*",
    ),
    (
        "player",
        r"[\W\d]*\d{1,2}:\d{2} ?/ ?(?:\d{1,2}:)?\d{1,2}:\d{2}\W*(?:dengarkan)?\W*|\[gambas:.*\]|foto ?:? ?\d+ ?/ ?\d+|anda mendengarkan .*",
    ),
    (
        "copyright",
        *("copyr", "hak c", "all r", "©"),
        r".*(?:copyright|hak cipta (?:dilindungi|\W*\d{4})|all rights? reserved|©).*",
    ),
    (
        "comment",
        r"(?:kolom |isi |tulis(?:kan)? |lihat semua |tinggalkan |kirim )?komentar\b(?: (?:terbanyak|anda|dinonaktifkan))?\W*(?:\d+\W*)?"
        r"|(?:isi )?komentar (?:ini )?(?:sepenuhnya|di ?luar|adalah|menjadi|bukan)\b.*\b(?:tanggung ?jawab|tanggapan)\b.*",
    ),
    (
        "comment",
        r"\W*\d+ (?:komentar|comments?|tanggapan|balasan)\b[^.?!]{0,40}|tinggalkan (?:balasan|komentar|pesan)\b[^.?!]{0,60}"
        r"|leave a (?:reply|comment).*|facebook comments.*",
    ),
    (
        "comment",
        r"(?:alamat (?:email|surel) anda tidak akan|your email address will not|save my name|simpan nama|ruas yang wajib"
        r"|jadilah yang pertama) .*",
    ),
    (
        "comment",
        r"(?:silakan )?(?:login|masuk) untuk .*komentar.*|tulis komentar.*"
        r"|(?:nama|email|surel|situs web|website)(?: ?\*)?(?: (?:nama|email|surel|situs web|website) ?\*?)*",
    ),
    (
        "prompt",
        r"\W*google news\b.*|[^\w\"“']*(?:(?:mari|ayo|yuk|silah?kan|jangan lupa|anda bisa) )?"
        r"(?:untuk mendapatkan|dapatkan|ikuti|gabung|bergabung|join|klik|berlangganan|subscribe|follow|simak|baca|cek|update|nikmati)\b.*"
        r"\b(?:google news|(?:grup|kanal|channel|saluran) (?:resmi )?(?:telegram|whatsapp|wa|youtube)|whatsapp channel|newsletter)\b.*",
    ),
    (
        "prompt",
        r"(?:dapatkan|ikuti|nikmati|cek) (?:terus )?(?:update|berita|informasi terbaru|kabar terbaru|breaking|kami)\b.*"
        r"|mari bergabung di .*",
    ),
    ("prompt", *("atu akun d", "ne dan "), r".*\bsatu akun di ponsel.*|.*\bdi line dan instagram\W*"),
    (
        "prompt",
        r"(?:berlangganan|subscribe|follow) [^.?]*|(?:unduh aplikasi|download aplikasi|klik untuk|punya foto) .*"
        r"|(?:artikel|berita) ini (?:telah|sudah) (?:terbit|tayang)\b.*|baca selengkapnya.*",
    ),
    (
        "prompt",
        r"halaman (?:selanjutnya|berikutnya|\d+)\W*|(?:lompat|langsung) ke (?:isi|konten)\b.*|skip to .*|lihat semua\b.{0,40}"
        r"|selengkapnya\W*|\W*(?:next|previous)(?: post)?\b ?:?.{0,90}",
    ),
    ("prompt", r"\W*(?:sebelumnya|selanjutnya|berikutnya) ?: ?.{0,90}|you might also like.*|load more.*"),
    ("prompt", "award", r".*awards\?.*"),
    (
        "tags",
        r"(?:tags?|tagged with|topik|topik terkait|kata kunci(?: ?/ ?tags)?|label|keyword|kategori) ?:.*"
        r"|(?:\s?#\w+)+\s?|id [^.?!]*,[^.?!]*",
    ),
    (
        "date",
        rf"(?=\D*\d)(?:.{{0,60}}{_DATE}(?:[ |,·•:-]{{0,4}}{_TIME})?.{{0,40}}|(?:{_DAY},? )?{_TIME}(?: wi[bt]a?)?\W*"
        r"|(?:.{0,60}\W)?\d+ ?(?:menit|mins?) (?:baca|read)\b.{0,30})",
    ),
    ("date", r"\d+ (?:jam|hari|menit) (?:yang )?lalu.*|[A-Z](?: [A-Z]){3,}|kalender\b.{0,30}"),
    (
        "byline",
        rf"{_ROLE}(?: \w+)? ?[:/|].*|tim (?:redaksi|liputan)\b.{{0,40}}|(?:rep|red) ?/ ?(?:red|rep)\w*.{{0,30}}"
        r"|(?:admin|redaksi)\b.{0,60}",
    ),
    (
        "byline",
        r"(?:penulis|editor|pewarta|reporter|redaktur|kontributor|laporan) (?-i:[A-Z])[^?!]{0,60}"
        r"|(?:oleh|by|ditulis oleh|diposting oleh|posted by|diterbitkan|publish(?:ed)?|diunggah)\b ?:? ?.{0,80}",
    ),
    ("breadcrumb", r"(?:beranda|home)(?:\W.*|(?-i:[A-Z]).*|$)|[^.?!]* [>›»|/] [^.?!]*|[\w.]+ [>›»|] .*"),
    ("closing", r"[\W_]+|\W*[\(\[][\w/.&* -]{1,24}[\)\]]\W*"),
]
_LITERALS = [literal for _, *literals, _ in _LINES for literal in literals]
# What the others find in a line that reads like a sentence is chance.
_NEVER_A_SENTENCE = frozenset({"related", "advertisement", "copyright", "comment", "prompt"})

# Markers of blocks of links: what follows them is no prose, until prose is seen again.
LINK_BLOCK = re.compile(
    rf"\W*(?:(?:baca|simak|lihat)(?: (?:juga|lagi|lainnya))?|(?:berita|artikel|tulisan|video|topik) {_OTHERS}|terpopuler|terkini"
    r"|populer|trending|related.{0,12}|rekomendasi.{0,20}|you might also like|video pilihan|next post|previous post"
    r"|paling banyak dibaca)\W*",
    re.IGNORECASE,
)
# Markers of the comment section, behind which a page has no prose of its own.
COMMENT_SECTION = re.compile(
    r"(?:tinggalkan (?:balasan|komentar)\b[^.?!]{0,60}$|leave a (?:reply|comment)|alamat (?:email|surel) anda tidak akan"
    r"|facebook comments|(?:kolom )?komentar\W*$|\d+ komentar\W*$|komentar \(\d+\))",
    re.IGNORECASE,
)


def line_reason(line: str) -> str | None:
    """Return the reason to remove a whole line, or ``None`` if it may be prose."""
    if len(line) > LONGEST_LINE:
        return None
    folded = " ".join(line.split())
    if _is_widget(folded):
        return "share"
    lower = folded.lower()
    ending = (CLOSING.sub("", folded) if may_close(folded) else folded)[-1:]
    sentence_like = (folded.count(" ") > 3 and ending in '.?!”"…') or ending == "?"
    match = _whole_line(sentence_like, any(literal in lower for literal in _LITERALS)).fullmatch(folded)
    return match.lastgroup.partition("_")[0] if match and match.lastgroup else None


@cache
def _whole_line(sentence_like: bool, has_literal: bool) -> re.Pattern[str]:
    """Return the patterns that are due as one, which is faster; the group that matches is named by the reason."""
    due = (
        f"(?P<{reason}_{number}>{pattern})"
        for number, (reason, *literals, pattern) in enumerate(_LINES)
        if (reason in _NEVER_A_SENTENCE or not sentence_like) and (has_literal or not literals)
    )
    return re.compile("|".join(due), re.IGNORECASE)


def _is_widget(line: str) -> bool:
    if line.isdigit():
        return True
    # Most lines are prose, and their first word says so.
    if not all(word.group().lower() in _WIDGET_WORDS for word in _WORDS.finditer(line)):
        return False
    return _WORDS.search(line) is not None or not line.strip("\"'”“’‘")


_PLACE = r"[A-Z][\w.’'/()-]*(?:[ ,]{1,2}[A-Z(][\w.’'/()-]*){0,4}"
_NAME = r"[A-Z][\w.()&’'-]*(?: [A-Z][\w.()&’'-]*){0,4}"
_BEGINS = r"(?=[\"“'‘(A-Z0-9])"
DATELINES = [
    re.compile(rf"{_PLACE},?\s?\([^()]{{2,40}}\)\s*[-–—|]{{1,3}}\s*(?=\S)"),  # Kuala Pembuang (Antaranews Kalteng) -
    re.compile(r"[A-Z]{3,8},\s[A-Z][\w .'’-]{1,30}\s?:\s+"),  # KBRN, Sintang:
    re.compile(
        rf"[A-Z][A-Z.'’/ ]{{2,35}}(?:,\s*[\w.()& ’'-]{{2,40}}?)?\s*[-–—]{{1,3}}\s+{_BEGINS}"
    ),  # AMBON, Siwalimanews –
    re.compile(
        r"[\w.]{3,30}\.(?:com|id|co|net|news|org)(?:,\s[A-Z][\w .'’-]{1,30}|\s*\|\s*[\w ]{2,20})?\s*[-–—:]{1,3}\s+"
    ),  # Nusapena.co, Sorong -
    re.compile(rf"{_NAME}(?:,\s{_NAME})?\s+[-–—]{{1,3}}\s+{_BEGINS}"),  # Sampit, Lintas Katingan -
]
CAPTION_LABEL = re.compile(r"(?:foto|caption|teks foto|ket(?:erangan)?\.? foto)\s*:\s+", re.IGNORECASE)

# A photo credit at the end of a caption, cut off or not: "(Foto A", "FOTO: ECHA/REMU POS", "ANTARA/NAMA.", "--Rizal/Post--", "--".
CREDIT = re.compile(
    r"\s*(?:(?i:(?:(?<=[.)?!”\"])\s*[-–—]{0,2}|[-–—]{1,2})\s*(?:foto|photo|fotografer|dokumentasi|dok\.?)\s*[:/][^?!]{0,60}"
    r"|(?<=[.)?!”\"])\s*[-–—]{0,2}\s*dok\.[^?!]{0,40}"
    r"|[-–—]{0,2}\s*[\(\[]\s*(?:foto|photo|dok|ilustrasi|istimewa|ist)\b[^\)\]]{0,70}[\)\]]?\W{0,3})"
    r"|(?<=[.)?!”\"])\s*\(?[A-Z]{2,}[\w ]{0,20}/[A-Z][\w. /-]{2,40}\)?\s*-{0,3}"
    r"|(?<=[.)?!”\"])\s*\([\w. /-]{2,40}|[-–—]{1,2}\s?[A-Z][\w ./]{2,30}[-–—]{1,2}|\s[-–—]{2})\s*$"
)
# Initials, outlet or ornament behind the last full stop: "(fik)", ".(jejakrekam)", "[zul]", "***".
CLOSING = re.compile(
    r"(?<=[.?!”\"…)])\s*\.?(?:[\(\[](?=[^\d()\[\]]*[A-Za-z*])[\w/.&*+ -]{1,40}[\)\]]\.?|\*+|[-–—_]{2,}|#+|(?:\s?#\w+)+)\s*$"
)
_DASHES = ("-", "–", "—")
_CREDIT_SIGN = re.compile(r"[(\[]\s*(?i:i[ls])|/[A-Z]")


def may_close(text: str) -> bool:
    """Say whether :data:`CLOSING`, which is slow to search for, can match at the end of ``text``."""
    return text.rstrip().endswith((")", "]", ").", "].", "*", "_", *_DASHES)) or "#" in text


def may_credit(text: str) -> bool:
    """Say whether :data:`CREDIT`, which is slow to search for, can match at the end of ``text``."""
    lower = text.lower()
    return (
        ("foto" in lower or "photo" in lower or "dok" in lower)
        or text.rfind("(") > text.rfind(")")
        or text.rstrip().endswith(_DASHES)
        or _CREDIT_SIGN.search(text) is not None
    )


# A link inside a paragraph; there is none without a colon.
INLINE_LINK = re.compile(
    r"[\(\[]\s*baca(?: juga| pula)?\s?:[^()\[\]]{3,200}[\)\]]|(?<=[.?!”\"]\s)(?:baca|simak) (?:juga|pula)\s?:[^.?!]{1,200}$",
    re.IGNORECASE,
)
