"""The process of one worker: how it comes up, and how it ends."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from pipeline.apps.serve.frames import receive
from pipeline.classifier.checkpoint import Manifest
from pipeline.errors import InputError

# Seconds in which a worker loads the checkpoint, or is given up.
START_SECONDS = 120.0
# One thread each, whichever library asks.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


async def start_worker(checkpoint: Path, document_seconds: float) -> tuple[Process, Manifest]:
    """Start a process on ``checkpoint`` and wait until it is ready; see :class:`Settings` for its limit.

    Raises:
        InputError: it refused the checkpoint, or did not come up.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "pipeline.apps.serve.worker",
            str(checkpoint),
            str(document_seconds),
            stdin=PIPE,
            stdout=PIPE,
            env=os.environ | ONE_THREAD,
            # A Ctrl-C in the terminal is for the server to handle.
            start_new_session=True,
        )
    except OSError as error:  # no memory, too many processes
        raise InputError(f"{checkpoint}: no process could be started for it: {error.strerror}") from None
    try:
        assert process.stdout
        async with asyncio.timeout(START_SECONDS):
            hello = await receive(process.stdout)
        if hello is None:
            raise InputError(f"{checkpoint}: a worker ended while it loaded the checkpoint")
        if "refused" in hello:
            raise InputError(hello["refused"])
        return process, Manifest.model_validate(hello["manifest"])
    except TimeoutError:
        await end_worker(process)
        raise InputError(f"{checkpoint}: a worker did not load it within {START_SECONDS:g} seconds") from None
    except (ValueError, KeyError, TypeError):
        await end_worker(process)
        raise InputError(f"{checkpoint}: a worker said something else than that it is ready") from None
    except BaseException:
        await end_worker(process)
        raise


def kill_worker(process: Process) -> None:
    """Kill a process that may have ended already."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def end_worker(process: Process, patience: float = 0) -> None:
    """End a process that has nothing left to do.

    Args:
        patience: seconds in which it may end by itself; to kill it before might hide what ended it.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await process.wait()
    kill_worker(process)
    await process.wait()
