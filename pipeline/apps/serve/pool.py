"""The worker processes of one checkpoint."""

import asyncio
import contextlib
import signal
import time
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pipeline.apps.serve.frames import Message, pack, receive
from pipeline.apps.serve.logs import describe, log
from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.process import end_worker, kill_worker, start_worker
from pipeline.apps.serve.queue import Call, Item, SentenceQueue
from pipeline.apps.serve.settings import Settings
from pipeline.classifier.checkpoint import Manifest
from pipeline.errors import InputError

# Seconds between attempts to replace a worker that does not come up: doubled from the first to the second.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# Seconds after which a worker that does not answer is as good as dead, however short the deadline is: to start another
# costs more than most jobs.
HANG_SECONDS = 30.0
# Seconds that a worker has to end once it has closed its pipe.
ENDING_SECONDS = 1.0
T = TypeVar("T")
Split = tuple[list[list[Any]], list[list[Any]]]


class PoolClosedError(Exception):
    """The pool will not answer: it was closed, or has lost all its workers and can start no other."""


class OvertimeError(Exception):
    """To split an article, or to read a page or a body, took longer than a worker gives it."""


class WorkerDiedError(Exception):
    """Two workers ended while they worked on the same request."""


class _Document:
    """An article that waits to be split, or content that waits to be read. ``done`` resolves to what the worker answers."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.done: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.tried = False


class _Worker:
    """One process, and what it is working on."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.job: _Document | list[Item] | None = None
        self.started = 0.0
        self.limit: asyncio.TimerHandle | None = None


