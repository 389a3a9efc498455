"""The local engine: processes of one thread each, on this machine."""

import os
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pipeline.apps.batch.job import Counts, Job
from pipeline.apps.batch.shards import Shard
from pipeline.errors import InputError

# How often a shard may take its process with it.
_DEATHS = 2

Worker = tuple[BaseProcess, Connection]


@contextmanager
def local_workers(job: Job, processes: int) -> Iterator[list[Worker]]:
    """Yield processes that load the model and wait for shards, so that it is loaded while the input is planned.

    What they are at when they are left can be given up at any moment.
    """
    workers: list[Worker] = []
    try:
        workers.extend(_start(job) for _ in range(processes))
        yield workers
    finally:
        for process, _ in workers:
            process.kill()
        for process, ours in workers:
            process.join()
            ours.close()


def run_local(
    shards: list[Shard], job: Job, workers: list[Worker], processes: int, report: Callable[[Counts], None]
) -> None:
    """Run all ``shards``, ``processes`` at a time, and ``report`` the counts of each as it is done.

    A process that dies (killed for its memory, say) is replaced, and its shard tried once more.

    Args:
        workers: those that run already; the ones that are started here are added.

    Raises:
        InputError: a worker raised it, or a shard has taken two processes with it.
    """
    while len(workers) < min(processes, len(shards)):
        workers.append(_start(job))
    waiting = deque(shards)
    deaths: Counter[int] = Counter()
    busy: dict[Connection, tuple[Worker, Shard]] = {}

    def give(worker: Worker, shard: Shard) -> None:
        busy[worker[1]] = worker, shard
        with suppress(ConnectionError):  # it died, as waiting for its answer will tell
            worker[1].send((shard, job))

    for worker in workers[: len(shards)]:
        give(worker, waiting.popleft())
    while busy:
        for ready in connection.wait(list(busy)):
            assert isinstance(ready, Connection)
            worker, shard = busy.pop(ready)
            try:
                answer = ready.recv()
            except (EOFError, ConnectionError):
                worker[0].join()
                deaths[shard.number] += 1
                if deaths[shard.number] == _DEATHS:
                    raise InputError(_died(shard, worker[0].exitcode)) from None
                workers.remove(worker)
                ready.close()
                workers.append(_start(job))
                give(workers[-1], shard)
                continue
            if isinstance(answer, BaseException):
                raise answer
            report(answer)
            if waiting:
                give(worker, waiting.popleft())


def _start(job: Job) -> Worker:
    # Spawned, not forked: forks of a process with threads may hang.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(job, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _died(shard: Shard, exitcode: int | None) -> str:
    first, last = shard.parts[0].file, shard.parts[-1].file
    where = f"'{first}'" if first == last else f"'{first}' to '{last}'"
    how = signal.Signals(-exitcode).name if exitcode and exitcode < 0 else f"status {exitcode}"
    return (
        f"shard {shard.number} ({where}) ended its process twice ({how}); if memory ran out, use fewer --processes, "
        "else take that input out; the same command goes on"
    )


def _work(job: Job, ours: Connection) -> None:
    """What a worker does: answer every shard with its counts, or with what went wrong, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Here, since the process that hands out shards can do without them.
    from pipeline.apps.batch.shard import open_classifier, run_shard

    try:
        classifier = open_classifier(job)
        while True:
            shard, job = ours.recv()
            ours.send(run_shard(shard, job, classifier))
    except EOFError:
        return
    except (InputError, OSError) as error:
        ours.send(error)
    except Exception:  # noqa: BLE001 - it is passed on, with its traceback
        ours.send(RuntimeError(f"a worker failed:\n{traceback.format_exc()}"))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
