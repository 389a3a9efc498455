"""Workers that die at the worst time."""

import asyncio
import resource

import psutil
import pytest

from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.pool import Pool, WorkerDiedError
from pipeline.apps.serve.settings import Settings

TEXT = "Camat meminta pegawai melayani warga dengan adil."


async def worker_of(pool: Pool, but: int = 0) -> psutil.Process:
    """Return the process of the worker that has a job, once there is one."""
    while True:
        for worker in pool._workers:
            if worker.job and worker.process.pid != but:
                return psutil.Process(worker.process.pid)
        await asyncio.sleep(0)


async def hold_workers(pool: Pool) -> None:
    """Stop both workers where they are, so that no job ends before its worker is killed."""
    while len(pool._workers) < 2:
        await asyncio.sleep(0.01)
    for worker in pool._workers:
        psutil.Process(worker.process.pid).suspend()


def test_a_request_that_loses_two_workers_fails_and_the_next_one_is_answered(checkpoint):
    async def lose_two() -> None:
        pool = Pool(Settings(checkpoint=checkpoint, workers=2), Metrics(), lambda: None)
        await pool.open()
        try:
            await hold_workers(pool)
            scoring = asyncio.create_task(pool.score([TEXT]))
            first = await worker_of(pool)
            first.kill()
            (await worker_of(pool, but=first.pid)).kill()
            with pytest.raises(WorkerDiedError):
                await scoring
            await hold_workers(pool)
            splitting = asyncio.create_task(pool.split("", TEXT))
            first = await worker_of(pool)
            first.kill()
            (await worker_of(pool, but=first.pid)).kill()
            with pytest.raises(WorkerDiedError):
                await splitting
            ((scores, _, truncated),) = await pool.score([TEXT])
            assert len(scores) == len(pool.manifest.names)
            assert not truncated
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(lose_two(), 120))


def test_a_request_that_loses_one_worker_is_answered_by_the_next(checkpoint):
    async def lose_one() -> None:
        pool = Pool(Settings(checkpoint=checkpoint), Metrics(), lambda: None)
        await pool.open()
        try:
            tasks = [asyncio.create_task(pool.split("", TEXT)), asyncio.create_task(pool.score([TEXT, TEXT]))]
            (await worker_of(pool)).kill()
            (sentences, removed), results = await asyncio.gather(*tasks)
            assert [text for *_, text in sentences] == [TEXT]
            assert not removed
            assert len(results) == 2
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(lose_one(), 120))


def test_a_page_that_loses_its_worker_is_read_by_the_next(checkpoint):
    async def lose_one() -> None:
        pool = Pool(Settings(checkpoint=checkpoint), Metrics(), lambda: None)
        await pool.open()
        try:
            reading = asyncio.create_task(pool.read(b"Judul\n\nIsi \xc3\xa9.", "text"))
            (await worker_of(pool)).kill()
            (article,) = (await reading)["articles"]
            assert (article["title"], article["text"]) == ("Judul", "\nIsi \u00e9.")
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(lose_one(), 120))


def test_a_place_stays_wanted_while_no_process_can_be_started(checkpoint):
    async def starve() -> None:
        pool = Pool(Settings(checkpoint=checkpoint), Metrics(), lambda: None)
        await pool.open()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            pool._workers[0].process.kill()
            while pool.ready:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            while not pool.ready:
                await asyncio.sleep(0.01)
            assert len(await pool.score([TEXT])) == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await pool.close()

    asyncio.run(asyncio.wait_for(starve(), 120))


def test_a_worker_that_talks_nonsense_is_replaced(checkpoint):
    async def confuse() -> None:
        pool = Pool(Settings(checkpoint=checkpoint), Metrics(), lambda: None)
        await pool.open()
        try:
            first = pool._workers[0].process
            assert first.stdout
            first.stdout.feed_data(b"\0\0\0\1{")
            while not pool._workers or pool._workers[0].process is first:
                await asyncio.sleep(0.01)
            assert len(await pool.score([TEXT])) == 1
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(confuse(), 120))
