"""Workers that die at the worst time. All tests share one pool, which mends itself."""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from pipeline.apps.serve import process
from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.pool import OvertimeError, Pool, WorkerDiedError
from pipeline.apps.serve.settings import Settings
from pipeline.errors import InputError

TEXT = "Camat meminta pegawai melayani warga dengan adil."
# A regular expression of the library that reads pages looks through the rest of this anew at each of its quotes.
SLOW_PAGE = b'<html><head><script type="application/ld+json">{"a": "' + b'\\"' * 200_000 + b"</script></head></html>"


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def shared(checkpoint, runner) -> Iterator[Pool]:
    settings = Settings(checkpoint=checkpoint, workers=2, document_seconds=0.5, deadline=0.2)
    pool = Pool(settings, Metrics(), lambda: None)
    runner.run(pool.open())
    yield pool
    runner.run(pool.close())


@pytest.fixture
def run(runner):
    """Run a coroutine in the loop of the pool, within two minutes."""
    return lambda test: runner.run(asyncio.wait_for(test, 120))


@pytest.fixture
def pool(shared, run) -> Pool:
    """The pool, once both of its workers are there."""
    run(whole(shared))
    return shared


async def whole(pool: Pool) -> None:
    """Wait for both workers. Each gets a job, so that one of them that is dead already is missed now and not later."""
    for _ in range(2):
        while len(pool._free) < 2:
            await asyncio.sleep(0.01)
        await asyncio.gather(pool.score([TEXT]), pool.score([TEXT]))
    while len(pool._free) < 2:
        await asyncio.sleep(0.01)


async def worker_of(pool: Pool, but: int = 0) -> psutil.Process:
    """Return the process of the worker that has a job, once there is one."""
    while True:
        for worker in pool._workers:
            if worker.job and worker.process.pid != but:
                return psutil.Process(worker.process.pid)
        await asyncio.sleep(0)


async def lose_two(pool: Pool, work) -> None:
    """Let two workers die over ``work``, held still, so that they cannot finish it before they are killed."""
    await whole(pool)
    for worker in pool._workers:
        psutil.Process(worker.process.pid).suspend()
    working = asyncio.create_task(work)
    first = await worker_of(pool)
    first.kill()
    (await worker_of(pool, but=first.pid)).kill()
    with pytest.raises(WorkerDiedError):
        await working


def test_a_request_that_loses_two_workers_fails_and_the_next_one_is_answered(pool, run):
    run(lose_two(pool, pool.score([TEXT])))
    run(lose_two(pool, pool.split("", TEXT)))
    ((scores, _, truncated),) = run(pool.score([TEXT]))
    assert len(scores) == len(pool.manifest.names)
    assert not truncated


def test_a_request_that_loses_one_worker_is_answered_by_the_next(pool, run):
    async def lose_one():
        tasks = [asyncio.create_task(pool.split("", TEXT)), asyncio.create_task(pool.score([TEXT, TEXT]))]
        (await worker_of(pool)).kill()
        return await asyncio.gather(*tasks)

    (sentences, removed), results = run(lose_one())
    assert [text for *_, text in sentences] == [TEXT]
    assert not removed
    assert len(results) == 2


def test_a_page_that_loses_its_worker_is_read_by_the_next(pool, run):
    async def lose_one():
        reading = asyncio.create_task(pool.read(b"Judul\n\nIsi \xc3\xa9.", "text"))
        (await worker_of(pool)).kill()
        return await reading

    (article,) = run(lose_one())["articles"]
    assert (article["title"], article["text"]) == ("Judul", "\nIsi \u00e9.")


def test_a_page_that_would_take_hours_is_given_up_and_not_tried_again(pool, run):
    started = time.process_time()
    ends = pool._metrics.worker_ends._value.get()
    with pytest.raises(OvertimeError):
        run(pool.read(SLOW_PAGE, "html"))
    assert pool._metrics.worker_ends._value.get() == ends + 1
    assert time.process_time() - started < 5
    assert len(run(pool.score([TEXT]))) == 1


def test_a_place_stays_wanted_while_no_process_can_be_started(pool, run):
    async def starve() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            for worker in pool._workers:
                worker.process.kill()
            while pool.ready:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        while not pool.ready:
            await asyncio.sleep(0.01)

    run(starve())
    assert len(run(pool.score([TEXT]))) == 1


