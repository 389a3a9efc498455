"""Articles to sentences: the same for training and for use."""

from dataclasses import dataclass

from pydantic import Field

from pipeline.config import Config
from pipeline.corpus.paragraphs import clean
from pipeline.corpus.records import Article, Place, Removed, Sentence, normalise
from pipeline.corpus.sentences import split_sentences


class SegmentConfig(Config):
    """``configs/segment.yaml``. A checkpoint keeps the values that its training data was made with.

    Attributes:
        heading_words: a line of up to so many words without a full stop is a heading.
        few_words: a title, or a repetition, of fewer words does not count as a sentence, or as a repetition.
    """

    heading_words: int = Field(default=14, ge=0)
    few_words: int = Field(default=4, ge=1)


@dataclass(frozen=True)
class Segmentation:
    """The sentences of one article and what was removed around them; with white space they cover its title and text."""

    sentences: list[Sentence]
    removed: list[Removed]


def segment(article: Article, config: SegmentConfig) -> Segmentation:
    """Split ``article`` into sentences, title first, and name what is none."""
    sentences: list[Sentence] = []
    removed: list[Removed] = []
    seen: set[str] = set()

    def add(place: Place, start: int, end: int) -> None:
        text = article.field(place)[start:end]
        form = normalise(text)
        few = len(text.split()) < config.few_words
        if not any(map(str.isalpha, text)):
            removed.append(Removed(article.id, place, start, end, "closing"))
        elif form in seen and not few:
            removed.append(Removed(article.id, place, start, end, "repeat"))
        elif place == "title" and few:
            removed.append(Removed(article.id, place, start, end, "heading"))
        else:
            sentences.append(Sentence(article.id, len(sentences), place, start, end, text))
            seen.add(form)

    for span in split_sentences(article.title):
        add("title", *span)
    cleaned = clean(article.text, article.title, config.heading_words)
    for paragraph in cleaned.prose:
        for span in split_sentences(article.text, *paragraph):
            add("body", *span)
    removed += [Removed(article.id, "body", *span) for span in cleaned.removed]
    return Segmentation(sentences, sorted(removed, key=lambda part: (part.field != "title", part.start)))
