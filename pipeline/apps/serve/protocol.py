"""HTTP of uvicorn, with bounds on what a client may send, and how slowly, before the application sees a request."""

import asyncio
import sys
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pipeline.apps.serve.problems import Problem

# Seconds for the head of a request to arrive, once the connection is open or its first byte is there.
HEAD_SECONDS = 10.0
# Bytes that chunked encoding may add to each byte of a body (the worst: chunks of one byte).
CHUNK_OVERHEAD = 8


class _Together:
    """A transport that sends what is written to it in one turn of the event loop at once.

    uvicorn writes head and body of an answer one after the other. Sent so, they would cost two system calls, and wake the
    client twice.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def bounded_protocol(header_bytes: int) -> type[HttpToolsProtocol]:
    """Return a protocol that refuses heads of more than ``header_bytes``, and closes connections that send none in time."""

    class BoundedProtocol(HttpToolsProtocol):
        # Bytes of the message under way that are not its body, body bytes included in what they may be.
        _allowed = header_bytes
        _received = 0
        _timer: asyncio.TimerHandle | None = None
        _data = b""
        _upgrade = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            together = _Together(cast(asyncio.Transport, transport), self.loop)
            super().connection_made(cast(asyncio.Transport, together))
            self._expect_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_there()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._received += len(data)
            self._data = data
            super().data_received(data)
            if self._received > self._allowed and not self.transport.is_closing():
                if self._timer:
                    self._answer(Problem(431, f"the head of the request has more than {header_bytes} bytes"))
                self.transport.close()

        def send_400_response(self, msg: str) -> None:
            self._answer(Problem(400, msg))
            self.transport.close()

        def _answer(self, problem: Problem) -> None:
            """Write ``problem``, as the last answer of this connection."""
            response = problem.response("")
            head = [*response.raw_headers, (b"connection", b"close")]
            lines = [STATUS_LINE[problem.status].rstrip(), *(b"%s: %s" % pair for pair in head), b"", response.body]
            self.transport.write(b"\r\n".join(bytes(line) for line in lines))

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._expect_head()

        def on_headers_complete(self) -> None:
            self._head_is_there()
            self._upgrade = self.parser.should_upgrade()
            if not self._upgrade:
                super().on_headers_complete()

        def _unsupported_upgrade_warning(self) -> None:
            """Answer a request for another protocol (clients in Java ask for HTTP/2 so) in this one, as RFC 9110 allows.

            The parser takes what follows such a head for the other protocol. It is read anew, as if nothing had been asked for.
            """
            method = self.parser.get_method()
            if method == b"CONNECT":
                self.send_400_response("this server is no proxy")
                return
            offset = cast(httptools.HttpParserUpgrade, sys.exception()).args[0]
            head = [
                method + b" " + self.url + b" HTTP/1.1",
                *(b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade"),
            ]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            super().data_received(b"\r\n".join([*head, b"", b""]) + self._data[offset:])

        def on_body(self, body: bytes) -> None:
            self._allowed += CHUNK_OVERHEAD * len(body)
            super().on_body(body)

        def on_message_complete(self) -> None:
            if self._upgrade:
                return
            super().on_message_complete()
            self._received, self._allowed = 0, header_bytes

        def _expect_head(self) -> None:
            self._head_is_there()
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

        def _head_is_there(self) -> None:
            if self._timer:
                self._timer.cancel()
                self._timer = None

    return BoundedProtocol
