from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.corpus.records import Article, Sentence
from pipeline.corpus.splits import SPLITS, Split, SplitConfig, find_leaks, find_similar, split_articles

CONFIG = SplitConfig(
    seed=1, validation=0.25, test=0.25, article_similarity=0.5, sentence_similarity=0.8, sentence_words=5
)


def corpus(stories: dict[str, list[str]]) -> tuple[list[Article], list[Sentence]]:
    """Make articles, and their sentences, from lists of sentences by article id."""
    articles = [Article(id=name, text=" ".join(texts)) for name, texts in stories.items()]
    sentences = [
        Sentence(name, index, "body", 0, len(text), text)
        for name, texts in stories.items()
        for index, text in enumerate(texts)
    ]
    return articles, sentences


def split_of(
    articles: list[Article], sentences: list[Sentence], config: SplitConfig, held: frozenset[str] = frozenset()
) -> Split:
    return split_articles(articles, sentences, find_similar(articles, sentences, config), config, held)


def own_story(number: int) -> list[str]:
    """Three sentences that resemble those of no other number."""
    letters = "".join(chr(ord("a") + (number * 7 + step * step * 3) % 26) for step in range(12))
    words = [f"{letters[i : i + 4]}{number * 31 + i}" for i in range(8)]
    return [" ".join([*words[i:], *words[:i]]) + f" {letters[i] * 5}." for i in range(3)]


def runs(items, size: int) -> set:
    return {tuple(items[i : i + size]) for i in range(max(len(items) - size + 1, 1))}


def resemble(one, other, size: int, threshold: float) -> bool:
    """Compare two lists of words, or two strings, by their runs of ``size``: written apart from the code under test."""
    a, b = runs(one, size), runs(other, size)
    return len(a & b) / len(a | b) >= threshold


