"""The corpus that ships keeps what its data card promises."""

from collections import Counter

import pytest
from imports import ROOT

from pipeline.config import load_config
from pipeline.corpus.annotations import join, read_annotations, settle
from pipeline.corpus.articles import read_corpus
from pipeline.corpus.checks import check_corpus
from pipeline.corpus.labels import load_labels
from pipeline.corpus.names import read_names
from pipeline.corpus.plan import articles_in, read_plan
from pipeline.corpus.rules import FITS, read_witnesses, unsound
from pipeline.corpus.segment import SegmentConfig, segment
from pipeline.corpus.splits import find_similar, split_articles
from pipeline.stages.dataset import DatasetConfig

LABELS = load_labels(ROOT / "configs/labels.yaml").names


@pytest.fixture(scope="module")
def settings() -> DatasetConfig:
    return load_config(ROOT / "configs/dataset.yaml", DatasetConfig)


@pytest.fixture(scope="module")
def articles():
    return read_corpus(ROOT / "data/articles")


@pytest.fixture(scope="module")
def labelled(articles):
    config = load_config(ROOT / "configs/segment.yaml", SegmentConfig)
    sentences = [sentence for article in articles for sentence in segment(article, config).sentences]
    placed = read_annotations(sorted((ROOT / "data/annotations").glob("*.jsonl")), LABELS)
    return join(sentences, settle(placed), placed)


@pytest.fixture(scope="module")
def similar(articles, labelled, settings):
    return find_similar(articles, [sentence for sentence, _ in labelled], settings)


def test_it_passes_every_check(articles, labelled, similar, settings):
    known_names = read_names(ROOT / settings.checks.names)
    checked = check_corpus(articles, labelled, similar, LABELS, known_names, settings.checks)
    assert checked.problems == []


def test_no_check_is_lifted_and_none_is_laxer_than_what_was_asked_for(settings):
    checks = settings.checks
    assert None not in checks.model_dump().values()
    assert checks.most_openings <= 25
    assert checks.most_keyword_f1 <= 0.72
    assert (checks.least_sentences, checks.least_none, checks.least_several) >= (1200, 1800, 700)
    assert checks.least_pair >= 30


def test_it_has_600_articles_and_7000_sentences_by_two_annotators(articles, labelled):
    assert len(articles) >= 600
    assert len(labelled) >= 7000
    placed = read_annotations(sorted((ROOT / "data/annotations").glob("*.jsonl")), LABELS)
    annotators = Counter(item.annotation.annotator for item in placed)
    assert annotators["first"] == annotators["second"] == len(labelled)


def test_the_plan_has_a_row_for_each_article(articles):
    assert sorted(row["id"] for row in read_plan(ROOT / "data/plan.csv")) == sorted(one.id for one in articles)


def test_held_cells_are_a_tenth_of_the_articles_in_every_manner_and_half_of_the_events(articles, settings):
    plan = read_plan(ROOT / settings.plan)
    held = articles_in(settings.held_cells, plan)
    assert 0.08 <= len(held) / len(articles) <= 0.1
    assert {cell["manner"] for cell in settings.held_cells} == {row["manner"] for row in plan}
    assert len({cell["event"] for cell in settings.held_cells}) * 2 >= len({row["event"] for row in plan})


def test_training_sees_no_article_of_a_held_cell(articles, labelled, similar, settings):
    plan = read_plan(ROOT / settings.plan)
    held = articles_in(settings.held_cells, plan)
    split = split_articles(articles, [sentence for sentence, _ in labelled], similar, settings, held)
    cell = {row["id"]: (row["manner"], row["event"]) for row in plan}
    tested = {cell[name] for name in split.of_article if split.part(name) == "cells"}
    learned = {cell[name] for name, placed in split.of_article.items() if placed != "test"}
    assert len(tested) == len(settings.held_cells)
    assert not tested & learned


@pytest.fixture(scope="module")
def witnesses():
    return read_witnesses(ROOT / "data/rules.csv")


def test_every_witness_of_a_rule_stands_in_the_corpus_with_labels_that_fit_its_side(labelled, witnesses):
    assert unsound(witnesses, {(one.article_id, one.index): (one, given) for one, given in labelled}) == []
    assert len(set(witnesses)) == len(witnesses)


def test_every_rule_stands_40_times_on_both_sides_of_its_line(witnesses):
    counts = Counter((witness.rule, witness.side) for witness in witnesses)
    assert {(rule, side) for rule in FITS for side in "AB" if counts[rule, side] < 40} == set()
