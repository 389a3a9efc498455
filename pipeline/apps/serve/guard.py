"""What every request passes before any work: limits, the token, the content type; and what every answer carries."""

import asyncio
import hmac
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.apps.serve.answer import ClientGoneError
from pipeline.apps.serve.logs import describe, log
from pipeline.apps.serve.problems import Problem
from pipeline.apps.serve.service import Service

# Of all bodies that are in memory at the same time.
HELD_BYTES = 64 * 2**20
# A refused client may send so much more, for so long, before the connection is closed: else it would see a reset
# connection where the refusal is.
LINGER_BYTES = 16 * 2**20
LINGER_SECONDS = 2.0
HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def needs_token(path: str) -> bool:
    """Say whether ``path`` is for holders of the token alone: all that works on texts or tells of them.

    Health stays open for probes, and so do the page and the description of the API, which hold nothing of their own.
    """
    if path.startswith("/v2/"):
        return not (path.startswith("/v2/health/") or path.endswith("/ready"))
    return path.startswith("/v1/") or path in ("/v2", "/metrics")


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._settings = service.settings
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        state = scope.setdefault("state", {})
        state["held"] = 0
        state["deadline"] = asyncio.get_running_loop().time() + self._settings.deadline
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._service.stopping:
                    headers["connection"] = "close"
            await send(message)

        try:
            try:
                self._check(scope)
                if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                    receive = _replay(await self._body(receive, state), receive)
                await self._app(scope, receive, answer)
            except Problem as problem:
                await self._refuse(problem, scope, receive, answer)
            except ClientGoneError:
                self._service.metrics.rejections.labels("client_gone").inc()
            except Exception as error:  # noqa: BLE001 - the client gets no stack trace, nor does the log
                log.error("%s %s failed: %s", scope["method"], _route(scope), describe(error))
                if not status:
                    await Problem(500, "the server failed on this request").response(scope["path"])(
                        scope, receive, answer
                    )
        finally:
            self._held -= state["held"]
            if state.get("accepted"):
                self._service.answered += 1
            metrics = self._service.metrics
            metrics.requests.labels(_route(scope), str(status or 499)).inc()
            metrics.seconds.labels(_route(scope)).observe(time.monotonic() - started)

    def _check(self, scope: Scope) -> None:
        """Refuse what can be refused by its head."""
        settings, path, headers = self._settings, scope["path"], Headers(scope=scope)
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        if size > settings.header_bytes:
            raise self._rejected(
                "header", 431, f"the head of the request has {size} bytes, at most {settings.header_bytes} are read"
            )
        if settings.token is not None and needs_token(path):
            scheme, _, given = headers.get("authorization", "").partition(" ")
            expected = settings.token.get_secret_value()
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode("latin-1"), expected.encode()):
                raise self._rejected(
                    "token",
                    401,
                    "expected the header 'Authorization: Bearer …' with the token of this server",
                    {"WWW-Authenticate": "Bearer"},
                )
        if scope["method"] == "POST" and path.startswith(("/v1/", "/v2/")):
            kind, _, parameter = headers.get("content-type", "").partition(";")
            charset = parameter.strip().lower().removeprefix("charset=").strip('"')
            if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
                raise self._rejected(
                    "content_type",
                    415,
                    "expected the header 'Content-Type: application/json'",
                    {"Accept": "application/json"},
                )
            if headers.get("content-encoding", "identity") != "identity":
                raise self._rejected(
                    "content_type", 415, "expected a body without Content-Encoding", {"Accept-Encoding": "identity"}
                )
        if int(headers.get("content-length", "0")) > settings.body_bytes:
            raise self._too_large()

    async def _body(self, receive: Receive, state: dict[str, Any]) -> bytes:
        """Read the body within the deadline; what has arrived counts at once, so that slow senders are bounded too."""
        body = bytearray()
        try:
            async with asyncio.timeout_at(state["deadline"]):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    part = message.get("body", b"")
                    body += part
                    state["held"] += len(part)
                    self._held += len(part)
                    more = message.get("more_body", False)
                    if len(body) > self._settings.body_bytes:
                        raise self._too_large()
                    if self._held > HELD_BYTES:
                        raise self._rejected(
                            "queue_full", 429, "too many bodies are being read; try again later", {"Retry-After": "1"}
                        )
        except TimeoutError:
            raise self._rejected("deadline", 408, "the body did not arrive in time") from None
        return bytes(body)

    def _too_large(self) -> Problem:
        return self._rejected(
            "too_large", 413, f"the body is larger than {self._settings.body_bytes} bytes; send less at a time"
        )

    def _rejected(self, reason: str, status: int, detail: str, headers: dict[str, str] | None = None) -> Problem:
        self._service.metrics.rejections.labels(reason).inc()
        return Problem(status, detail, headers)

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, answer: Any) -> None:
        """Send ``problem``, and read on for a while if a body is under way, so that the client can read it."""
        response = problem.response(scope["path"])
        headers = Headers(scope=scope)
        coming = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if coming:
            response.headers["connection"] = "close"
        await answer({"type": "http.response.start", "status": problem.status, "headers": response.raw_headers})
        await answer({"type": "http.response.body", "body": response.body, "more_body": coming})
        if coming:
            left = LINGER_BYTES
            try:
                async with asyncio.timeout(LINGER_SECONDS):
                    while left > 0:
                        message = await receive()
                        left -= len(message.get("body", b""))
                        if not message.get("more_body", False):
                            break
            except TimeoutError:
                pass
            await answer({"type": "http.response.body", "body": b"", "more_body": False})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives ``body`` once, and then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _route(scope: Scope) -> str:
    """Return the route as it is declared: paths of clients would be counters without end."""
    return getattr(scope.get("route"), "path", "other")
