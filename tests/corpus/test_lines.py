import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.lines import lines_of

PARAGRAPHS = [
    "Komisi Pemilihan Umum (KPU) Kabupaten Teluk Merawan menggelar simulasi pemungutan suara di lapangan sepak bola "
    "Des. Batu Ampar, Selasa, (13/10/2020). Simulasi dihadiri Kapolres AKBP. Wiratno, unsur Kec. Merawan Hulu, dan "
    "Drs. H. Burhan Lamba, M.Si., dari Badan Kesbangpol.",
    "Ketua KPU Teluk Merawan Ning Sartika mengatakan, bilik suara disemprot setiap sepuluh pemilih. Masker dibagikan "
    "kepada petugas oleh Komisi Pemilihan Umum sebelum pintu dibuka, kata dia, di semua tempat pemungutan suara.",
]


def lines(text: str) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in lines_of(text)]


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_hard_wrapped_paragraphs_are_joined(width):
    text = "\n\n".join(textwrap.fill(paragraph, width) for paragraph in PARAGRAPHS)
    assert lines(text) == PARAGRAPHS


def test_paragraphs_of_one_line_each_stay_apart():
    assert lines("\n".join(PARAGRAPHS)) == PARAGRAPHS


def test_sentence_that_goes_on_in_lower_case_is_joined():
    text = "Bupati meminta seluruh pegawai negeri sipil di lingkungan\npemerintah kabupaten bersikap netral."
    assert lines(text) == [text.replace("\n", " ")]


@pytest.mark.parametrize(
    ("line", "following"),
    [
        ("Apel digelar di halaman kantor", "bupati dan wakilnya"),  # too short to be wrapped
        ("Bupati meminta seluruh pegawai negeri sipil bersikap netral.", "semua hadir"),
        ("Bupati meminta seluruh pegawai negeri sipil di lingkungannya:", "netral"),
        ("Bupati meminta seluruh pegawai negeri sipil di lingkungan itu", "a. netral"),
        ("Bupati meminta seluruh pegawai negeri sipil di lingkungan itu", "- netral"),
        ("Baca juga: Bupati minta seluruh pegawai negeri sipil netral", "pada pemilu nanti"),
        ("Bupati meminta seluruh pegawai negeri sipil di lingkungan itu", "\nnetral"),
    ],
)
def test_line_that_ends_here_is_not_joined(line, following):
    assert lines(f"{line}\n{following}") == [line, following.strip()]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028", "\x85", "\x0b"])
def test_any_line_break_ends_a_line(newline):
    assert lines(newline.join(["Apel digelar.", "", "Semua hadir."])) == ["Apel digelar.", "Semua hadir."]


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("aB .:\n\r\t\u2028-1"), max_size=200))
def test_lines_leave_out_white_space_alone(text):
    position = 0
    for start, end in lines_of(text):
        assert position <= start < end
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()
