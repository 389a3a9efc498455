"""What people send to the page, in bytes, to articles: a form, or a dropped file as it is."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl

from pipeline.apps.serve.schema import ARTICLE_CHARACTERS, ARTICLES
from pipeline.corpus.readers import Reject, read_content
from pipeline.corpus.records import Article

Kind = Literal["text", "html", "jsonl"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FORM = "application/x-www-form-urlencoded"
# Of a file that the script sends as it is.
FILES: dict[str, Kind] = {"text/plain": "text", "text/html": "html", "application/x-ndjson": "jsonl"}
SUFFIXES: dict[Kind, Literal[".txt", ".html", ".jsonl"]] = {"text": ".txt", "html": ".html", "jsonl": ".jsonl"}
CONTENT_TYPES = (FORM, *FILES)

_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|main|article|section|div|p|meta|!--)[\s>-]", re.IGNORECASE)
_ADDRESS = re.compile(rb"(?:https?://|www\.)\S+", re.IGNORECASE)
_FIELDS = 16
LONGEST_HEADLINE = 200


class UnreadableError(Exception):
    """The input cannot be read; ``name`` is that of the text which tells so."""

    def __init__(self, name: str, detail: str = "", limit: int = 0) -> None:
        super().__init__(name)
        self.name = name
        self.detail = detail
        self.limit = limit


@dataclass(frozen=True)
class Form:
    """The fields of the page's form."""

    text: str = ""
    kind: str = "auto"
    example: str = ""
    switch: str = ""
    token: str = ""


def read_form(body: bytes) -> Form:
    """Read a form. Browsers send line breaks as CR LF; they come back as they were typed.

    Raises:
        UnreadableError: it is no form, or not in UTF-8.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_FIELDS
        )
    except ValueError:
        raise UnreadableError("not_utf8") from None
    fields = {name: value for name, value in pairs if name in Form.__dataclass_fields__}
    return Form(**{**fields, "text": fields.get("text", "").replace("\r\n", "\n")})


def kind_of(content: bytes) -> Kind:
    """Tell from its first bytes what a pasted text is."""
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _PAGE.match(start):
        return "html"
    return "jsonl" if re.match(rb'\{\s*"', start) else "text"


def read_articles(content: bytes, kind: Kind) -> tuple[list[Article], list[Reject]]:
    """Return the articles in ``content``, and what could not be read. A text or a page is named after its content.

    Raises:
        UnreadableError: there is no article at all, or more than the API takes.
    """
    if not content.strip():
        raise UnreadableError("empty")
    if _ADDRESS.fullmatch(content.strip()):
        raise UnreadableError("address")
    name = f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}"
    records = list(read_content(content, SUFFIXES[kind], name))
    rejects = [record for record in records if isinstance(record, Reject)]
    articles: dict[str, Article] = {}
    rejects += [
        Reject(record.id, "an earlier record has this id", "an id for each record")
        for record in records
        if isinstance(record, Article) and articles.setdefault(record.id, record) is not record
    ]
    if not articles:
        if kind == "html" and rejects[0].reason.startswith("holds no article"):
            raise UnreadableError("no_article")
        raise UnreadableError("unreadable", told(rejects[0]))
    if len(articles) > ARTICLES:
        raise UnreadableError("too_many", limit=ARTICLES)
    if any(len(article.text) > ARTICLE_CHARACTERS for article in articles.values()):
        raise UnreadableError("too_long", limit=ARTICLE_CHARACTERS)
    return [_without_headline(article) if kind == "text" else article for article in articles.values()], rejects


def _without_headline(article: Article) -> Article:
    """Return ``article`` without a title where its first line is all there is, or too long for a headline."""
    if article.text.strip() and len(article.title) <= LONGEST_HEADLINE:
        return article
    return article.model_copy(update={"title": "", "text": f"{article.title}\n{article.text}".strip()})


def told(reject: Reject) -> str:
    """Say in one line what is wrong with a record."""
    fields = reject.printable()
    return f"{fields['place'].rpartition(':')[2]}: {fields['reason']}; {fields['expected']}"
