import pytest

from pipeline.corpus.keywords import by_keywords, keyword_f1


def test_cue_words_count_as_whole_words_in_any_case():
    assert by_keywords("JANGAN hadir, jadwal berubah") == {"prohibition", "logistics"}
    assert by_keywords("Jangankan hadir, ia terjadwal") == set()


def test_f1_is_that_of_the_marks_of_each_label():
    labelled = [
        ("Jangan hadir.", frozenset({"prohibition"})),  # found
        ("Jangan-jangan hujan.", frozenset()),  # found, and wrong
        ("Cukup duduk manis.", frozenset({"prohibition"})),  # missed
        ("Semua hadir.", frozenset({"praise"})),
    ]
    assert keyword_f1(labelled, ["prohibition", "praise"]) == {"prohibition": pytest.approx(2 / 4)}


def test_label_that_nobody_carries_and_no_word_finds_scores_nothing():
    assert keyword_f1([("Semua hadir.", frozenset())], ["sanction"]) == {"sanction": 0}
