"""The server process: its socket, its signals, its end."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import uvicorn

from pipeline.apps.serve.app import create_app
from pipeline.apps.serve.logs import log, log_to_stderr
from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.protocol import bounded_protocol
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.settings import Settings
from pipeline.errors import InputError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP takes a new checkpoint.

    Raises:
        InputError: the address cannot be used, or the checkpoint is missing or damaged.
    """
    log_to_stderr()
    with _listen(settings) as listener:
        config = uvicorn.Config(
            "unused",
            loop="auto",
            http=bounded_protocol(settings.header_bytes),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # Longer than the minute for which proxies keep idle connections: whoever closes first must not be this side,
            # just as a request comes.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
        loop_factory = config.get_loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(settings, config, listener))


async def _run(settings: Settings, config: uvicorn.Config, listener: socket.socket) -> None:
    service = Service(settings, Metrics())
    config.app = create_app(service)
    server = _Server(config)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    serving = asyncio.create_task(server.serve([listener]))
    starting = asyncio.create_task(service.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            # What stays for good is not looked through for garbage; the rest is, but seldom. Requests leave no cycles behind,
            # and to look through hundreds of those under way, as often as Python would, holds all of them for tens of
            # milliseconds.
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            host, port = listener.getsockname()[:2]
            log.info("http://%s:%d", f"[{host}]" if ":" in host else host, port)
        await stopping
        await service.drain()
    finally:
        starting.cancel()
        stopping.cancel()
        server.should_exit = True
        await asyncio.gather(serving, starting, return_exceptions=True)
        await service.close()


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: what is accepted is finished before it closes anything."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{settings.host}:{settings.port}: cannot be listened on: {reason}; choose another --host or --port"
        ) from None
    # A client that reads nothing of its answer holds it in memory: the system gives it up. Connections inherit this.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        patience = min(round(settings.deadline * 1000), 2**31 - 1)  # milliseconds
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
    if settings.host not in LOOPBACK and settings.token is None:
        log.warning("whoever can reach %s may use this server: there is no token", settings.host)
    return listener
