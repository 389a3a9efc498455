"""An article as it is shown: paragraphs of sentences and removed pieces, from their offsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.apps.serve.schema import ArticleOut, RemovedOut, SentenceOut
from pipeline.corpus.records import Article, Place, normalise


@dataclass(frozen=True)
class Piece:
    """A stretch of a paragraph: a sentence, or what was removed."""

    text: str
    sentence: SentenceOut | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Shown:
    """One article with its answer, ready for the template.

    Attributes:
        headline: the pieces of the title.
        paragraphs: the body; a paragraph ends where white space between two pieces has a line break.
        sentences: title first.
        data: what the scripts work on: the article as given, its sentences, and for each the first one of the same text,
            since annotations of equal sentences must not differ.
    """

    article: Article
    headline: list[Piece]
    paragraphs: list[list[Piece]]
    sentences: list[SentenceOut]
    data: dict[str, Any]

    @property
    def removed(self) -> int:
        return sum(piece.reason is not None for paragraph in self.paragraphs for piece in paragraph)

    def count(self, label: str | None) -> int:
        """Return how many sentences carry ``label``, or, for ``None``, no label."""
        return sum(label in sentence.labels if label else not sentence.labels for sentence in self.sentences)


def prepare(article: Article, answer: ArticleOut) -> Shown:
    """Put ``article`` and what the classifier answers of it together."""
    first: dict[str, int] = {}
    sentences = [
        {**sentence.model_dump(), "same": first.setdefault(normalise(sentence.text), sentence.index)}
        for sentence in answer.sentences
    ]
    return Shown(
        article=article,
        headline=[piece for paragraph in _paragraphs(article, answer, "title") for piece in paragraph],
        paragraphs=_paragraphs(article, answer, "body"),
        sentences=answer.sentences,
        data={**article.model_dump(mode="json", exclude_none=True), "sentences": sentences},
    )


def _paragraphs(article: Article, answer: ArticleOut, place: Place) -> list[list[Piece]]:
    text = article.field(place)
    spans: Sequence[SentenceOut | RemovedOut] = [*answer.sentences, *(answer.removed or ())]
    paragraphs: list[list[Piece]] = []
    end = 0
    for span in sorted((span for span in spans if span.field == place), key=lambda span: span.start):
        if not paragraphs or len(f"{text[end : span.start]}.".splitlines()) > 1:
            paragraphs.append([])
        content = text[span.start : span.end]
        paragraphs[-1].append(
            Piece(content, sentence=span) if isinstance(span, SentenceOut) else Piece(content, reason=span.reason)
        )
        end = span.end
    return paragraphs
