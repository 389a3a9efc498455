"""The work behind an answer: hold a place, split, score; and let go where nobody waits for it any more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from fastapi import Request

from pipeline.apps.serve.pool import Pool
from pipeline.apps.serve.problems import Problem
from pipeline.apps.serve.queue import CHARACTERS_PER_TOKEN, estimate_tokens
from pipeline.apps.serve.schema import SENTENCES, ArticleIn, ClassifyIn
from pipeline.apps.serve.service import Service
from pipeline.classifier.checkpoint import Manifest

T = TypeVar("T")
Row = dict[str, Any]


class ClientGoneError(Exception):
    """Nobody waits for the answer."""


async def classify(request: Request, service: Service, body: ClassifyIn) -> Row:
    """Return what ``ClassifyOut`` says for articles or sentences; see :func:`answered` for what is raised."""
    if body.articles:
        articles, manifest = await answered(
            request,
            service,
            article_tokens(body.articles),
            lambda pool: classify_articles(pool, body.articles, body.include_removed),
        )
        service.metrics.count([row for article in articles for row in article["sentences"]])
        return {"checkpoint": manifest.version, "articles": articles}
    texts = [sentence.text for sentence in body.sentences]
    tokens = sentence_tokens(texts, service.manifest)
    rows, manifest = await answered(request, service, tokens, lambda pool: classify_sentences(pool, texts))
    service.metrics.count(rows)
    sentences = [{"id": sentence.id} | row for sentence, row in zip(body.sentences, rows, strict=True)]
    return {"checkpoint": manifest.version, "sentences": sentences}


async def answered(
    request: Request, service: Service, tokens: int, work: Callable[[Pool], Awaitable[T]]
) -> tuple[T, Manifest]:
    """Do ``work`` unless the deadline passes or the client goes away first, and say with which checkpoint it was done.

    Args:
        tokens: what the work costs, estimated; refused at once if the queue has no place for it. A request that has been
            admitted before is not refused any more: this is its next step.

    Raises:
        Problem: it was refused, failed, or took too long; what still waited of it is then cancelled.
        ClientGoneError: the connection was closed.
    """
    place = service.held if request.state.accepted else service.admitted
    with place(tokens):
        if not request.state.accepted:
            service.accepted += 1
            request.state.accepted = True
        task = asyncio.current_task()
        assert task
        gone = asyncio.create_task(_cancel_when_gone(task, request))
        try:
            async with asyncio.timeout_at(request.state.deadline):
                return await service.on_checkpoint(work)
        except TimeoutError:
            service.metrics.rejections.labels("deadline").inc()
            detail = f"no answer within {service.settings.deadline:g} seconds; what was queued is cancelled"
            raise Problem(504, detail) from None
        except asyncio.CancelledError:
            if not gone.done():
                raise
            task.uncancel()
            raise ClientGoneError from None
        finally:
            gone.cancel()


async def _cancel_when_gone(task: "asyncio.Task[Any]", request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    task.cancel()


def article_tokens(articles: Sequence[ArticleIn]) -> int:
    """Estimate the word pieces of ``articles`` from their characters."""
    return sum(4 + (len(article.title or "") + len(article.text)) // CHARACTERS_PER_TOKEN for article in articles)


def sentence_tokens(texts: Sequence[str], manifest: Manifest) -> int:
    """Estimate the word pieces of sentences, as far as the model reads them."""
    return sum(estimate_tokens(len(text), manifest.max_length) for text in texts)


async def classify_articles(pool: Pool, articles: Sequence[ArticleIn], include_removed: bool) -> list[Row]:
    """Return every article with its sentences, as ``ArticleOut`` says.

    Raises:
        Problem: they have more sentences than one request may have.
    """
    splits = await asyncio.gather(*(pool.split(article.title or "", article.text) for article in articles))
    sentences = [sentence for found, _ in splits for sentence in found]
    if len(sentences) > SENTENCES:
        raise Problem(
            413, f"the articles have {len(sentences)} sentences, at most {SENTENCES} are taken; send fewer at a time"
        )
    scored = iter(await classify_sentences(pool, [text for *_, text in sentences]))
    rows: list[Row] = []
    for article, (found, removed) in zip(articles, splits, strict=True):
        rows.append(
            {
                "id": article.id,
                "sentences": [
                    {"index": index, "field": field, "start": start, "end": end} | next(scored)
                    for index, (field, start, end, _) in enumerate(found)
                ],
            }
        )
        if include_removed:
            rows[-1]["removed"] = [
                dict(zip(("field", "start", "end", "reason"), part, strict=True)) for part in removed
            ]
    return rows


async def classify_sentences(pool: Pool, texts: Sequence[str]) -> list[Row]:
    """Return every sentence as ``Scored`` says."""
    names = pool.manifest.names
    return [
        {"text": text, "labels": labels, "scores": dict(zip(names, scores, strict=True)), "truncated": truncated}
        for text, (scores, labels, truncated) in zip(texts, await pool.score(texts), strict=True)
    ]
