"""The routes of the page: it works as plain HTML; the script sends the same requests and puts the answer in place."""

import asyncio
import hashlib
import mimetypes
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr, ValidationError
from ruamel.yaml import YAML

from pipeline.apps.serve.answer import answered, article_tokens, classify_articles
from pipeline.apps.serve.bodies import reading_tokens
from pipeline.apps.serve.page.intake import (
    CONTENT_TYPES,
    FILES,
    FORM,
    KINDS,
    Form,
    Kind,
    UnreadableError,
    kind_of,
    read_form,
)
from pipeline.apps.serve.page.look import letters, style_sheet
from pipeline.apps.serve.page.marking import prepare
from pipeline.apps.serve.page.template import page_template
from pipeline.apps.serve.page.texts import choose_language, counted, load_texts
from pipeline.apps.serve.pool import OvertimeError, Pool
from pipeline.apps.serve.problems import CHALLENGE, Problem
from pipeline.apps.serve.schema import ArticleIn, ArticleOut
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.settings import bears_token
from pipeline.classifier.checkpoint import Manifest
from pipeline.config import explain
from pipeline.corpus.records import Article

# Nothing but our own files, no inline script or style, and no way to turn a string into nodes or code.
POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Accept-Language",
}
FOLDER = files(__package__)


def page_routes(service: Service) -> APIRouter:
    """Return ``/`` and the files of the page."""
    routes = APIRouter(include_in_schema=False)
    texts = load_texts()
    examples = YAML(typ="safe", pure=True).load((FOLDER / "examples/examples.yaml").read_text(encoding="utf-8"))
    contents = {
        name: (FOLDER / "examples" / name).read_text(encoding="utf-8") for name in (e["file"] for e in examples)
    }
    static = {file.name: file.read_bytes() for file in (FOLDER / "static").iterdir()}
    template = page_template()
    # One at a time: more threads would take turns on the core of the front process, and all answers would come later.
    drawing = ThreadPoolExecutor(1, "page")

    def render(
        language: str, manifest: Manifest, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        names = [label.indonesian if language == "id" else label.name for label in manifest.labels]
        labels = [
            {"name": label.name, "shown": name, "letter": letter, "definition": label.definition}
            for label, name, letter in zip(manifest.labels, names, letters(names), strict=True)
        ]
        content = template.render(
            {"form": Form(), "shown": [], "rejects": [], "rejected": 0, "problem": None}
            | {"t": texts[language], "language": language, "other": next(code for code in texts if code != language)}
            | {"labels": labels, "thresholds": manifest.thresholds, "checkpoint": manifest.version}
            | {"kinds": ("auto", *KINDS), "examples": examples}
            | {"protected": service.settings.token is not None, "limit": service.settings.body_bytes}
            | values
        )
        return Response(content, status, HEADERS | dict(headers or {}), "text/html")

    def show(
        language: str,
        form: Form,
        manifest: Manifest,
        articles: list[Article],
        found: dict[str, Any],
        rows: list[dict[str, Any]],
    ) -> Response:
        shown = [prepare(article, ArticleOut.model_validate(row)) for article, row in zip(articles, rows, strict=True)]
        refused = {name: found[name] for name in ("rejects", "rejected")}
        return render(language, manifest, form=form, shown=shown, **refused)

    def refuse(
        language: str, form: Form, problem: Problem, detail: str = "", name: str = "", limit: int = 0
    ) -> Response:
        words = texts[language]
        named = words["problems"]
        text = named.get(name or str(problem.status)) or named["500" if problem.status >= 500 else "422"]
        seconds = counted(words["seconds"], int(problem.headers.get("Retry-After", "1")))
        told = {"text": text.replace("{seconds}", seconds).replace("{limit}", str(limit)), "detail": detail}
        return render(language, service.manifest, problem.status, problem.headers, form=form, problem=told)

    @routes.get("/")
    async def page(request: Request) -> Response:
        return render(_language(request), service.manifest)

    @routes.post("/")
    async def read(request: Request) -> Response:
        language = _language(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        form = Form()
        try:
            if kind not in CONTENT_TYPES:
                raise Problem(415, "")
            body = await request.body()
            if kind == FORM:
                form = await asyncio.to_thread(read_form, body)
            # Nothing is classified for it, so that the page can be read in both languages before a token is given.
            if form.switch:
                return render(language, service.manifest, form=form)
            _authorise(request, form.token, service.settings.token)
            if form.example in contents:
                form = Form(contents[form.example])
            content = body if kind in FILES else form.text.encode()
            chosen: Kind = (
                FILES[kind] if kind in FILES else next((k for k in KINDS if k == form.kind), kind_of(content))
            )
            cost = reading_tokens(len(content), service, chosen)

            async def work(pool: Pool) -> tuple[Response, list[dict[str, Any]]]:
                articles, found, rows = await _read_and_classify(service, pool, content, chosen)
                # Within the place and the deadline of the request: what waits to be drawn is bounded too, and what is given
                # up before its turn is not drawn at all.
                drawn = asyncio.get_running_loop().run_in_executor(
                    drawing, show, language, form, pool.manifest, articles, found, rows
                )
                return await drawn, rows

            (answer, rows), _ = await answered(request, service, cost, work)
        except UnreadableError as error:
            return refuse(language, form, Problem(422, ""), error.detail, error.name, error.limit)
        except Problem as error:
            return refuse(language, form, error)
        service.metrics.count([row for article in rows for row in article["sentences"]])
        return answer

    @routes.get("/page/labels.css")
    async def labels_css() -> Response:
        return Response(style_sheet(service.manifest.labels), media_type="text/css")

    @routes.get("/page/{name}")
    async def file(request: Request, name: str) -> Response:
        if name not in static:
            raise Problem(404, "there is no such file")
        tag = f'"{hashlib.sha256(static[name]).hexdigest()[:16]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(static[name], headers=headers, media_type=mimetypes.guess_type(name)[0])

    return routes


def _language(request: Request) -> str:
    return choose_language(request.query_params.get("lang"), request.headers.get("accept-language", ""))


def _authorise(request: Request, field: str, token: SecretStr | None) -> None:
    """Take the token from the header, or, where no script could set it, from the form."""
    if token and not bears_token(request.headers.get("authorization", f"Bearer {field}"), token):
        raise Problem(401, "", CHALLENGE)


async def _read_and_classify(
    service: Service, pool: Pool, content: bytes, kind: Kind
) -> tuple[list[Article], dict[str, Any], list[dict[str, Any]]]:
    """Return the articles in ``content``, what the worker says of reading them, and their sentences.

    Raises:
        UnreadableError: there is no article, there are too many, or one is larger than the API takes.
        Problem: they have more word pieces than the queue holds, or more sentences than one request may have.
    """
    try:
        found = await pool.read(content, kind)
    except OvertimeError:
        raise UnreadableError("slow") from None
    if "unreadable" in found:
        raise UnreadableError(**found["unreadable"])
    try:
        articles = [Article.model_validate(article) for article in found["articles"]]
        sent = [ArticleIn(id=article.id, title=article.title, text=article.text) for article in articles]
    except ValidationError as error:
        raise UnreadableError("422", explain(error, ArticleIn)) from None
    with service.held(article_tokens(sent)):
        return articles, found, await classify_articles(pool, sent, include_removed=True)
