"""What every request passes before any work: limits, the token, the content type; and what every answer carries."""

import asyncio
import re
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.apps.serve.answer import ClientGoneError
from pipeline.apps.serve.api import CLASSIFY
from pipeline.apps.serve.bodies import QUICK_BYTES
from pipeline.apps.serve.logs import describe, log
from pipeline.apps.serve.open_inference import INFER, INFER_WITH_VERSION
from pipeline.apps.serve.problems import CHALLENGE, Problem
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.settings import bears_token

# Of all bodies that are in memory at the same time; and, where there is a token, of those that came without it.
HELD_BYTES = 64 * 2**20
STRANGERS_BYTES = 16 * 2**20
# A refused client may send so much more, for so long, before the connection is closed: else it would see a reset
# connection where the refusal is.
LINGER_BYTES = 16 * 2**20
LINGER_SECONDS = 2.0
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
CLOSE = (b"connection", b"close")
# Requests to these are refused before anything is read or parsed, where the queue is full. The page tells it in its own way.
WORK = {path: re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in (CLASSIFY, INFER, INFER_WITH_VERSION)}
PAGE = "/"


def needs_token(path: str) -> bool:
    """Say whether ``path`` is for holders of the token alone: all that works on texts or tells of them.

    Health stays open for probes, and so do the page and the description of the API, which hold nothing of their own.
    """
    if path.startswith("/v2/"):
        return not (path.startswith("/v2/health/") or path.endswith("/ready"))
    return path.startswith("/v1/") or path in ("/v2", "/metrics")


def work_of(path: str) -> str | None:
    """Return the declared path of the work that ``path`` asks for, or None if it asks for none."""
    return next((declared for declared, pattern in WORK.items() if pattern.fullmatch(path)), None)


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._settings = service.settings
        # Bytes of bodies by whether the token came with them.
        self._held = {True: 0, False: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        if scope["method"] == "HEAD":
            # Answered like GET; uvicorn, which has the scope as it came, leaves the content out.
            scope = {**scope, "method": "GET"}
        state = scope.setdefault("state", {})
        state |= {"held": 0, "known": True, "accepted": False, "body_is_here": False}
        state["deadline"] = asyncio.get_running_loop().time() + self._settings.deadline
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                ours = (*HEADERS, CLOSE) if self._service.stopping else HEADERS
                message["headers"] = [*message["headers"], *(pair for pair in ours if pair[0] not in given)]
            await send(message)

        try:
            try:
                size = self._check(scope)
                # Nothing else takes a body: it is left where it is.
                if scope["method"] == "POST" and (work_of(scope["path"]) or scope["path"] == PAGE):
                    receive = await self._taken(size, scope, receive)
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
            self._held[state["known"]] -= state["held"]
            if state["accepted"]:
                self._service.answered += 1
            metrics = self._service.metrics
            route = _route(scope)
            metrics.requests.labels(route, str(status or 499)).inc()
            metrics.seconds.labels(route).observe(time.monotonic() - started)

    def _check(self, scope: Scope) -> int | None:
        """Refuse what can be refused by its head; return how large the body is, or None if that is not said."""
        settings, path, headers = self._settings, scope["path"], Headers(scope=scope)
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        if size > settings.header_bytes:
            raise self._rejected(
                "header", 431, f"the head of the request has {size} bytes, at most {settings.header_bytes} are read"
            )
        token = settings.token
        scope["state"]["known"] = token is None or bears_token(headers.get("authorization", ""), token)
        if needs_token(path) and not scope["state"]["known"]:
            raise self._rejected(
                "token", 401, "expected the header 'Authorization: Bearer …' with the token of this server", CHALLENGE
            )
        if scope["method"] == "POST" and path.startswith(("/v1/", "/v2/")):
            given = headers.get("content-type", "")
            # The client of KServe names no type. Nor need a page of another origin, which a browser lets send that unasked.
            if "content-type" not in headers and path.startswith("/v2/") and "origin" not in headers:
                given = "application/json"
            kind, _, parameter = given.partition(";")
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
        length = int(headers.get("content-length", "0"))
        if length > settings.body_bytes:
            raise self._too_large()
        return None if "transfer-encoding" in headers else length

    async def _taken(self, size: int | None, scope: Scope, receive: Receive) -> Receive:
        """Read the body and return what gives it to the application; refuse it, unread if it is long, where the queue is full.

        A short one is here already. To read it spares the connection, and the client the work of opening another.
        """
        state, work = scope["state"], work_of(scope["path"])
        if work and (size is None or size > QUICK_BYTES):
            self._service.demand_place()
        body = await self._body(receive, state)
        state["body_is_here"] = True
        if work:
            self._service.demand_place()
        return _replay(body, receive)

    async def _body(self, receive: Receive, state: dict[str, Any]) -> bytes:
        """Read the body within the deadline; what has arrived counts at once, so that slow senders are bounded too."""
        body = bytearray()
        known = state["known"]
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
                    self._held[known] += len(part)
                    more = message.get("more_body", False)
                    if len(body) > self._settings.body_bytes:
                        raise self._too_large()
                    if self._held[known] > (HELD_BYTES if known else STRANGERS_BYTES):
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
        announced = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        coming = announced and not scope["state"]["body_is_here"]
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
    route = getattr(scope.get("route"), "path", None)
    return route or (scope["method"] == "POST" and work_of(scope["path"])) or "other"
