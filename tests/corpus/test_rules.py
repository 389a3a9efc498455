import pytest

from pipeline.corpus.records import Sentence
from pipeline.corpus.rules import FITS, Witness, fits, read_witnesses, unsound
from pipeline.errors import InputError

HEADER = "article_id,index,text_start,rule,side\n"


def write(folder, *lines):
    path = folder / "rules.csv"
    path.write_text(HEADER + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_witnesses_are_read_with_commas_in_their_text(tmp_path):
    path = write(tmp_path, 'a,3,"Datang boleh, tetapi pasif.",7,A')
    assert read_witnesses(path) == [Witness("a", 3, "Datang boleh, tetapi pasif.", 7, "A")]


@pytest.mark.parametrize("line", ["a,3,Netral.,17,A", "a,3,Netral.,7,C", "a,x,Netral.,7,A", "a,3,Netral.,,A"])
def test_line_that_is_no_witness_is_named(tmp_path, line):
    with pytest.raises(InputError, match=r"rules\.csv:3: expected a rule from 1 to 16, side A or B"):
        read_witnesses(write(tmp_path, "a,0,Netral.,7,A", line))


def test_other_columns_are_refused(tmp_path):
    (tmp_path / "rules.csv").write_text("article,rule\n")
    with pytest.raises(InputError, match="expected the columns article_id, index, text_start, rule, side"):
        read_witnesses(tmp_path / "rules.csv")


@pytest.mark.parametrize("rule", FITS)
def test_no_label_set_but_that_of_two_acts_fits_both_sides(rule):
    both = [
        given
        for given in (set(), {"appeal"}, {"prohibition"}, {"sanction"}, {"logistics"}, {"appeal", "prohibition"})
        if fits(rule, "A", frozenset(given)) and fits(rule, "B", frozenset(given))
    ]
    # A sentence that asks for one thing and forbids another is on both sides; "harus" may bind by a ban.
    assert both == {2: [{"appeal", "prohibition"}], 6: [{"appeal", "prohibition"}], 5: [{"prohibition"}]}.get(rule, [])


def test_a_witness_whose_sentence_or_label_is_another_is_unsound():
    text = "Pegawai boleh hadir, asal tidak memakai atribut partai mana pun."
    labelled = {("a", 0): (Sentence("a", 0, "body", 0, len(text), text), frozenset({"prohibition"}))}
    sound = Witness("a", 0, text[:40], 7, "A")
    wrong_side, moved, gone = (
        Witness("a", 0, text[:40], 7, "B"),
        Witness("a", 0, "Pegawai boleh pulang", 7, "A"),
        Witness("a", 1, text[:40], 7, "A"),
    )
    assert unsound([sound, wrong_side, moved, gone], labelled) == [
        (wrong_side, "is labelled prohibition"),
        (moved, "is another sentence in the corpus"),
        (gone, "is another sentence in the corpus"),
    ]
