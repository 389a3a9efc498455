import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.boilerplate import (
    CLOSING,
    CREDIT,
    DATELINES,
    LONGEST_LINE,
    REASONS,
    line_reason,
    may_close,
    may_credit,
)

WHOLE_LINES = {
    "tags": """
        id sekda lubuk serai,netralitas asn,pilkada 2020
        Tags: asn, pilkada, netralitas
        TOPIK : Pilkada 2020
        #asn #pilkada2020
    """,
    "breadcrumb": """
        Beranda » Daerah » Kecamatan » Apel di Muara Serai
        BerandaDaerahPemilu 2024Apel di Muara Serai
        Home / Politik / Pilkada
        Kabar Muara > Nasional
    """,
    "byline": """
        Pewarta: Sulaiman R
        Penulis Hendarti
        Editor Tohir Yasin
        LAPORAN: Ning Sartika
        Oleh Redaksi Suara Serai
        Tim Redaksi
        Rep/Red
        Penulis: Hendarti | Editor: Tohir
    """,
    "date": """
        Senin, 5 Oktober 2020 16:42 WIB
        Jum'at, 05 April 2019
        25/11/2024, 13:20 WIB
        Suara Serai - 3 menit baca
        2 jam yang lalu
    """,
    "related": """
        Baca juga: Jembatan Gantung Antang Lama Putus
        BACA JUGA : Apa Sanksi bagi Pegawai yang Memihak?
        BACA: Kapal Logistik Tertahan
        Baca: Kapal Logistik Tertahan.
        (Baca: Kapal Logistik Tertahan)
        Simak juga: Jadwal Kampanye
        TONTON JUGA: Detik-detik Kapal Kandas
        BERITA TERKAIT
        Artikel Terkait:
        Topik Terkait: Pilkada  Netralitas
        Terpopuler
    """,
    "advertisement": """
        ADVERTISEMENT
        SCROLL TO CONTINUE WITH CONTENT
        Scroll untuk membaca artikel
        [Iklan]
        Iklan Layanan Masyarakat: Bayar Pajak Tepat Waktu
        banner 728x250
    """,
    "share": """
        0
        Bagikan: Facebook | Twitter | WhatsApp
        • Bagikan
        Sebarkan artikel ini
        URL berhasil dicopy
        Dibaca 1.204 kali
        3 menit baca
        3 Komentar
        Reaksi anda terhadap berita ini :
    """,
    "comment": """
        Tinggalkan Komentar
        Tinggalkan Balasan
        Kolom Komentar
        Alamat email anda tidak akan disiarkan.
        Facebook Comments Box
        Isi komentar sepenuhnya menjadi tanggung jawab pengguna dan diatur dalam UU ITE.
        Komentar adalah tanggapan pribadi, tidak mewakili sikap redaksi.
        Nama *   Email *   Situs Web
        Silakan login untuk mengirimkan komentar atau balasan
    """,
    "prompt": """
        Ikuti terus update Suaraserai.id di Google News
        Dapatkan update berita pilihan setiap hari. Mari bergabung di Grup Telegram "Suara Serai".
        Ikuti saluran WhatsApp Suara Serai untuk kabar terbaru
        Gabung di kanal WhatsApp kami sekarang.
        Silakan berlangganan newsletter kami!
        HALAMAN SELANJUTNYA>>
        Selengkapnya
        Follow Suara Serai di Google News
    """,
    "player": """
        00:00:00 / 00:00:00
        00:00 / 02:38
        [Gambas:Video 20detik]
        Anda mendengarkan siaran ulang
    """,
    "copyright": """
        COPYRIGHT © KABAR MUARA 2020
        Hak Cipta Dilindungi Undang-Undang.
        Copyright 2020 Suara Serai. All rights reserved.
    """,
    "closing": """
        ***
        (fik)
        (yn/ros)
        [zul]
        (*)
    """,
}
SENTENCES = """
    Komentar pegawai di media sosial ikut dipantau.
    Komentar ini disampaikan Bupati setelah rapat.
    Isi komentar pegawai itu dinilai memihak.
    Tinggalkan komentar bernada dukungan pun termasuk pelanggaran.
    12 tanggapan masyarakat masuk ke meja KPU.
    Iklan kampanye hanya boleh tayang 14 hari.
    Iklan layanan masyarakat itu dipasang di sepuluh titik.
    Promo calon di kantor pemerintah dilarang.
    Banner 3x4 meter milik calon dicopot petugas.
    Foto bersama calon termasuk pelanggaran.
    Foto pegawai dengan calon menjadi barang bukti.
    Editor video kampanye itu ternyata seorang pegawai.
    Penulis surat itu sudah diperiksa.
    Admin akun itu ternyata seorang lurah.
    Redaksi surat edaran itu diperbaiki Bagian Hukum.
    Laporan itu diterima Bawaslu kemarin.
    Laporan Bawaslu menyebut lima kasus netralitas.
    Oleh karena itu, pegawai wajib netral.
    Bagikan masker kepada petugas sebelum pemungutan suara.
    Bagikan berita resmi saja, pesan Sekda.
    Sumber daya manusia di KPU masih kurang.
    Sumber: daya listrik gudang itu diperiksa petugas kemarin sore.
    Topik debat kedua adalah pelayanan publik.
    Topik terkait netralitas pegawai dibahas terakhir.
    Berita terkait dugaan pelanggaran itu ramai dibahas.
    Hak cipta lagu itu milik pemerintah daerah.
    ASN dilarang membagikan bahan kampanye di grup WhatsApp kantor.
    Bupati meminta pegawai keluar dari grup Telegram partai.
    Sosialisasi disiarkan lewat kanal YouTube pemerintah kabupaten.
    "Ikuti saluran WhatsApp resmi saja," pesan Sekda kepada pegawai.
    Follow akun calon saja sudah melanggar.
    Baca aturan itu baik-baik, pesan Bupati.
    Baca juga aturan turunannya, pesan Bupati kepada pegawai.
    Populer di kalangan pegawai, calon itu tetap dilarang masuk kantor.
    Selanjutnya, pegawai dilarang mengunggah dukungan.
    Halaman kantor bupati menjadi tempat apel.
    Home industri warga dilibatkan melipat surat suara.
    Selasa, 13 Oktober 2020, KPU menggelar debat.
    KPU menggelar debat pada Selasa, 13 Oktober 2020.
    KPU menggelar debat pada Selasa, 13 Oktober 2020. (fik)
    Pencoblosan digelar 9 Desember 2020.
    Pukul 08.00 WIB apel dimulai.
    2 hari lalu petugas memeriksa gudang itu.
    Kategori pelanggaran itu ringan, sedang, dan berat.
    "Netral: itu kuncinya," kata Bupati kepada pegawai.
    Bupati berpesan: "Pegawai harus netral."
    Apakah pegawai boleh hadir?
"""
DATELINE_SHAPES = """
    Muara Serai (Kabar Muara Utara) - |Penjabat
    Muara Serai (ANTARA) - |"Jangan memihak," katanya.
    Muara Serai, Lubuk Serai (Kabar Muara) – |Penjabat
    Muara Serai, (Diskominfo) – |Penjabat
    RTM, Teluk Merawan: |Penjabat
    RANJAU, Suaraserai – |Penjabat
    RANJAU, SUARASERAI.ID - |Penjabat
    RANJAU – |“Jangan memihak,” katanya.
    Suaraserai.id, Ranjau - |Penjabat
    Suaraserai.id | Ranjau – |Penjabat
    Muara Serai, Suara Serai - |Penjabat
    Ranjau -- |Penjabat
"""
NO_DATELINES = """
    Bupati – yang juga ketua partai – meminta pegawai netral.
    ASN (aparatur sipil negara) wajib netral.
    Pemilu 2024 sudah dekat - siapkan diri.
    KPU, Bawaslu, dan polisi: semua siap.
    Penjabat (Pj.) Bupati memimpin apel.
"""