class Pool:
    """The workers of one checkpoint, what waits for them, and what replaces them when they end.

    Args:
        settings: of the server.
        metrics: where batches, workers and their ends are counted.
        changed: called when a replacement finds another checkpoint in the folder than the one that this pool serves.

    Attributes:
        manifest: of the checkpoint; set once the pool is open.
        users: requests that are being answered by this pool.
    """

    def __init__(self, settings: Settings, metrics: Metrics, changed: Callable[[], None]) -> None:
        self.manifest: Manifest
        self.users = 0
        self._seconds = self._tokens = 0.0
        self._settings = settings
        self._metrics = metrics
        self._changed = changed
        self._workers: list[_Worker] = []
        self._free: list[_Worker] = []
        # Those that ended over an article, a page or a body and are replaced: what waits may wait for the next one.
        self._replaced: set[Process] = set()
        self._documents: deque[_Document] = deque()
        self._queue: SentenceQueue
        self._calls: set[asyncio.Future[Any]] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether there is a worker, or one is on its way in the place of another that was given too much to read."""
        return bool(self._workers or self._replaced) and not self._closed

    @property
    def tokens_per_second(self) -> float:
        """What all workers together do, as measured of late; 0 before the first job is done."""
        return self._tokens / self._seconds * max(len(self._workers), 1) if self._seconds else 0.0

    async def open(self) -> None:
        """Start all workers and wait until each has loaded the checkpoint and warmed up.

        Raises:
            InputError: the checkpoint is missing or damaged.
        """
        started = await asyncio.gather(*(self._start() for _ in range(self._settings.workers)), return_exceptions=True)
        errors = [result for result in started if isinstance(result, BaseException)]
        manifests = [result[1] for result in started if not isinstance(result, BaseException)]
        if not errors and any(manifest.version != manifests[0].version for manifest in manifests):
            errors = [InputError(f"{self._settings.checkpoint}: was replaced while it was being read; try again")]
        if errors:
            await asyncio.gather(
                *(end_worker(result[0]) for result in started if not isinstance(result, BaseException))
            )
            raise errors[0]
        self.manifest = manifests[0]
        self._queue = SentenceQueue(self.manifest.max_length)
        for result in started:
            assert not isinstance(result, BaseException)
            self._keepers.append(asyncio.create_task(self._keep(result[0])))
        # Let every keeper take its place.
        await asyncio.sleep(0)

    async def split(self, title: str, text: str) -> Split:
        """Return the sentences of an article as ``[field, start, end, text]``, and what was removed with its reason."""
        answer = await self._work_on({"article": {"title": title, "text": text}})
        return answer["sentences"], answer["removed"]

    async def read(self, content: bytes, kind: str) -> Message:
        """Return what is in ``content``: articles, or the body of a request; see :func:`pipeline.apps.serve.worker.answer`."""
        return await self._work_on({"content": content.decode("latin-1"), "kind": kind})

    async def _work_on(self, message: Message) -> Message:
        document = _Document(message)
        self._documents.append(document)
        return await self._answered(document.done)

    async def score(self, texts: Sequence[str]) -> list[list[Any]]:
        """Return ``[scores, labels, truncated]`` of every sentence."""
        call = Call(texts, asyncio.get_running_loop().create_future())
        if texts:
            self._queue.add(call)
        else:
            call.done.set_result([])
        return await self._answered(call.done)

    async def close(self) -> None:
        """End all workers; whatever still waits is told so."""
        self._closed = True
        self._give_up()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _answered(self, done: "asyncio.Future[T]") -> T:
        if self._closed:
            raise PoolClosedError
        self._calls.add(done)
        try:
            self._hand_out()
            return await done
        finally:
            # Where the client has gone or the deadline has passed, this cancels what still waits.
            done.cancel()
            self._calls.discard(done)

    def _give_up(self) -> None:
        for done in self._calls:
            if not done.done():
                done.set_exception(PoolClosedError())

    def _hand_out(self) -> None:
        """Give every free worker something to do, if something waits."""
        while self._free and not self._closed:
            job = self._next_job()
            if not job:
                return
            worker = self._free.pop()
            worker.job, worker.started = job, time.monotonic()
            if isinstance(job, _Document):
                message = job.message
            else:
                message = {"texts": [item.text for item in job]}
                self._metrics.batch_sentences.observe(len(job))
                self._metrics.batch_tokens.observe(sum(item.tokens for item in job))
            assert worker.process.stdin
            # Where it has just ended, the reader of its answers sees that, and the job is tried again.
            with contextlib.suppress(OSError, RuntimeError):
                worker.process.stdin.write(pack(message))
            patience = max(self._settings.deadline, HANG_SECONDS)
            worker.limit = asyncio.get_running_loop().call_later(patience, kill_worker, worker.process)

    def _next_job(self) -> _Document | list[Item] | None:
        # Most are split or read quickly, and have to be before anything of them can be scored.
        while self._documents:
            document = self._documents.popleft()
            if not document.done.done():
                return document
        return self._queue.take(self._settings.batch_tokens, len(self._free))

    async def _start(self) -> tuple[Process, Manifest]:
        return await start_worker(self._settings.checkpoint, self._settings.document_seconds)

    async def _keep(self, process: Process | None) -> None:
        """Serve one place in the pool: read what its worker answers, and replace it when it ends."""
        pause = FIRST_PAUSE
        ended: Process | None = None
        while True:
            if process is not None:
                try:
                    await self._serve(process)
                except Exception as error:  # noqa: BLE001 - a worker that talks nonsense is replaced like one that ends
                    log.error("a worker is given up: %s", describe(error))
                ended, process = process, None
                log.warning("a worker ended and is replaced")
                self._metrics.worker_ends.inc()
            started = await self._started()
            if ended:
                self._replaced.discard(ended)
            if started and started[1].version == self.manifest.version:
                process, pause = started[0], FIRST_PAUSE
                continue
            if started:
                await end_worker(started[0])
                self._changed()
            if not self.ready:
                self._give_up()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _started(self) -> tuple[Process, Manifest] | None:
        """Start a worker; return None where that fails, whatever the reason: its place stays wanted."""
        try:
            return await self._start()
        except InputError as error:
            log.error("no worker could be started: %s", error)
        except Exception as error:  # noqa: BLE001 - see above
            log.error("no worker could be started: %s", describe(error))
        return None

    async def _serve(self, process: Process) -> None:
        """Take the worker into the pool until it ends, or the pool is closed."""
        worker = _Worker(process)
        self._workers.append(worker)
        self._free.append(worker)
        self._metrics.workers.inc()
        self._hand_out()
        assert process.stdout
        patience = 0.0
        try:
            while (answer := await receive(process.stdout)) is not None:
                job = worker.job
                if worker.limit:
                    worker.limit.cancel()
                if isinstance(job, _Document):
                    if not job.done.done():
                        job.done.set_result(answer)
                else:
                    columns = (answer["scores"], answer["labels"], answer["truncated"])
                    for item, *result in list(zip(job or (), *columns, strict=True)):
                        item.call.set(item.place, result)
                    self._measure(time.monotonic() - worker.started, sum(item.tokens for item in job or ()))
                worker.job = None
                self._free.append(worker)
                self._hand_out()
            patience = ENDING_SECONDS
        finally:
            if isinstance(worker.job, _Document):
                self._replaced.add(process)
            self._workers.remove(worker)
            if worker in self._free:
                self._free.remove(worker)
            self._metrics.workers.dec()
            if worker.limit:
                worker.limit.cancel()
            await end_worker(process, patience)
            if isinstance(worker.job, _Document) and process.returncode == -signal.SIGPROF:
                if not worker.job.done.done():
                    worker.job.done.set_exception(OvertimeError())
            else:
                self._replaced.discard(process)
                self._try_again(worker.job)

    def _measure(self, seconds: float, tokens: int) -> None:
        # Both fade, so that the speed is that of the last hundred jobs or so, large ones counting for more.
        self._seconds, self._tokens = 0.99 * self._seconds + seconds, 0.99 * self._tokens + tokens

    def _try_again(self, job: _Document | list[Item] | None) -> None:
        """Queue what a worker left behind once more, each request by itself, or fail it if it was tried again already."""
        if isinstance(job, _Document):
            if _may_try_again(job):
                self._documents.appendleft(job)
        else:
            for call in dict.fromkeys(item.call for item in job or ()):
                if _may_try_again(call):
                    self._queue.add_alone([item for item in job or () if item.call is call])
        self._hand_out()


def _may_try_again(request: _Document | Call) -> bool:
    """Say whether a request that lost its worker gets another; fail it if it had one."""
    if request.tried and not request.done.done():
        request.done.set_exception(WorkerDiedError())
    first, request.tried = not request.tried, True
    return first
