"""Each check breaks on a corpus made to break it, names the sentences, and is silent where its threshold is null."""

import pytest

from pipeline.corpus.checks import CheckConfig, Checked, check_corpus
from pipeline.corpus.records import Article, Sentence
from pipeline.corpus.splits import SplitConfig, find_similar

LABELS = ["appeal", "sanction"]
SPLIT = SplitConfig(seed=1, validation=0.2, test=0.2, article_similarity=0.5, sentence_similarity=0.8, sentence_words=5)
STORIES = {
    "a": [
        ("Bupati Lubuk Serai meminta seluruh pegawai menjaga netralitas selama masa kampanye.", {"appeal"}),
        ("Pelanggar akan ditindak tegas sesuai aturan kepegawaian yang berlaku di daerah.", {"sanction"}),
        ("Hujan turun sejak pagi di halaman kantor kecamatan itu.", set()),
    ],
    "b": [
        ("Warga diajak mendatangi tempat pemungutan suara dan mendoakan kelancarannya.", {"appeal"}),
        ("Dua guru dijatuhi teguran tertulis, dan seorang lurah diminta mundur.", {"appeal", "sanction"}),
    ],
}


def check(stories=STORIES, known_names: frozenset[str] | None = None, **thresholds) -> Checked:
    articles = [Article(id=name, text=" ".join(text for text, _ in story)) for name, story in stories.items()]
    labelled = [
        (Sentence(name, index, "body", 0, len(text), text), frozenset(labels))
        for name, story in stories.items()
        for index, (text, labels) in enumerate(story)
    ]
    similar = find_similar(articles, [sentence for sentence, _ in labelled], SPLIT)
    return check_corpus(articles, labelled, similar, LABELS, known_names, CheckConfig(**thresholds))


def with_story(*texts: str) -> dict:
    return STORIES | {"c": [(text, set()) for text in texts]}


def test_figures_are_those_of_the_corpus():
    figures = check().figures
    assert figures["counts"] == {"appeal": 3, "sanction": 2, "none": 1, "several": 1, "appeal + sanction": 1}
    assert figures["similar_articles"] == figures["similar_sentences"] == 0
    assert figures["most_frequent_opening"] == 1
    assert figures["languages"] == {"id": 2}
    # "meminta" and "diminta" find two appeals of three; "ditindak" and "teguran" find both sanctions.
    assert figures["keyword_f1"] == {"appeal": 0.8, "sanction": 1.0}
    assert figures["keyword_macro_f1"] == 0.9


def test_without_thresholds_nothing_is_judged():
    story = ["The regent asked all of the civil servants to stay neutral in this election."] * 30
    assert check(with_story(*story)).problems == []


def test_an_opening_that_comes_too_often_is_named_with_its_sentences():
    story = [f"Ia menyampaikan hal itu pada {day}." for day in ("Senin pagi", "Rabu sore", "Jumat malam")]
    assert check(with_story(*story), most_openings=3).problems == []
    assert check(with_story(*story), most_openings=2).problems == [
        "'ia menyampaikan hal itu pada …' begins 3 sentences, 2 at most: c/0, c/1, c/2"
    ]


def test_similar_sentences_are_named():
    text = STORIES["a"][1][0]
    story = with_story(text.replace("tegas", "secara tegas"))
    assert check(story, most_similar_sentences=1).problems == []
    assert check(story, most_similar_sentences=0).problems == [
        f"1 pairs of similar sentences, 0 at most: a/1 '{text}' and c/0 '{story['c'][0][0]}'"
    ]


def test_similar_articles_are_named():
    assert check(STORIES | {"c": STORIES["a"]}, most_similar_articles=0).problems == [
        "1 pairs of similar articles, 0 at most: articles a and c"
    ]


@pytest.mark.parametrize(
    ("thresholds", "problem"),
    [
        ({"least_sentences": 3}, "2 sentences carry sanction, 3 is the least"),
        ({"least_none": 2}, "1 sentences carry none, 2 is the least"),
        ({"least_several": 2}, "1 sentences carry several, 2 is the least"),
        ({"least_pair": 2}, "1 sentences carry appeal + sanction, 2 is the least"),
        ({"most_keyword_f1": 0.9}, "cue words reach a macro-F1 of 0.900, not under 0.9: it is too easy"),
    ],
)
def test_a_balance_that_is_off_is_named(thresholds, problem):
    assert check(**thresholds).problems == [problem]
    ((name, value),) = thresholds.items()
    assert check(**{name: value + 0.01 if name == "most_keyword_f1" else value - 1}).problems == []


def test_words_that_repeat_are_a_problem():
    poor = with_story(*["Pegawai netral dan warga netral."] * 40)
    diverse = check().figures["lexical_diversity"]
    assert check(least_diversity=diverse).problems == []
    (problem,) = check(poor, least_diversity=0.5).problems
    assert problem.startswith("lexical diversity is 0.")


def test_an_article_in_another_language_is_named():
    story = with_story("The regent asked all of the civil servants to stay neutral in this election.")
    assert check(story, languages=["id"]).problems == ["article c is written in 'en', not in id"]
    assert check(story, languages=["id", "en"]).problems == []


def test_a_name_that_nobody_has_read_is_a_problem():
    story = with_story("“Saya hadir,” kata Wiratno Adi kepada wartawan.")
    assert check(story, known_names=frozenset({"Wiratno Adi"}), names="names.txt").problems == []
    assert check(story, known_names=frozenset({"Wiratno"}), names="names.txt").problems == [
        "'Wiratno Adi' in article c is not in names.txt: if it is invented, add it; if not, take it out"
    ]


def test_all_problems_come_at_once():
    story = with_story("The regent asked all of the civil servants to stay neutral in this election.")
    assert len(check(story, languages=["id"], least_sentences=3, least_none=3).problems) == 3
