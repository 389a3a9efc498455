"""What ``/v1`` takes and answers. The OpenAPI description is made of these models."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from pipeline.corpus.records import Place

# Of one request. Articles of more sentences than SENTENCES in all are refused after they have been split.
ARTICLES = 100
SENTENCES = 4096
TITLE_CHARACTERS = 10_000
ARTICLE_CHARACTERS = 100_000
SENTENCE_CHARACTERS = 10_000
# Of a request that has three: each unknown one is an error with a place of its own.
FIELDS = 16


def at_most(limit: int) -> BeforeValidator:
    """Refuse longer lists before any item is looked at: pydantic itself first collects the errors of all."""

    def check(values: Any) -> Any:
        if isinstance(values, list) and len(values) > limit:
            raise ValueError(f"expected at most {limit} items, found {len(values)}")
        return values

    return BeforeValidator(check)


Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ArticleIn(BaseModel):
    """One article as the batch command takes it; other fields are ignored, so that its records can be sent as they are."""

    model_config = ConfigDict(extra="ignore", frozen=True, title="Article")

    id: Id | None = Field(default=None, description="Comes back with the answer.")
    title: str | None = Field(default=None, max_length=TITLE_CHARACTERS)
    text: str = Field(max_length=ARTICLE_CHARACTERS, description="The body, boilerplate included.")


class SentenceIn(BaseModel):
    """A text that is classified whole; other fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, title="Sentence")

    id: Id | None = Field(default=None, description="Comes back with the answer.")
    text: str = Field(min_length=1, max_length=SENTENCE_CHARACTERS)


class ClassifyIn(BaseModel):
    """Articles, which are split into sentences here, or sentences: exactly one of the two."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        title="Classify",
        json_schema_extra={
            "oneOf": [{"required": ["articles"]}, {"required": ["sentences"]}],
            "examples": [
                {"articles": [{"id": "a-1", "title": "Camat ingatkan pegawai", "text": "Jangan ikut kampanye."}]},
                {"sentences": [{"text": "Pegawai diminta menjaga netralitas."}]},
            ],
        },
    )

    # At least one is said to readers of the schema alone: the check below says it better.
    articles: Annotated[tuple[ArticleIn, ...], at_most(ARTICLES)] = Field(
        default=(), max_length=ARTICLES, json_schema_extra={"minItems": 1}
    )
    sentences: Annotated[tuple[SentenceIn, ...], at_most(SENTENCES)] = Field(
        default=(), max_length=SENTENCES, json_schema_extra={"minItems": 1}
    )
    include_removed: bool = Field(default=False, strict=True, description="Also return what was removed from articles.")

    @model_validator(mode="before")
    @classmethod
    def few_fields(cls, values: Any) -> Any:
        if isinstance(values, dict) and len(values) > FIELDS:
            raise ValueError(f"expected at most {FIELDS} fields, found {len(values)}")
        return values

    @model_validator(mode="after")
    def one_of_them(self) -> Self:
        if bool(self.articles) == bool(self.sentences):
            raise ValueError("expected exactly one of 'articles' and 'sentences', with something in it")
        return self


class Scored(BaseModel):
    """What the checkpoint says of one sentence."""

    text: str
    labels: list[str] = Field(description="Labels whose score reaches the threshold of the checkpoint, in its order.")
    scores: dict[str, float] = Field(description="Calibrated probability of every label.")
    truncated: bool = Field(description="The sentence is longer than the model takes; its end was not read.")


class SentenceOut(Scored):
    """A sentence of an article: ``field[start:end] == text``, counted in Unicode code points of the field as given."""

    index: int = Field(description="From 0, title first.")
    field: Place
    start: int
    end: int


class RemovedOut(BaseModel):
    """A stretch of an article that is no sentence of it: boilerplate, a heading, a repetition."""

    field: Place
    start: int
    end: int
    reason: str


class ArticleOut(BaseModel):
    """One article, in the order of the request."""

    id: str | None
    sentences: list[SentenceOut]
    removed: list[RemovedOut] | None = Field(default=None, description="Where `include_removed` asks for it.")


class LooseSentenceOut(Scored):
    """One sentence, in the order of the request."""

    id: str | None


class ClassifyOut(BaseModel):
    """The answer has ``articles`` or ``sentences``, as the request had."""

    checkpoint: str = Field(description="Version of the checkpoint that gave every score below.")
    articles: list[ArticleOut] | None = None
    sentences: list[LooseSentenceOut] | None = None


class StatusOut(BaseModel):
    """Of the server."""

    status: str