def leaks_by_force(
    articles: list[Article], sentences: list[Sentence], config: SplitConfig, held: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """Compare all with all across the splits."""
    split = split_of(articles, sentences, config, held)
    leaks = []
    for one, other in combinations([article for article in articles if article.id in split.of_article], 2):
        words = [article.text.lower().split() for article in (one, other)]
        if split.of_article[one.id] != split.of_article[other.id] and resemble(*words, 3, config.article_similarity):
            leaks.append((one.id, other.id))
    kept = [
        sentence
        for sentence in sentences
        if sentence.article_id in split.of_article and (sentence.article_id, sentence.index) not in split.repeated
    ]
    for one, other in combinations(kept, 2):
        if split.of_article[one.article_id] == split.of_article[other.article_id]:
            continue
        texts = [" ".join(sentence.text.lower().split()) for sentence in (one, other)]
        long = min(len(text.split()) for text in texts) >= config.sentence_words
        if texts[0] == texts[1] or (long and resemble(*texts, 5, config.sentence_similarity)):
            leaks.append((one.text, other.text))
    return leaks


PRESS_RELEASE = [
    "Bupati Lubuk Serai meminta seluruh pegawai menjaga netralitas selama masa kampanye pemilihan.",
    "Pelanggar akan dilaporkan kepada panitia pengawas dan dijatuhi hukuman disiplin sesuai aturan yang berlaku.",
    "Apel gabungan itu diikuti empat ratus pegawai dari semua kecamatan di kabupaten tersebut.",
]


def test_splits_are_the_same_for_the_same_seed():
    articles, sentences = corpus({f"a{number}": own_story(number) for number in range(40)})
    assert split_of(articles, sentences, CONFIG) == split_of(articles, sentences, CONFIG)


def test_another_seed_draws_other_splits():
    articles, sentences = corpus({f"a{number}": own_story(number) for number in range(40)})
    other = CONFIG.model_copy(update={"seed": 2})
    one_draw = split_of(articles, sentences, CONFIG).of_article
    assert one_draw != split_of(articles, sentences, other).of_article


def test_shares_are_near_those_of_the_config():
    articles, sentences = corpus({f"a{number}": own_story(number) for number in range(400)})
    split = split_of(articles, sentences, CONFIG)
    counts = Counter(split.of_article.values())
    assert counts.total() == 400
    assert 70 <= counts["test"] <= 130  # 100 are due; the standard deviation is 9
    assert 70 <= counts["validation"] <= 130


def test_reprints_stay_together():
    reprint = [PRESS_RELEASE[0].replace("seluruh", "semua"), *PRESS_RELEASE[1:]]
    articles, sentences = corpus({f"outlet{number}": reprint if number % 2 else PRESS_RELEASE for number in range(20)})
    assert len(set(split_of(articles, sentences, CONFIG).of_article.values())) == 1


def test_articles_that_share_a_long_sentence_stay_together():
    articles, sentences = corpus({f"a{number}": [*own_story(number), PRESS_RELEASE[1]] for number in range(20)})
    assert len(set(split_of(articles, sentences, CONFIG).of_article.values())) == 1


def test_short_sentence_that_two_splits_have_stays_in_the_first_alone():
    articles, sentences = corpus({f"a{number}": [*own_story(number), "Jangan memihak."] for number in range(20)})
    split = split_of(articles, sentences, CONFIG)
    assert set(split.of_article.values()) == set(SPLITS)
    first = split.of_article["a0"]
    assert split.repeated == {(name, 3) for name, placed in split.of_article.items() if placed != first}


def ids_in_different_splits() -> tuple[str, str]:
    articles, sentences = corpus({f"a{number}": own_story(number) for number in range(20)})
    placed = split_of(articles, sentences, CONFIG).of_article
    return next((one, other) for one, other in combinations(placed, 2) if placed[one] != placed[other])


def test_article_between_two_splits_is_left_out():
    one, other = ids_in_different_splits()
    stories = {
        one: [*own_story(1), PRESS_RELEASE[0]],
        other: [*own_story(2), PRESS_RELEASE[1]],
        "bridge": [*own_story(3), *PRESS_RELEASE[:2]],
    }
    articles, sentences = corpus(stories)
    split = split_of(articles, sentences, CONFIG)
    assert split.bridges == ["bridge"]
    assert set(split.of_article) == {one, other}


def test_article_that_resembles_only_a_left_out_one_finds_its_own_place():
    one, other = ids_in_different_splits()
    stories = {
        one: [*own_story(1), PRESS_RELEASE[0]],
        other: [*own_story(2), PRESS_RELEASE[1]],
        "bridge": PRESS_RELEASE,
        "later": [*own_story(4), PRESS_RELEASE[2]],
    }
    split = split_of(*corpus(stories), CONFIG)
    assert split.bridges == ["bridge"]
    assert "later" in split.of_article


POOL = [
    f"{sentence[:-1]} {ending}" for sentence in PRESS_RELEASE for ending in ("pagi.", "sore.", "kemarin di alun-alun.")
]
POOL += [" ".join(own_story(number)) for number in range(6)] + ["Jangan memihak.", "Semua hadir.", "Itu wajib."]
STORY = st.lists(st.sampled_from(POOL), min_size=1, max_size=4, unique=True)
STORIES = st.lists(STORY, min_size=1, max_size=12).map(
    lambda stories: {f"a{i}": story for i, story in enumerate(stories)}
)


@settings(deadline=None, max_examples=150)
@given(STORIES, st.integers(0, 5))
def test_no_split_holds_what_resembles_another(stories, seed):
    assert leaks_by_force(*corpus(stories), CONFIG.model_copy(update={"seed": seed})) == []


@settings(deadline=None, max_examples=100)
@given(STORIES, STORIES, st.sets(st.integers(0, 11)))
def test_nothing_moves_when_articles_are_added_behind(before, added, held):
    cells = frozenset({f"a{number}" for number in held} | {f"later-a{number}" for number in held})
    now = split_of(*corpus(before), CONFIG, cells)
    later = split_of(*corpus(before | {f"later-{name}": story for name, story in added.items()}), CONFIG, cells)
    assert {name: later.of_article.get(name) for name in now.of_article} == now.of_article
    assert later.bridges[: len(now.bridges)] == now.bridges
    assert {key for key in later.repeated if key[0] in before} == now.repeated


@settings(deadline=None, max_examples=100)
@given(STORIES, st.sets(st.integers(0, 11)), st.integers(0, 5))
def test_training_sees_no_article_of_a_held_cell_and_nothing_like_one(stories, held, seed):
    config, cells = CONFIG.model_copy(update={"seed": seed}), frozenset(f"a{number}" for number in held)
    articles, sentences = corpus(stories)
    split = split_of(articles, sentences, config, cells)
    assert {split.of_article.get(name) for name in cells} <= {"test", None}
    assert {name for name in stories if split.part(name) == "cells"} == cells & split.of_article.keys()
    assert leaks_by_force(articles, sentences, config, cells) == []


def test_parts_of_test_are_told_apart():
    articles, sentences = corpus({f"a{number}": own_story(number) for number in range(40)})
    drawn = split_of(articles, sentences, CONFIG)
    trained = next(name for name, placed in drawn.of_article.items() if placed == "train")
    split = split_of(articles, sentences, CONFIG, frozenset({trained}))
    assert split.part(trained) == "cells"
    others = {name: placed for name, placed in split.of_article.items() if name != trained}
    assert others == {name: placed for name, placed in drawn.of_article.items() if name != trained}
    assert {split.part(name) for name, placed in others.items() if placed == "test"} == {"random"}
    assert {split.part(name) for name, placed in others.items() if placed != "test"} == {None}


def test_article_of_a_held_cell_that_resembles_a_trained_one_goes_nowhere():
    one, _ = next(
        (name, placed)
        for name, placed in split_of(*corpus({f"a{n}": own_story(n) for n in range(20)}), CONFIG).of_article.items()
        if placed == "train"
    )
    stories = {one: [*own_story(1), PRESS_RELEASE[0]], "held": [*own_story(2), PRESS_RELEASE[0]]}
    assert split_of(*corpus(stories), CONFIG, frozenset({"held"})).bridges == ["held"]


def test_every_article_is_placed_or_left_out():
    stories = {f"a{number}": [PRESS_RELEASE[number % 3], *own_story(number % 7)] for number in range(30)}
    split = split_of(*corpus(stories), CONFIG)
    assert sorted([*split.of_article, *split.bridges]) == sorted(stories)


@pytest.mark.parametrize(
    "planted",
    [
        (PRESS_RELEASE[0], PRESS_RELEASE[0]),
        ("“Jangan memihak,” katanya.", '"Jangan  MEMIHAK," katanya.'),
        ("Netral.", "netral."),
        (PRESS_RELEASE[1], PRESS_RELEASE[1].replace("panitia", "para panitia")),
    ],
)
def test_planted_leak_is_found(planted):
    texts = {"train": [*own_story(1), planted[0]], "validation": own_story(2), "test": [*own_story(3), planted[1]]}
    found = find_leaks(texts, CONFIG)
    assert found
    assert all(set(pair) <= set(planted) for pair in found)


def test_clean_splits_have_no_leaks():
    texts = {"train": [*own_story(1), "Jangan memihak."], "test": [*own_story(2), "Jangan memilih."]}
    assert find_leaks(texts, CONFIG) == []


def test_repetition_within_a_split_is_no_leak():
    assert find_leaks({"train": [PRESS_RELEASE[0], PRESS_RELEASE[0]], "test": own_story(1)}, CONFIG) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"validation": 0.5, "test": 0.5}, "validation and test leave nothing to train on"),
        ({"held_cells": [{"event": "recount"}]}, "'held_cells' needs a 'plan'"),
        ({"plan": "plan.csv", "held_cells": [{}]}, "at least 1 item"),
        ({"test": 0}, "greater than 0"),
        ({"article_similarity": 1.5}, "less than or equal to 1"),
        ({"sentence_words": 0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_config_out_of_range_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        SplitConfig(**{**CONFIG.model_dump(), **wrong})