def test_a_worker_that_talks_nonsense_is_replaced(pool, run):
    async def confuse() -> None:
        first = pool._workers[0].process
        assert first.stdout
        first.stdout.feed_data(b"\0\0\0\1{")
        while len(pool._workers) < 2 or first in [worker.process for worker in pool._workers]:
            await asyncio.sleep(0.01)

    run(confuse())
    assert len(run(pool.score([TEXT]))) == 1


def test_requests_wait_while_workers_that_were_given_too_much_are_replaced(pool, run):
    async def lose_both() -> set[bool]:
        slow = [asyncio.create_task(pool.read(SLOW_PAGE, "html")) for _ in range(2)]
        seen, lost = set(), False
        while not lost or not pool._workers:
            seen.add(pool.ready)
            lost = lost or not pool._workers
            await asyncio.sleep(0.001)
        assert len(await pool.score([TEXT])) == 1
        for page in slow:
            with pytest.raises(OvertimeError):
                await page
        return seen

    assert run(lose_both()) == {True}


def test_a_place_stays_wanted_whatever_goes_wrong_with_a_replacement(pool, run, monkeypatch):
    start, failures = pool._start, [RuntimeError("once"), InputError("twice")]

    async def fail_at_first():
        if failures:
            raise failures.pop()
        return await start()

    monkeypatch.setattr(pool, "_start", fail_at_first)
    pool._workers[0].process.kill()

    async def replaced() -> None:
        while failures or len(pool._workers) < 2:
            await asyncio.sleep(0.01)

    run(replaced())
    assert len(run(pool.score([TEXT]))) == 1


@pytest.mark.parametrize("hello", [{}, {"manifest": {}}, {"manifest": None}])
def test_a_worker_that_greets_with_nonsense_is_ended_and_told(checkpoint, run, monkeypatch, hello):
    ended = []

    async def greet(_):
        return hello

    async def end(started, patience: float = 0) -> None:
        await end_worker(started, patience)
        ended.append(started.returncode)

    end_worker = process.end_worker
    monkeypatch.setattr(process, "receive", greet)
    monkeypatch.setattr(process, "end_worker", end)
    with pytest.raises(InputError, match="said something else"):
        run(process.start_worker(checkpoint, 5))
    assert len(ended) == 1


def test_a_worker_that_is_late_is_kept_and_one_that_hangs_is_given_up(pool, run, monkeypatch):
    async def hold(seconds: float) -> None:
        for worker in pool._workers:
            psutil.Process(worker.process.pid).suspend()
        working = asyncio.create_task(pool.score([TEXT]))
        await asyncio.sleep(seconds)
        for worker in pool._workers:
            psutil.Process(worker.process.pid).resume()
        assert len(await working) == 1

    ends = pool._metrics.worker_ends._value.get()
    run(hold(0.6))  # beyond the deadline
    assert pool._metrics.worker_ends._value.get() == ends
    monkeypatch.setattr("pipeline.apps.serve.pool.HANG_SECONDS", 0.5)
    run(hold(0.8))
    assert pool._metrics.worker_ends._value.get() == ends + 1


def worker_with(checkpoint, jobs: str) -> subprocess.CompletedProcess:
    """Run a worker that gets its jobs from the generator whose body ``jobs`` is."""
    lines = [
        "import logging, sys, time, warnings",
        "from pathlib import Path",
        "from pipeline.apps.serve import worker",
        "def jobs():",
        *(f"    {line}" for line in jobs.splitlines()),
        "    yield None",
        "given = jobs()",
        "worker.read = lambda pipe: next(given)",
        "worker.main(Path(sys.argv[1]), 0.4)",
    ]
    command = [sys.executable, "-c", "\n".join(lines), str(checkpoint)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_the_time_of_a_job_ends_with_it(checkpoint):
    wait = "while time.process_time() < end: pass"
    jobs = f"yield {{'article': {{'title': '', 'text': 'Satu.'}}}}\nend = time.process_time() + 1\n{wait}"
    assert worker_with(checkpoint, jobs).returncode == 0


def test_libraries_in_a_worker_log_nothing(checkpoint):
    ended = worker_with(
        checkpoint, "logging.getLogger('library').critical('rahasia')\nwarnings.warn('rahasia')\nyield None"
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
