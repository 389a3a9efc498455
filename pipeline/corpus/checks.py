"""What a corpus is checked for before anything is learned from it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.config import Config
from pipeline.corpus.annotations import LabelSet
from pipeline.corpus.diversity import lexical_diversity
from pipeline.corpus.keywords import keyword_f1
from pipeline.corpus.languages import languages
from pipeline.corpus.names import unknown_names
from pipeline.corpus.records import Article, Sentence, normalise
from pipeline.corpus.splits import Similar

Labelled = Sequence[tuple[Sentence, LabelSet]]

OPENING_WORDS = 5
# So many examples of one problem are named.
NAMED = 3


class CheckConfig(Config):
    """``checks`` of ``configs/dataset.yaml``. What is ``null``, or left out, is measured and not judged.

    Attributes:
        most_openings: how often the same five words may begin a sentence.
        most_similar_articles, most_similar_sentences: how many pairs of near-duplicates there may be, within articles and
            across them; what counts as one, ``article_similarity`` and the like say.
        least_sentences: how many sentences carry each label, at least.
        least_none, least_several: how many carry no label, and two or more.
        least_pair: how many carry both of any two labels.
        least_diversity: of words, the moving-average type-token ratio over 500 words.
        most_keyword_f1: how good cue words may be at finding the labels (macro-F1).
        languages: what articles may be written in, as ISO 639-1 codes.
        names: list of names that were read and found to be invented; any other name of a person is a problem.
    """

    most_openings: int | None = Field(default=None, ge=1)
    most_similar_articles: int | None = Field(default=None, ge=0)
    most_similar_sentences: int | None = Field(default=None, ge=0)
    least_sentences: int | None = Field(default=None, ge=0)
    least_none: int | None = Field(default=None, ge=0)
    least_several: int | None = Field(default=None, ge=0)
    least_pair: int | None = Field(default=None, ge=0)
    least_diversity: float | None = Field(default=None, ge=0, le=1)
    most_keyword_f1: float | None = Field(default=None, ge=0, le=1)
    languages: tuple[str, ...] | None = None
    names: Path | None = None


@dataclass(frozen=True)
class Checked:
    """What the checks measured, by name, and what of it breaks a threshold, one line each."""

    figures: dict[str, Any]
    problems: list[str]


def check_corpus(
    articles: Sequence[Article],
    labelled: Labelled,
    similar: Similar,
    labels: Sequence[str],
    known_names: frozenset[str] | None,
    config: CheckConfig,
) -> Checked:
    """Measure a corpus and hold it against the thresholds of ``config``.

    Args:
        labelled: every sentence, in the order that ``similar`` refers to.
        known_names: of persons, or ``None`` if names are not to be looked at.
    """
    sentences = [sentence for sentence, _ in labelled]
    words = [word for sentence in sentences for word in normalise(sentence.text).split()]
    keywords = keyword_f1([(sentence.text, given) for sentence, given in labelled], labels)
    tongues = languages(articles)
    openings = _openings(sentences)
    counts = _counts(labelled, labels)
    figures: dict[str, Any] = {
        "most_frequent_opening": max(map(len, openings.values()), default=0),
        "similar_articles": len(similar.articles),
        "similar_sentences": len(similar.sentences),
        "counts": counts,
        "words_per_sentence": round(len(words) / len(sentences), 2),
        "lexical_diversity": round(lexical_diversity(words), 4),
        "keyword_f1": {label: round(score, 4) for label, score in keywords.items()},
        "keyword_macro_f1": round(sum(keywords.values()) / len(keywords), 4) if keywords else None,
        "languages": dict(Counter(tongues.values()).most_common()),
    }
    problems = [
        *_frequent(openings, config.most_openings),
        *_too_many(
            [f"articles {articles[i].id} and {articles[j].id}" for i, j in similar.articles],
            "pairs of similar articles",
            config.most_similar_articles,
        ),
        *_too_many(
            [f"{_named(sentences[i])} and {_named(sentences[j])}" for i, j in similar.sentences],
            "pairs of similar sentences",
            config.most_similar_sentences,
        ),
        *_too_few(counts, config),
    ]
    diversity, ease = figures["lexical_diversity"], figures["keyword_macro_f1"]
    if config.least_diversity is not None and diversity < config.least_diversity:
        problems.append(f"lexical diversity is {diversity:.3f}, {config.least_diversity} is the least: words repeat")
    if config.most_keyword_f1 is not None and ease is not None and ease >= config.most_keyword_f1:
        problems.append(f"cue words reach a macro-F1 of {ease:.3f}, not under {config.most_keyword_f1}: it is too easy")
    if config.languages is not None:
        problems += [
            f"article {name} is written in '{code}', not in {' or '.join(config.languages)}"
            for name, code in tongues.items()
            if code not in config.languages
        ]
    if known_names is not None:
        texts = ((article.id, f"{article.title}\n{article.text}") for article in articles)
        unknown = unknown_names(texts, known_names)
        figures["unknown_names"] = len(unknown)
        problems += [
            f"'{name}' in article {place} is not in {config.names}: if it is invented, add it; if not, take it out"
            for name, place in unknown
        ]
    return Checked(figures, problems)


def _openings(sentences: Sequence[Sentence]) -> dict[str, list[Sentence]]:
    """Group sentences by their first words."""
    groups: dict[str, list[Sentence]] = defaultdict(list)
    for sentence in sentences:
        words = normalise(sentence.text).split()
        if len(words) >= OPENING_WORDS:
            groups[" ".join(words[:OPENING_WORDS])].append(sentence)
    return groups


def _frequent(openings: Mapping[str, Sequence[Sentence]], most: int | None) -> list[str]:
    return [
        f"'{opening} …' begins {len(members)} sentences, {most} at most: "
        + ", ".join(f"{sentence.article_id}/{sentence.index}" for sentence in members)
        for opening, members in openings.items()
        if most is not None and len(members) > most
    ]


def _counts(labelled: Labelled, labels: Sequence[str]) -> dict[str, int]:
    counts = {label: sum(label in given for _, given in labelled) for label in labels}
    counts["none"] = sum(not given for _, given in labelled)
    counts["several"] = sum(len(given) > 1 for _, given in labelled)
    for one, other in combinations(labels, 2):
        counts[f"{one} + {other}"] = sum(one in given and other in given for _, given in labelled)
    return counts


def _too_few(counts: Mapping[str, int], config: CheckConfig) -> list[str]:
    special = {"none": config.least_none, "several": config.least_several}
    least = {
        name: special.get(name, config.least_pair if " + " in name else config.least_sentences) or 0 for name in counts
    }
    return [
        f"{count} sentences carry {name}, {least[name]} is the least"
        for name, count in counts.items()
        if count < least[name]
    ]


def _too_many(found: Sequence[str], what: str, most: int | None) -> list[str]:
    if most is None or len(found) <= most:
        return []
    return [f"{len(found)} {what}, {most} at most: {'; '.join(found[:NAMED])}{'; …' if len(found) > NAMED else ''}"]


def _named(sentence: Sentence) -> str:
    return f"{sentence.article_id}/{sentence.index} '{sentence.text}'"
