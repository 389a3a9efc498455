from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.duplicates import character_shingles, jaccard, similar_pairs, word_shingles

RELEASE = (
    "Bupati Lubuk Serai meminta seluruh pegawai menjaga netralitas selama masa kampanye dan tidak menghadiri rapat tim sukses "
    "di kampung mana pun, sebab pelanggarnya akan dilaporkan kepada Bawaslu dan dijatuhi hukuman disiplin."
)
WEATHER = (
    "Gelombang di Teluk Merawan diperkirakan mencapai dua meter hingga akhir pekan, sehingga perahu pengangkut kotak suara "
    "menunggu di dermaga lama sampai syahbandar mengizinkan pelayaran."
)


def test_word_shingles_are_runs_of_three_normalised_words():
    assert word_shingles("“ASN” tetap\nNETRAL selalu") == {'"asn" tetap netral', "tetap netral selalu"}


def test_character_shingles_are_runs_of_five_normalised_characters():
    assert character_shingles("ASN  netral") == {"asn n", "sn ne", "n net", " netr", "netra", "etral"}


@pytest.mark.parametrize("shingles", [word_shingles, character_shingles])
@pytest.mark.parametrize("text", ["", "ASN", "a b"])
def test_short_text_is_one_shingle(shingles, text):
    assert shingles(text) == {text.lower()}


def test_jaccard_is_the_share_of_what_both_have():
    assert jaccard({"a", "b", "c"}, {"b", "c", "d"}) == 0.5


def test_reprint_with_small_edits_is_found_and_another_story_is_not():
    reprint = (
        RELEASE.replace("seluruh pegawai", "semua ASN").replace("Bawaslu", "panitia pengawas")
        + " Apel ditutup dengan doa."
    )
    texts = [RELEASE, WEATHER, reprint]
    assert list(similar_pairs([word_shingles(text) for text in texts], 0.5)) == [(0, 2)]


WORD = st.sampled_from("asn netral bupati pegawai tidak boleh kampanye tim sukses surat suara desa camat".split())
TEXT = st.lists(WORD, min_size=1, max_size=12).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXT, max_size=12), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_pairs_are_those_that_a_comparison_of_all_with_all_finds(texts, threshold):
    shingles = [character_shingles(text) for text in texts]
    expected = {
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if len(shingles[i] & shingles[j]) >= threshold * len(shingles[i] | shingles[j])
    }
    found = list(similar_pairs(shingles, threshold))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_many_pairs_at_the_threshold_are_all_found():
    base = [f"kata{number}" for number in range(60)]
    # Each shares 40 of 80 words with the first, and 20 of 100, or fewer, with the others.
    texts = [set(base)] + [set(base[:40]) | {f"lain{copy}-{number}" for number in range(20)} for copy in range(100)]
    found = {pair for pair in similar_pairs(texts, 0.5) if pair[0] == 0}
    assert found == {(0, copy) for copy in range(1, 101)}
