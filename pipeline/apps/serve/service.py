"""From requests to answers: which are accepted, and which checkpoint answers them."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from pipeline.apps.serve.logs import describe, log
from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.pool import OvertimeError, Pool, PoolClosedError, WorkerDiedError
from pipeline.apps.serve.problems import Problem
from pipeline.apps.serve.settings import Settings
from pipeline.classifier.checkpoint import Manifest
from pipeline.errors import InputError

T = TypeVar("T")
# Word pieces for which the request under way has a place already.
_place: ContextVar[int] = ContextVar("_place", default=0)


class Service:
    """One server's work on requests.

    Attributes:
        settings: of the server.
        metrics: of the server.
        accepted: requests that were given a place, so far.
        answered: those of them whose answer is complete, or whose client has gone.
        stopping: nothing more is accepted.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.stopping = False
        self.accepted = 0
        self.answered = 0
        self._tokens = 0
        self._pool: Pool | None = None
        self._pools: list[Pool] = []
        self._wanted = False
        self._reloading: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether a request would be worked on."""
        return not self.stopping and self._pool is not None and self._pool.ready

    @property
    def manifest(self) -> Manifest:
        """Of the checkpoint that answers.

        Raises:
            Problem: no checkpoint has been loaded yet.
        """
        if self._pool is None:
            raise self.not_ready()
        return self._pool.manifest

    async def start(self) -> None:
        """Load the checkpoint.

        Raises:
            InputError: it is missing or damaged.
        """
        self._pool = await self._open()
        if self._wanted:
            self.reload()

    def reload(self) -> None:
        """Take the checkpoint that now lies in the folder, once its workers are warm; keep the old one if it is unusable.

        During the start it is done right after it.
        """
        self._wanted = True
        if self._pool is None:
            return
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload())

    async def drain(self) -> None:
        """Accept nothing more, and wait until everything accepted is answered, or the grace is over."""
        self.stopping = True
        end = time.monotonic() + self.settings.grace
        while self.accepted > self.answered and time.monotonic() < end:
            await asyncio.sleep(0.02)
        log.info("stopped: %d requests accepted, %d answered", self.accepted, self.answered)

    async def close(self) -> None:
        """End all workers."""
        for task in filter(None, (self._reloading, *self._retiring)):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for pool in self._pools:
            await pool.close()

    async def on_checkpoint(self, work: Callable[[Pool], Awaitable[T]]) -> tuple[T, Manifest]:
        """Do ``work`` with one checkpoint, from beginning to end, and say with which.

        Raises:
            Problem: 503 if all workers are lost, 500 if the request ended two of them, 422 if it took one too long to read.
        """
        while True:
            pool = self._pool
            if pool is None:
                raise self.not_ready()
            pool.users += 1
            try:
                return await work(pool), pool.manifest
            except OvertimeError:
                self.metrics.rejections.labels("overtime").inc()
                seconds = self.settings.document_seconds
                raise Problem(422, f"to read it takes a core more than {seconds:g} seconds; send it in parts") from None
            except WorkerDiedError:
                self.metrics.rejections.labels("worker_died").inc()
                raise Problem(500, "two workers ended while they worked on this request") from None
            except PoolClosedError:
                if self._reloading:
                    await asyncio.shield(self._reloading)
                if self._pool is pool:
                    raise self.not_ready() from None
            finally:
                pool.users -= 1

    def demand_place(self, tokens: int = 1) -> None:
        """Refuse a request at once if the queue has no place for its ``tokens``, or nobody to work on them.

        Raises:
            Problem: 503 if nothing can be worked on, 413 if the request is larger than the queue, 429 if the queue is full.
        """
        if not self.ready:
            raise self.not_ready()
        self._demand_size(tokens)
        excess = max(self._tokens - self._bound(), self._tokens + tokens - self.settings.queue_tokens)
        if excess > 0:
            self.metrics.rejections.labels("queue_full").inc()
            raise Problem(429, "the queue is full; try again later", {"Retry-After": self._retry_after(excess)})

    @contextmanager
    def admitted(self, tokens: int) -> Iterator[None]:
        """Hold a place for ``tokens`` in the queue.

        Raises:
            Problem: there is none; see :meth:`demand_place`.
        """
        self.demand_place(tokens)
        with self.held(tokens):
            yield

    @contextmanager
    def held(self, tokens: int) -> Iterator[None]:
        """Count ``tokens`` of a request that was admitted before they were known: it is not refused for want of a place.

        Within another place of the same request only those count that it has not got yet.

        Raises:
            Problem: 413 if the request is larger than the queue.
        """
        self._demand_size(tokens)
        before = _place.get()
        more = max(tokens - before, 0)
        self._hold(more)
        outer = _place.set(before + more)
        try:
            yield
        finally:
            _place.reset(outer)
            self._hold(-more)

    def _demand_size(self, tokens: int) -> None:
        limit = self.settings.queue_tokens
        if tokens > limit:
            self.metrics.rejections.labels("too_large").inc()
            raise Problem(413, f"about {tokens} word pieces were sent, at most {limit} are taken; send less at a time")

    def not_ready(self) -> Problem:
        """Return the problem of a server that starts, stops, or has lost its workers."""
        self.metrics.rejections.labels("not_ready").inc()
        detail = "the server is stopping" if self.stopping else "no worker is ready yet"
        return Problem(503, detail, {"Retry-After": "1"})

    def _bound(self) -> float:
        """Return how many tokens may be before a request: as many as are done in the time that it may wait."""
        assert self._pool
        settings, speed = self.settings, self._pool.tokens_per_second
        # At least what keeps all workers at work.
        due = max(settings.queue_seconds * speed, settings.batch_tokens * settings.workers)
        return min(due, settings.queue_tokens) if speed else settings.queue_tokens

    def _retry_after(self, excess: float) -> str:
        """Return the whole seconds in which ``excess`` tokens are done, between 1 and 60."""
        assert self._pool
        speed = self._pool.tokens_per_second
        return str(min(max(math.ceil(excess / speed), 1), 60) if speed else 1)

    def _hold(self, tokens: int) -> None:
        self._tokens += tokens
        self.metrics.queue_tokens.set(self._tokens)

    async def _open(self) -> Pool:
        pool = Pool(self.settings, self.metrics, self.reload)
        await pool.open()
        self._pools.append(pool)
        self.metrics.checkpoint.info({"version": pool.manifest.version})
        log.info("checkpoint %s is ready, workers: %d", pool.manifest.version, self.settings.workers)
        return pool

    async def _reload(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                pool = await self._open()
            except InputError as error:
                self.metrics.reloads.labels("refused").inc()
                log.error("the new checkpoint is refused, the old one kept: %s", error)
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, the old one goes on
                self.metrics.reloads.labels("refused").inc()
                log.error("the new checkpoint is refused, the old one kept: %s", describe(error))
                continue
            old, self._pool = self._pool, pool
            self.metrics.reloads.labels("taken").inc()
            if old:
                retiring = asyncio.create_task(self._retire(old))
                self._retiring.add(retiring)
                retiring.add_done_callback(self._retiring.discard)

    async def _retire(self, pool: Pool) -> None:
        """Let the requests that began with ``pool`` end with it; their deadlines bound the wait."""
        while pool.users:
            await asyncio.sleep(0.05)
        await pool.close()
        self._pools.remove(pool)
