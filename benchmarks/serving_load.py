"""Load on an HTTP server, from a process of its own: ``serving.py`` starts it and reads one line of JSON from it.

    python benchmarks/serving_load.py '{"url": …, "path": …, "bodies": FILE, "seconds": …, "clients": … or "rate": …}'

A closed loop has ``clients``, each with one connection and one request at a time; an open loop sends ``rate`` requests a second,
at random times (Poisson), however many are under way. ``bodies`` has a JSON body per line; without it, GET is sent.
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

# What became of a request: a status, or one of these.
REFUSED, CLOSED, BROKEN = "refused", "closed", "broken"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Load:
    """One load under way.

    Attributes:
        latencies: seconds from when a request was due to the last byte of its answer, by outcome.
        lags: seconds of these until it was sent: what the load itself, or the core that it shares, came too late.
    """

    def __init__(self, url: str, path: str, bodies: list[bytes], seed: int = 0) -> None:
        place = urlsplit(url)
        self._place = place.hostname, place.port
        host = f"HTTP/1.1\r\nHost: {place.netloc}\r\n"
        head = f"POST {path} {host}Content-Type: application/json\r\nContent-Length: "
        messages = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
        self._messages = cycle(messages or [f"GET {path} {host}\r\n".encode()])
        self._free: list[Connection] = []
        self._random = random.Random(seed)
        self.latencies: dict[str, list[float]] = {}
        self.lags: dict[str, list[float]] = {}

    async def closed(self, clients: int, seconds: float) -> None:
        """Let each client send its next request when it has an answer; a client whose server is gone stops."""
        end = time.perf_counter() + seconds

        async def client() -> None:
            while time.perf_counter() < end and await self._request() not in (REFUSED, CLOSED, BROKEN):
                pass

        await asyncio.gather(*(client() for _ in range(clients)))

    async def open(self, rate: float, seconds: float) -> None:
        """Send requests at random times. Latency counts from when a request was due, so that a slow client hides nothing."""
        start = due = time.perf_counter()
        under_way = set()
        while due < start + seconds:
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            task = asyncio.create_task(self._request(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += self._random.expovariate(rate)
        await asyncio.gather(*under_way)

    async def _request(self, due: float | None = None) -> str:
        started = due or time.perf_counter()
        sent = started
        outcome, connection = BROKEN, None
        begun = False
        try:
            # One that the server has closed meanwhile is not used again.
            while self._free and self._free[-1][0].at_eof():
                self._free.pop()[1].close()
            connection = self._free.pop() if self._free else await asyncio.open_connection(*self._place)
            reader, writer = connection
            sent = time.perf_counter()
            writer.write(next(self._messages))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            begun = True
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            await reader.readexactly(length)
            outcome = head.split(" ", 2)[1]
            if "connection: close" not in head:
                self._free.append(connection)
                connection = None
        except ConnectionRefusedError:
            outcome = REFUSED
        except (OSError, asyncio.IncompleteReadError) as error:
            part = isinstance(error, asyncio.IncompleteReadError) and error.partial
            outcome = BROKEN if begun or part else CLOSED
        finally:
            if connection:
                connection[1].close()
        # A request that the end of the load cancelled leaves here before this: nothing became of it.
        self.latencies.setdefault(outcome, []).append(time.perf_counter() - started)
        self.lags.setdefault(outcome, []).append(sent - started)
        return outcome


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of ``values`` do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else float("nan")


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Run one load and return what came of it.

    Counts by outcome, answers a second, quantiles of the latency and of the lag within it in milliseconds, and the
    milliseconds of a core that one request costs the load itself.
    """
    # A shell that starts a benchmark in the background has it ignore interrupts, and so its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    bodies = Path(plan["bodies"]).read_bytes().splitlines() if "bodies" in plan else []
    load = Load(plan["url"], plan["path"], bodies, plan.get("seed", 0))
    started, busy = time.perf_counter(), time.process_time()
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if "rate" in plan:
            runner.run(load.open(plan["rate"], plan["seconds"]))
        else:
            runner.run(load.closed(plan["clients"], plan["seconds"]))
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    return {
        "outcomes": Counter({outcome: len(times) for outcome, times in load.latencies.items()}),
        "answers_per_second": len(load.latencies.get("200", ())) / seconds,
        "milliseconds": {outcome: quantiles(times) for outcome, times in load.latencies.items()},
        "lag_milliseconds": {outcome: quantiles(times) for outcome, times in load.lags.items()},
        "load_milliseconds_per_request": 1000 * busy / max(sum(map(len, load.latencies.values())), 1),
    }


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum in milliseconds."""
    return {name: 1000 * quantile(seconds, share) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
