"""The local engine: processes of one thread each, on this machine."""

import os
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pipeline.apps.batch.shard import Counts, Job, open_classifier, run_shard
from pipeline.apps.batch.shards import Shard
from pipeline.errors import InputError

# How often a shard may take its process with it.
_DEATHS = 2


def run_local(shards: list[Shard], job: Job, processes: int, report: Callable[[Counts], None]) -> None:
    """Run all ``shards``, ``processes`` at a time, and ``report`` the counts of each as it is done.

    A process that dies (killed for its memory, say) is replaced, and its shard tried once more.

    Raises:
        InputError: a worker raised it, or a shard has taken two processes with it.
    """
    if min(processes, len(shards)) <= 1:
        classifier = open_classifier(job) if shards else None
        for shard in shards:
            assert classifier is not None
            report(run_shard(shard, job, classifier))
        return
    waiting = deque(shards)
    deaths: Counter[int] = Counter()
    busy: dict[Connection, tuple[BaseProcess, Shard]] = {}
    try:
        for _ in range(min(processes, len(shards))):
            _give(*_start(job), waiting.popleft(), busy)
        while busy:
            for ready in connection.wait(list(busy)):
                assert isinstance(ready, Connection)
                process, shard = busy.pop(ready)
                try:
                    answer = ready.recv()
                except (EOFError, ConnectionError):
                    process.join()
                    deaths[shard.number] += 1
                    if deaths[shard.number] == _DEATHS:
                        raise InputError(_died(shard, process.exitcode)) from None
                    ready.close()
                    _give(*_start(job), shard, busy)
                    continue
                if isinstance(answer, BaseException):
                    raise answer
                report(answer)
                if waiting:
                    _give(process, ready, waiting.popleft(), busy)
                else:
                    ready.close()
                    process.join()
    finally:
        # What they are at can be given up at any moment.
        for process, _ in busy.values():
            process.kill()
        for process, _ in busy.values():
            process.join()


def _start(job: Job) -> tuple[BaseProcess, Connection]:
    # Spawned, not forked: forks of a process with threads may hang.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(job, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _give(
    process: BaseProcess, ours: Connection, shard: Shard, busy: dict[Connection, tuple[BaseProcess, Shard]]
) -> None:
    busy[ours] = (process, shard)
    with suppress(ConnectionError):  # it died, as waiting for its answer will tell
        ours.send(shard)


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
    try:
        classifier = open_classifier(job)
        while True:
            ours.send(run_shard(ours.recv(), job, classifier))
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
