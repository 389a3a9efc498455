"""The records that pass between steps: article, sentence, removed boilerplate, annotation."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Place = Literal["title", "body"]


class Article(BaseModel):
    """One news article, as given.

    Attributes:
        id: unique among the articles of one corpus or batch.
        title: the headline; may be empty.
        text: the body, boilerplate included.
        source: the outlet.
        published: day of publication.
        url: where it was found.
    """

    # Files of users carry columns of their own; they are no error, and they are not kept.
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    title: str = ""
    text: str
    source: str | None = None
    published: date | None = None
    url: str | None = None

    @field_validator("title", mode="before")
    @classmethod
    def no_title(cls, value: object) -> object:
        return "" if value is None else value

    @field_validator("published", mode="before")
    @classmethod
    def day(cls, value: object) -> object:
        """Accept a date, a time stamp (its day counts) or nothing."""
        if isinstance(value, str):
            return value.strip()[:10] or None
        return value.date() if isinstance(value, datetime) else value

    def field(self, name: Place) -> str:
        return self.title if name == "title" else self.text


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an article: ``article.field(field)[start:end] == text``.

    Attributes:
        index: position among the article's sentences, from 0, title first.
        start, end: character offsets into the field as given.
    """

    article_id: str
    index: int
    field: Place
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A stretch of an article that is no sentence, and why: one of :data:`pipeline.corpus.boilerplate.REASONS`."""

    article_id: str
    field: Place
    start: int
    end: int
    reason: str


class Annotation(BaseModel):
    """What an annotator says of one sentence. It joins its sentence by article and normalised text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article_id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    labels: tuple[str, ...]
    annotator: str = Field(min_length=1)


def normalise(text: str) -> str:
    """Fold case and white space, and straighten quotes: the form in which sentences are compared."""
    for sign, plain in _QUOTES.items():  # str.translate takes several times as long
        text = text.replace(sign, plain)
    return " ".join(text.casefold().split())


_QUOTES = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "`": "'", "–": "-", "—": "-"}
