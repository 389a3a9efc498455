import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.sentences import split_sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


ABBREVIATIONS = [
    "Pjs. Bupati memimpin apel. | Plt. Sekda ikut hadir. | Plh. Asisten tidak.",
    "Penjabat (Pj.) Bupati memimpin apel. | Semua hadir.",
    "Ir. Darwanto dan Drs. Burhan membuka acara. | Dra. Hj. Maimunah menutupnya.",
    "Prof. Dr. H. Salim Tegar menjadi pembicara. | KH. Masduki membaca doa.",
    "AKBP. Wiratno dan Kombes Pol. Sutikno meninjau gudang. | Letkol. Inf. Harno menyusul.",
    "Hadir pula Moh. Tohir, Muh. Yasin, dan Abd. Latif. | Mereka petugas TPS.",
    "Rapat berlangsung di Kab. Lubuk Serai, Kec. Merawan Hulu. | Semua kecamatan diundang.",
    "Warga Des. Batu Ampar dan Kel. Mendawai ikut. | Mereka datang pagi.",
    "Posko ada di Jl. Melati No. 12, Gg. Sepakat, RT. 05 RW. 02. | Posko buka 24 jam.",
    "PT. Serai Jaya dan CV. Teluk Abadi mencetak surat suara. | Kontraknya sudah diteken.",
    "Sesuai UU No. 5 Tahun 2014, pegawai netral. | Aturan itu No.10 dalam daftar.",
    "Apel dimulai pkl. 07.30 di Gd. Serbaguna. | Semua wajib hadir.",
    "Cuti berlaku Pasal 3 s.d. Pasal 9, a.n. Gubernur. | Itu final.",
    "Mereka membawa spanduk, kaus, dll. | Petugas menyitanya.",
    "Gubernur A.R. Tegar dan Aang S. Hidup pernah berkunjung. | Itu dulu.",
]
DEGREES = [
    "Ir. Darwanto Selamat, M. Si memimpin apel. | Semua hadir.",
    "Drs. Burhan Lamba, M.Si., S.H., M.H. dan stafnya hadir. | Mereka pulang sore.",
    "Rumiyati, S.Sos., M.AP., mengaku menerima laporan. | Ia meneruskannya.",
    "Hadir pula Ahmad Zaini, S.Pd.I. | Ia memberi sambutan.",
    "Rumiyati, S.H. M.H. mengaku menerima laporan. | Ia meneruskannya.",
    "Acara dibuka Burhan Lamba, M.Si. | Semua berdiri.",
    "Acara dibuka Burhan Lamba, S.H., M.H. | Semua berdiri.",
    "Acara dibuka Burhan Lamba, SH. | Semua berdiri.",
    "Ia lulus S.H. | Kemudian ia bekerja di KPU.",
    "Tohir bergelar Ph.D. dari luar negeri. | Ia pulang tahun lalu.",
    'Hakimnya Hj. Rumiyati, S.H. | "Kami netral," katanya.',
]
NUMBERS = [
    "Rapat digelar Selasa, (13/10/2020). | Semua hadir.",
    "Rapat digelar (13/10/2020) pagi. | Semua hadir.",
    "Anggarannya Rp1,5 miliar. | Rp. 500 juta di antaranya cair.",
    "Ada 1.245 TPS di 14 kecamatan. | Semua siap.",
    "Jumlahnya 1.245. | Semua sah.",
    "Apel dimulai pukul 08.00 WIB. | Semua pulang.",
    "Rapat selesai pukul 09.00. | Semua pulang.",
    "Dana cair 75,6 persen. | Angka itu naik dari 70.2 persen.",
    "Pemungutan suara digelar 9 Desember 2020. | 270 daerah ikut serta.",
    "Kantor tutup sejak 23 Des. | Petugas piket tetap ada.",
    "Sidang dibuka 9 Des. 2020 dan ditutup 12 Okt. 2021. | Putusannya menyusul.",
    "Posko berdiri pada tahun 1439 H. | Untuk itu warga berterima kasih.",
    "Aturannya PP No. 53 Tahun 2010. | Sanksinya berat.",
    "Diatur Pasal 71. | Setiap pejabat dilarang memihak.",
    "1. Menyukai unggahan calon. | 2. Membagikan unggahan calon.",
    "Larangannya: 1. Menyukai unggahan; 2. Membagikannya. | Semua jelas.",
    "Larangannya: a. Memakai atribut; b. Mengunggah dukungan. | Semua jelas.",
    "Rapat bubar pukul 22:00. | Semua pulang.",
]
QUOTES = [
    '"ASN harus netral. | Jangan memihak. | Tetap bekerja," kata Bupati. | Ia pulang.',
    "“ASN harus netral. | Jangan memihak,” kata Bupati. | Ia pulang.",
    "‘ASN harus netral. | Jangan memihak,’ kata Bupati. | Ia pulang.",
    "“ Tolong jempolnya dijaga. | Jangan memihak,” pesannya.",
    '"Itu wajib." | Demikian pesannya.',
    '"Itu wajib." kata Bupati. | Ia pulang.',
    '"Itu wajib!" kata Bupati. | Ia pulang.',
    '"Boleh memihak?" tanya Bupati. | Tidak ada jawaban.',
    '"Boleh memihak? | Tidak boleh!" tegas Bupati.',
    '"Boleh memihak?" | "Tidak boleh."',
    'Yang suhunya tinggi dipisahkan. " ujarnya. | Ia pulang.',
    "Yang suhunya tinggi dipisahkan. ” ujarnya. | Ia pulang.",
    "Pegawai diminta netral. | ”Jangan memihak,” katanya.",
    'Bupati berpesan: "Jangan memihak!". | Semua diam.',
    'Bupati berpesan, "Jangan memihak!", lalu pulang. | Semua diam.',
    'Ia menyebutnya "jempol nakal". | Semua tertawa.',
    'Tersangkanya Budi S. | "Kami netral," katanya.',
    "(Semua pegawai harus netral.) | Itu pesannya.",
    "Semua pegawai harus netral (Pasal 9 ayat 2). | Itu pesannya.",
]
ELLIPSES_AND_MARKS = [
    "Kami tunggu... dan lihat saja. | Nanti kita tahu.",
    "Kami tunggu... | Nanti kita tahu.",
    "Kami tunggu… nanti kita tahu. | Itu saja.",
    '"Yang satu lagi... tidak cukup bukti," ujarnya.',
    "Apa sanksinya? | Berat. | Apa?! | Sangat berat!!!",
]
GLUED = [
    "Masker tiba di TPS.|Distribusi berjalan lancar.",
    "Masker sudah tiba.|Distribusi berjalan lancar.",
    'Kata Bupati, "Netral itu wajib."|Ia lalu pulang.',
    "Kata Bupati, “netral itu wajib”.|Ia lalu pulang.",
    "Apakah boleh?|Tentu tidak.",
    "Laporan di Suaraserai.id dan Kabar.Com terbit. | Situs www.kpu.go.id juga.",
    "Kirim surel ke humas@kpu.go.id. | Petugas menjawab.",
    "Rapat di Kab.Serai dipimpin Drs.H.Burhan. | Semua hadir.",
]
NO_ABBREVIATIONS = [
    "Ia tidak berminat pada kursi wabup. | Namun partainya mendorong.",
    "Ia lulusan SD. | Anaknya sarjana.",
    "Laporan diteruskan ke KPK. | Posisinya sulit.",
    "Kasus itu ditangani Kabag. | Camat hanya saksi.",
]


