"""What the serving benchmarks count, on figures and servers that are made up."""

import asyncio
import socket
import sys
import threading
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace

import pytest
from conftest import ROOT


def load(name: str):
    spec = spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Each imports those before it by their names.
serving_load, serving_servers, serving, serving_fuzz = map(
    load, ("serving_load", "serving_servers", "serving", "serving_fuzz")
)


def test_everything_but_an_answer_fails_while_a_checkpoint_is_swapped():
    outcomes = {"200": 10, "503": 1, "closed": 2, "refused": 3}
    (*_, line) = serving.table({"swap": {"times": 2, "seconds": [0.5, 1.0], "outcomes": outcomes}})
    assert "{'503': 1, 'closed': 2, 'refused': 3} of 10" in line
    (*_, line) = serving.table({"swap": {"times": 2, "seconds": [1.0], "outcomes": {"200": 10}}})
    assert "none of 10" in line


def test_twice_the_load_is_compared_with_a_load_that_leaves_the_queue_short():
    def measured(p99: float, **outcomes: int) -> dict:
        milliseconds = {outcome: {"p99": p99} for outcome in outcomes}
        return {"outcomes": outcomes, "milliseconds": milliseconds, "lag_milliseconds": milliseconds}

    figures = {
        "capacity": 600.0,
        "below": measured(100, **{"200": 100}),
        "full": measured(300, **{"200": 95, "429": 5}),
        "twice": measured(450, **{"200": 100, "429": 100}),
        "empty": measured(5, **{"200": 10}),
        "memory": [2**20] * 6,
    }
    lines = serving.table({"overload": figures})
    assert "to that at 85 % of it | 450 / 100 ms: 4.50 times" in lines[2]
    assert "of which 5.0 % get 429 | 450 / 300 ms: 1.50 times" in lines[3]


def test_a_request_that_the_end_of_the_load_cancels_is_not_counted():
    async def cancelled() -> dict:
        arrived = asyncio.Event()

        async def silent(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            arrived.set()
            await reader.read()
            writer.close()

        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            load = serving_load.Load(f"http://127.0.0.1:{port}", "/", [])
            loading = asyncio.create_task(load.closed(1, 60))
            await arrived.wait()
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
            return load.latencies

    assert asyncio.run(asyncio.wait_for(cancelled(), 30)) == {}


@pytest.mark.parametrize(("waits_for_more", "status"), [(False, "500"), (True, "closed")])
def test_answers_that_take_a_while_are_seen_and_requests_that_were_cut_short_end(monkeypatch, waits_for_more, status):
    monkeypatch.setattr(serving_fuzz, "PATIENCE", 0.6)

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(2**16)
            connection.settimeout(60 if waits_for_more else 0.2)
            try:
                # As uvicorn does: whoever sends no more is taken for gone.
                assert connection.recv(2**16) == b""
            except TimeoutError:
                connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=answer)
        server.start()
        assert serving_fuzz._status(b"GET / HTTP/1.1\r\n\r\n", *listening.getsockname()) == status
        server.join()


def test_faults_are_found_in_the_metrics_and_in_the_log(monkeypatch):
    text = "\n".join(
        f'netral_requests_total{{route="{route}",status="{status}"}} {count}.0'
        for route, status, count in (("/v1/classify", 200, 9), ("/v1/classify", 500, 2), ("/", 500, 1), ("/", 504, 1))
    )
    monkeypatch.setattr(serving_fuzz.requests, "get", lambda *_, **__: SimpleNamespace(text=text))
    assert serving_fuzz.faults(SimpleNamespace(url="")) == {"500": 3, "504": 1}
    fine = "2026-01-01 INFO netral: checkpoint a is ready\n2026-01-01 WARNING uvicorn.error: Invalid HTTP request received.\n"
    failed = "2026-01-01 ERROR netral: POST /v1/classify failed: KeyError at answer.py:1 in work"
    assert serving_fuzz.failures(fine) == []
    assert serving_fuzz.failures(fine + failed) == [failed]
