"""Train, validation and test: by groups of near-duplicate articles, each article always in the same one."""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config import Config, Seed
from pipeline.corpus.duplicates import character_shingles, similar_pairs, word_shingles
from pipeline.corpus.records import Article, Sentence, normalise

SPLITS = ("train", "validation", "test")
# Of test: cells of the plan that training never sees, and what was drawn at random.
PARTS = ("cells", "random")


class SplitConfig(Config):
    """How articles are split.

    Attributes:
        seed: another seed draws other splits.
        validation, test: share in each of the articles outside ``held_cells``, in (0, 1); the rest is for training.
        plan: CSV with a row per article, by its ``id``; articles without a row lie in no cell.
        held_cells: cells of the plan, each as values by column, whose articles all go to test.
        article_similarity: articles whose word 3-grams are at least so similar (Jaccard) are one group.
        sentence_similarity: sentences whose character 5-grams are at least so similar (Jaccard) are repetitions.
        sentence_words: repeated sentences of at least so many words put their articles into one group; of shorter
            ones, only the first split that has them keeps them.
    """

    seed: Seed
    validation: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)
    plan: Path | None = None
    held_cells: tuple[Annotated[dict[str, str], Field(min_length=1)], ...] = ()
    article_similarity: float = Field(gt=0, le=1)
    sentence_similarity: float = Field(gt=0, le=1)
    sentence_words: int = Field(ge=1)

    @model_validator(mode="after")
    def leaves_training(self) -> "SplitConfig":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on")
        return self

    @model_validator(mode="after")
    def cells_have_a_plan(self) -> "SplitConfig":
        if self.held_cells and self.plan is None:
            raise ValueError("'held_cells' needs a 'plan' that says which articles lie in them")
        return self


@dataclass(frozen=True)
class Similar:
    """Near-duplicates, as pairs of positions ``i < j``: among the articles of a corpus, and among its sentences."""

    articles: list[tuple[int, int]]
    sentences: list[tuple[int, int]]


def find_similar(articles: Sequence[Article], sentences: Sequence[Sentence], config: SplitConfig) -> Similar:
    """Find the articles that resemble each other as a whole, and the sentences of ``sentence_words`` or more that do."""
    long = [number for number, sentence in enumerate(sentences) if len(sentence.text.split()) >= config.sentence_words]
    shingles = [character_shingles(sentences[number].text) for number in long]
    return Similar(
        list(similar_pairs([word_shingles(article.text) for article in articles], config.article_similarity)),
        [(long[i], long[j]) for i, j in similar_pairs(shingles, config.sentence_similarity)],
    )


@dataclass
class Split:
    """The split of each article, and what could not be placed.

    Attributes:
        of_article: split by article id.
        held: ids of the articles in held cells.
        bridges: ids of articles that belong to two splits, since they resemble articles of both, or lie in a held cell and
            resemble an article outside test; they are left out.
        repeated: keys ``(article_id, index)`` of short sentences that another split has too; they are left out.
    """

    of_article: dict[str, str] = field(default_factory=dict)
    held: AbstractSet[str] = frozenset()
    bridges: list[str] = field(default_factory=list)
    repeated: set[tuple[str, int]] = field(default_factory=set)

    def part(self, article_id: str) -> str | None:
        """Return which part of test an article is in: ``cells`` that training never sees, or ``random``."""
        if self.of_article.get(article_id) != "test":
            return None
        return "cells" if article_id in self.held else "random"


def split_articles(
    articles: Sequence[Article],
    sentences: Sequence[Sentence],
    similar: Similar,
    config: SplitConfig,
    held: AbstractSet[str] = frozenset(),
) -> Split:
    """Assign each article to a split.

    Articles are placed in the order of the corpus. One of a held cell goes to test; one that resembles earlier ones goes
    where they are; any other is placed by a hash of its id. Nothing that is placed moves when articles are added behind it.
    An article that belongs to two splits can go nowhere and is left out.

    Args:
        similar: what :func:`find_similar` found among ``articles`` and ``sentences``.
        held: ids of the articles in held cells.
    """
    earlier = _earlier(articles, sentences, similar)
    split = Split(held=held)
    for number, article in enumerate(articles):
        due = {split.of_article[articles[i].id] for i in earlier[number] if articles[i].id in split.of_article}
        due |= {"test"} if article.id in held else set()
        if len(due) > 1:
            split.bridges.append(article.id)
        else:
            split.of_article[article.id] = due.pop() if due else _by_hash(article.id, config)
    split.repeated = _short_repetitions(sentences, split.of_article)
    return split


def _by_hash(article_id: str, config: SplitConfig) -> str:
    digest = blake2b(f"{config.seed}:{article_id}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest) / 2**64
    if position < config.test:
        return "test"
    return "validation" if position < config.test + config.validation else "train"


def _earlier(articles: Sequence[Article], sentences: Sequence[Sentence], similar: Similar) -> dict[int, set[int]]:
    """Return, by position, the earlier articles that each article resembles as a whole or shares a sentence with."""
    earlier: dict[int, set[int]] = defaultdict(set)
    position = {article.id: number for number, article in enumerate(articles)}
    shared = [(position[sentences[i].article_id], position[sentences[j].article_id]) for i, j in similar.sentences]
    for one, other in map(sorted, [*similar.articles, *shared]):
        if one != other:
            earlier[other].add(one)
    return earlier


def _short_repetitions(sentences: Sequence[Sentence], of_article: dict[str, str]) -> set[tuple[str, int]]:
    owner: dict[str, str] = {}
    repeated = set()
    for sentence in sentences:
        split = of_article.get(sentence.article_id)
        if split is not None and owner.setdefault(normalise(sentence.text), split) != split:
            repeated.add((sentence.article_id, sentence.index))
    return repeated


def find_leaks(texts: dict[str, Sequence[str]], config: SplitConfig) -> list[tuple[str, str]]:
    """Return the pairs of texts that stand in two splits and are equal or near-duplicates.

    Args:
        texts: sentences by split.
    """
    flat = [(split, text) for split, members in texts.items() for text in members]
    first: dict[str, str] = {}
    leaks = [(text, text) for split, text in flat if first.setdefault(normalise(text), split) != split]
    long = [(split, text) for split, text in flat if len(text.split()) >= config.sentence_words]
    pairs = similar_pairs([character_shingles(text) for _, text in long], config.sentence_similarity)
    return leaks + [(long[i][1], long[j][1]) for i, j in pairs if long[i][0] != long[j][0]]
