"""Requests that were generated to break ``netral serve``: from its OpenAPI description, and valid ones with damage.

    python benchmarks/serving_fuzz.py [--requests 20000] [--checkpoint models/exported]

Half of them schemathesis makes from the description, with right and wrong values; half are valid requests whose bytes were flipped,
cut, doubled or swollen, head included. None may get a status of 500 or more, whether or not anybody waited for it, end a worker, be
logged as a failure, or leave memory behind.
"""

import random
import re
import socket
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
import schemathesis
import typer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from serving_servers import Running, netral

BODIES = (
    ("/v1/classify", b'{"sentences": [{"id": "1", "text": "Pegawai diminta netral."}], "include_removed": false}'),
    ("/v1/classify", b'{"articles": [{"id": "1", "title": "Camat", "text": "Jangan ikut kampanye. Layani warga."}]}'),
    (
        "/v2/models/netral/infer",
        b'{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Jangan."]}]}',
    ),
)
# Of the damaged requests: a leak grows from each to the next.
PARTS = 4
# Damaged requests at the same time: those that were cut short wait for their rest.
CLIENTS = 16
# Seconds that an answer may take before a request is taken for one of those.
PATIENCE = 2
# Bytes that parsers trip over.
ODD = (
    b"\x00",
    b"\xff",
    b"\r\n",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b"[" * 500,
    b"-1",
    b"1e999",
    b"NaN",
    b"\xe2\x80\xae",
    b": ",
)


def main(
    checkpoint: Annotated[Path, typer.Option(help="An exported checkpoint.")] = Path("models/exported"),
    requests_: Annotated[int, typer.Option("--requests", help="In all.")] = 20_000,
) -> None:
    with tempfile.TemporaryDirectory() as work, netral(checkpoint.resolve(), Path(work)) as running:
        before = faults(running)
        # Every kind once, so that what is loaded on first use is not taken for a leak.
        chance = random.Random(0)
        generated(running, 100)
        damaged(running, 100, chance)
        memory = [running.memory()]
        statuses = generated(running, requests_ // 2)
        memory.append(running.memory())
        # The description may not have so many different requests in it.
        for part in range(PARTS, 0, -1):
            statuses += damaged(running, (requests_ - statuses.total()) // part, chance)
            memory.append(running.memory())
        metrics = requests.get(f"{running.url}/metrics", timeout=30).text
        ended = [line for line in metrics.splitlines() if line.startswith("netral_worker_ends_total")]
        ready = requests.get(f"{running.url}/readyz", timeout=30).status_code
        # While it started the server itself answered 503.
        counted = faults(running) - before
        logged = failures(running.log.read_text(errors="replace"))
    print(
        f"{sum(statuses.values())} requests: "
        + ", ".join(f"{count} x {name}" for name, count in sorted(statuses.items()))
    )
    grown = " -> ".join(f"{size / 2**20:.0f}" for size in memory)
    print(
        f"ready afterwards: {ready == 200}; {ended[0]}; 5xx that the server counted: {dict(counted) or 'none'}; "
        f"failures in its log: {logged or 'none'}; MiB of memory at first, with the generated, with each part of the damaged: {grown}"
    )
    wrong = any(name.startswith("5") for name in statuses) or counted or logged
    if wrong or ready != 200 or not ended[0].endswith(" 0.0"):
        raise typer.Exit(1)


def faults(running: Running) -> Counter[str]:
    """Return how many answers of each status of 500 or more the server has counted, also those that nobody waited for."""
    found: Counter[str] = Counter()
    for line in requests.get(f"{running.url}/metrics", timeout=30).text.splitlines():
        if match := re.fullmatch(r'netral_requests_total\{.*status="(5\d\d)".*\} (\S+)', line):
            found[match[1]] += int(float(match[2]))
    return found


def failures(log: str) -> list[str]:
    """Return the lines of a server's log that tell of a fault of its own."""
    return [line for line in log.splitlines() if re.search(r"\bfailed\b|Traceback|\bERROR\b", line)]


def generated(running: Running, count: int) -> Counter[str]:
    """Send requests that schemathesis makes of the description, and count the statuses."""
    schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    # What takes a body has more to go wrong.
    weights = [20 if operation.body else 1 for operation in operations]
    statuses: Counter[str] = Counter()
    for operation, weight in zip(operations, weights, strict=True):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            share = max(count * weight // (2 * sum(weights)), 1)
            statuses += _send(operation, mode, share, running.url)
    return statuses


def _send(operation: Any, mode: GenerationMode, count: int, url: str) -> Counter[str]:
    statuses: Counter[str] = Counter()

    @seed(0)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Case) -> None:
        statuses[str(case.call(base_url=url, timeout=60).status_code)] += 1

    # Of some operations nothing can be wrong.
    with suppress(schemathesis.errors.SchemathesisError, Unsatisfiable):
        send()
    return statuses


def damaged(running: Running, count: int, chance: random.Random) -> Counter[str]:
    """Send valid requests with damage, as bytes, and count the statuses; ``closed`` is a connection closed without one."""
    place = urlsplit(running.url)
    messages = []
    for _ in range(count):
        path, body = chance.choice(BODIES)
        if chance.random() < 0.7:
            body = damage(body, chance)
            messages.append(_head(path, len(body)) + body)
        else:
            messages.append(damage(_head(path, len(body)) + body, chance))
    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(clients.map(lambda message: _status(message, place.hostname or "", place.port or 0), messages))


def _status(message: bytes, host: str, port: int) -> str:
    """Send ``message`` and return the status of the answer."""
    with socket.create_connection((host, port), timeout=60) as connection:
        try:
            connection.sendall(message)
            connection.settimeout(PATIENCE)
            try:
                answer = connection.recv(2**16)
            except TimeoutError:
                # Not before: the server gives up a request whose client sends no more, and the answer would not be seen.
                connection.settimeout(60)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(2**16)
        except ConnectionError:
            answer = b""
    return answer[9:12].decode("latin-1") if answer else "closed"


def _head(path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def damage(message: bytes, chance: random.Random) -> bytes:
    """Flip, cut, double, swell or odd-ify a few places."""
    content = bytearray(message)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        to = min(at + chance.randint(1, 20), len(content))
        match chance.randrange(5):
            case 0 if at < len(content):
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                del content[at:to]
            case 2:
                content[at:at] = content[at:to]
            case 3:
                content[at:at] = content[at:to] * 200
            case _:
                content[at:at] = chance.choice(ODD)
    return bytes(content)


if __name__ == "__main__":
    typer.run(main)