def lines(block: str) -> list[str]:
    return [line.strip() for line in block.strip().splitlines()]


@pytest.mark.parametrize(
    ("reason", "line"), [(reason, line) for reason in WHOLE_LINES for line in lines(WHOLE_LINES[reason])]
)
def test_line_is_boilerplate_by_name(reason, line):
    assert line_reason(line) == reason


@pytest.mark.parametrize("line", lines(SENTENCES))
def test_sentence_that_resembles_boilerplate_is_none(line):
    assert line_reason(line) is None


def test_white_space_and_case_do_not_hide_boilerplate():
    assert line_reason("  BACA   JUGA:\tKapal   Logistik Tertahan ") == "related"


def test_long_line_is_prose_whatever_its_words():
    line = "Baca juga: " + "a" * LONGEST_LINE
    assert line_reason(line) is None
    assert line_reason(line[:LONGEST_LINE]) == "related"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80))
def test_any_line_has_a_declared_reason_or_none(line):
    assert line_reason(line) in {None, *REASONS}


@pytest.mark.parametrize("shape", [line.strip() for line in DATELINE_SHAPES.strip().splitlines()])
def test_dateline_ends_where_the_sentence_begins(shape):
    dateline, _, sentence = shape.rpartition("|")
    ends = {match.end() for pattern in DATELINES if (match := pattern.match(dateline + sentence))}
    assert ends == {len(dateline)}


@pytest.mark.parametrize("line", lines(NO_DATELINES))
def test_sentence_with_dashes_and_brackets_has_no_dateline(line):
    assert not any(pattern.match(line) for pattern in DATELINES)


@pytest.mark.parametrize(
    ("line", "reason"), [("Hak cİpta 2020, ſemua pihak.", "copyright"), ("COPYRİGHT Kabar Muara", "copyright")]
)
def test_other_forms_of_i_and_s_do_not_hide_boilerplate(line, reason):
    assert line_reason(line) == reason


_PIECES = ["Kata.", "kata", " ", ".", "”", "(", ")", "[", "]", "/", ":", "-", "–", "*", "_", "#", "\n"]
_PIECES += ["foto", "FOTO", "Photo", "dok.", "DO\u212a.", "ist", "İſt", "Ilustrasi", "istimewa", "KPU", "Nama", "12"]


@settings(deadline=None, max_examples=500)
@given(before=st.lists(st.sampled_from(_PIECES), max_size=6), text=st.lists(st.sampled_from(_PIECES), max_size=8))
def test_what_is_not_searched_for_is_not_there(before, text):
    before, text = "".join(before), "".join(text)
    for pattern, may_match in ((CREDIT, may_credit), (CLOSING, may_close)):
        assert may_match(text) or not pattern.search(before + text, len(before))
