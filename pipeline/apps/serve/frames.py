"""Messages between the server and its workers: a length of four bytes, then JSON. No pickle."""

import asyncio
from typing import Any, BinaryIO

import orjson

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """Return ``message`` as it goes through a pipe."""
    content = orjson.dumps(message)
    return len(content).to_bytes(4, "big") + content


def read(pipe: BinaryIO) -> Message | None:
    """Read one message; return None at the end of the pipe."""
    head = pipe.read(4)
    return orjson.loads(pipe.read(int.from_bytes(head, "big"))) if len(head) == 4 else None


async def receive(pipe: asyncio.StreamReader) -> Message | None:
    """Read one message; return None at the end of the pipe."""
    try:
        size = int.from_bytes(await pipe.readexactly(4), "big")
        return orjson.loads(await pipe.readexactly(size))  # type: ignore[no-any-return]
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
