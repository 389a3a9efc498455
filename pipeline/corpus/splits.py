"""Train, validation and test: by groups of near-duplicate articles, each article always in the same one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from pydantic import Field, model_validator

from pipeline.config import Config
from pipeline.corpus.duplicates import character_shingles, similar_pairs, word_shingles
from pipeline.corpus.records import Article, Sentence, normalise

SPLITS = ("train", "validation", "test")


class SplitConfig(Config):
    """``configs/dataset.yaml``.

    Attributes:
        seed: another seed draws other splits.
        validation, test: share of articles in each, in [0, 1); the rest is for training.
        article_similarity: articles whose word 3-grams are at least so similar (Jaccard) are one group.
        sentence_similarity: sentences whose character 5-grams are at least so similar (Jaccard) are repetitions.
        sentence_words: repeated sentences of at least so many words put their articles into one group; of shorter
            ones, only the first split that has them keeps them.
    """

    seed: int = Field(ge=0)
    validation: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)
    article_similarity: float = Field(gt=0, le=1)
    sentence_similarity: float = Field(gt=0, le=1)
    sentence_words: int = Field(ge=1)

    @model_validator(mode="after")
    def leaves_training(self) -> "SplitConfig":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on")
        return self


@dataclass
class Split:
    """The split of each article, and what could not be placed.

    Attributes:
        of_article: split by article id.
        bridges: ids of articles that resemble articles of two splits; they are left out.
        repeated: keys ``(article_id, index)`` of short sentences that another split has too; they are left out.
    """

    of_article: dict[str, str] = field(default_factory=dict)
    bridges: list[str] = field(default_factory=list)
    repeated: set[tuple[str, int]] = field(default_factory=set)


def split_articles(articles: Sequence[Article], sentences: Sequence[Sentence], config: SplitConfig) -> Split:
    """Assign each article to a split.

    Articles are placed in the order of the corpus. One that resembles none before it is placed by a hash of its id; one
    that resembles earlier ones goes where they are. Nothing that is placed moves when articles are added behind it. An
    article that resembles articles of two splits can go nowhere and is left out.
    """
    similar = _similar_earlier(articles, sentences, config)
    split = Split()
    for number, article in enumerate(articles):
        neighbours = {split.of_article[articles[i].id] for i in similar[number] if articles[i].id in split.of_article}
        if len(neighbours) > 1:
            split.bridges.append(article.id)
        else:
            split.of_article[article.id] = neighbours.pop() if neighbours else _by_hash(article.id, config)
    split.repeated = _short_repetitions(sentences, split.of_article)
    return split


def _by_hash(article_id: str, config: SplitConfig) -> str:
    digest = blake2b(f"{config.seed}:{article_id}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest) / 2**64
    if position < config.test:
        return "test"
    return "validation" if position < config.test + config.validation else "train"


def _similar_earlier(
    articles: Sequence[Article], sentences: Sequence[Sentence], config: SplitConfig
) -> dict[int, set[int]]:
    """Return, by position, the earlier articles that each article resembles as a whole or shares a sentence with."""
    similar: dict[int, set[int]] = defaultdict(set)
    position = {article.id: number for number, article in enumerate(articles)}
    for i, j in similar_pairs([word_shingles(article.text) for article in articles], config.article_similarity):
        similar[j].add(i)
    long = [sentence for sentence in sentences if len(sentence.text.split()) >= config.sentence_words]
    for i, j in similar_pairs([character_shingles(sentence.text) for sentence in long], config.sentence_similarity):
        one, other = sorted((position[long[i].article_id], position[long[j].article_id]))
        if one != other:
            similar[other].add(one)
    return similar


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
