"""Servers that tests share, or stop themselves."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serve_process import Server


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers, which are stopped at the end."""
    servers: list[Server] = []

    def start(checkpoint: Path, *options: str, **more) -> Server:
        servers.append(Server(checkpoint, *options, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(checkpoint) -> Iterator[Server]:
    """A server for questions that leave it as it was."""
    server = Server(checkpoint, "--workers", "1")
    yield server
    assert server.stop() == 0
