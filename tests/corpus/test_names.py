import pytest

from pipeline.corpus.names import person_names, read_names, unknown_names
from pipeline.errors import InputError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("“Silakan,” kata Wiratno.", ["Wiratno"]),
        ('"Silakan," ujarnya Sri Lestiani Ompusunggu kemarin.', ["Sri Lestiani Ompusunggu"]),
        ("Warga menemui Pak Wiratno Adisaputra di pasar.", ["Wiratno Adisaputra"]),
        ("Pesan itu dari Drs. H. Wiratno di aula.", ["Wiratno", "Wiratno"]),
        ("Markonah (54) datang lebih dulu.", ["Markonah"]),
        ("Hadir pula Wiratno Adi, S.Sos, dari Kupang.", ["Wiratno Adi"]),
        ("Seorang guru bernama Wiratno ikut.", ["Wiratno"]),
        ("Pewarta: Wiratno A.\nEditor : Markonah", ["Wiratno A", "Markonah"]),
        ("Ni Wayan-Ayu tidak disebut, tetapi Mama Yo'el ikut.", ["Yo'el"]),
    ],
)
def test_a_name_is_found_where_news_introduces_one(text, names):
    assert list(person_names(text)) == names


@pytest.mark.parametrize(
    "text",
    [
        "“Silakan,” kata Pj Bupati Sukamara.",
        "“Silakan,” ujar Ketua Bawaslu Kota Ranjau.",
        "“Silakan,” ujarnya. Warga pulang.",
        "Bupati Sukamara meminta pegawai netral.",
        "Editor: Tim Redaksi",
        "Pilkada (15) tahun lalu, kata mereka.".lower(),
    ],
)
def test_offices_and_the_next_sentence_are_no_names(text):
    assert list(person_names(text)) == []


def test_each_unknown_name_is_given_once_where_it_stands_first(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("# Read and invented.\nMarkonah\n\nWiratno Adi\n", encoding="utf-8")
    texts = [("a", "kata Markonah dan kata Wiratno"), ("b", "kata Wiratno"), ("c", "Pak Wiratno Adi, Pak Bejo")]
    assert unknown_names(texts, read_names(path)) == [("Bejo", "c"), ("Wiratno", "a")]


def test_a_missing_list_says_how_to_do_without(tmp_path):
    with pytest.raises(InputError, match=r"no such list of names; .* set 'checks\.names' to null"):
        read_names(tmp_path / "none.txt")