@pytest.mark.parametrize(
    "marked",
    [*ABBREVIATIONS, *DEGREES, *NUMBERS, *QUOTES, *ELLIPSES_AND_MARKS, *GLUED, *NO_ABBREVIATIONS],
)
def test_sentences_end_where_marked(marked):
    """A bar marks each boundary, with spaces around it unless the sentences are glued to each other."""
    text = marked.replace(" | ", " ").replace("|", "")
    assert split(text) == re.split(r" ?\| ?", marked)


def test_only_the_given_stretch_is_split():
    text = "Pagi. Apel digelar. Semua hadir. Malam."
    spans = split_sentences(text, text.index("Apel"), text.index(" Malam"))
    assert [text[start:end] for start, end in spans] == ["Apel digelar.", "Semua hadir."]


def test_white_space_at_edges_belongs_to_no_sentence():
    assert split("\n\t Apel digelar.\u00a0\r\n  Semua hadir. \n") == ["Apel digelar.", "Semua hadir."]


@pytest.mark.parametrize("text", ["", " ", "\n\u2028\t"])
def test_white_space_alone_has_no_sentence(text):
    assert split_sentences(text) == []


@pytest.mark.parametrize("text", ["Semua hadir", ".", "?!", "…", "“", "a", "1.", "S.H."])
def test_text_without_a_boundary_stays_whole(text):
    assert split(text) == [text]


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('abAB19 .,?!…"“”’()\n-:;'), max_size=60))
def test_spans_are_ordered_and_leave_out_white_space_alone(text):
    position = 0
    for start, end in split_sentences(text):
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end].strip() == text[start:end]
        position = end
    assert not text[position:].strip()


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(["Semua hadir.", "Jangan memihak!", "Boleh?", "“Netral,” katanya."]), min_size=1, max_size=8
    )
)
def test_plain_sentences_are_split_one_from_another(sentences):
    assert split(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Logistik tiba di Dapil I. Sementara itu, sisanya menyusul.", "Logistik tiba di Dapil I."),
        ("Mereka naik ke golongan IV. Gajinya tetap.", "Mereka naik ke golongan IV."),
        ("Petugas itu I. Wayan Sudiasa dari Bangli.", "Petugas itu I. Wayan Sudiasa dari Bangli."),
    ],
)
def test_a_number_behind_the_word_that_it_counts_ends_a_sentence(text, first):
    assert text[slice(*split_sentences(text)[0])] == first
