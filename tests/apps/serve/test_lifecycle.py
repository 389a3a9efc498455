"""A server from its start to its end: signals, new checkpoints, workers that die."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from serve_process import SENTENCE, Server, replace, wait_for

from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.pool import Pool
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.settings import Settings, read_token
from pipeline.classifier.checkpoint import open_checkpoint
from pipeline.errors import InputError


def start(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--port", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_server_without_a_usable_checkpoint_stops_with_one_line(checkpoint, tmp_path):
    damaged = Path(shutil.copytree(checkpoint, tmp_path / "exported"))
    graph = damaged / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    for folder, reason in ((tmp_path / "none", "holds no checkpoint"), (damaged, "is damaged")):
        ended = start("--checkpoint", str(folder))
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"netral: {folder}")
        assert reason in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_a_port_in_use_stops_with_one_line(checkpoint):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start("--checkpoint", str(checkpoint), "--port", str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert "cannot be listened on" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_use_needs_none_of_what_training_needs(server):
    heavy = ("/torch/", "/transformers/", "/mlflow/", "/pandas/", "/sklearn/")
    for process in (psutil.Process(server.process.pid), *server.workers):
        mapped = [mapping.path for mapping in process.memory_maps()]
        assert not [path for path in mapped if any(name in path for name in heavy)]


def test_sigterm_finishes_what_was_accepted_and_takes_nothing_more(checkpoint, serve):
    server = serve(checkpoint, "--workers", "1")
    with ThreadPoolExecutor(10) as threads, httpx.Client(base_url=server.url) as late:
        assert late.get("/readyz").status_code == 200
        with server.busy():
            accepted = [threads.submit(server.classify) for _ in range(10)]
            wait_for(lambda: server.metric("netral_queue_tokens") == 120, "ten requests to wait")
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: late.get("/readyz").status_code == 503, "the server to say that it stops")
            refused = late.post("/v1/classify", json={"sentences": [SENTENCE]})
        answers = [future.result() for future in accepted]
    assert [answer.status_code for answer in answers] == [200] * 10
    assert refused.status_code == 503
    assert refused.headers["connection"] == "close"
    assert refused.json()["detail"] == "the server is stopping"
    assert server.stop() == 0
    assert "stopped: 10 requests accepted, 10 answered" in server.log


def test_sigterm_under_load_loses_no_accepted_request(checkpoint, serve):
    server = serve(checkpoint, "--workers", "2")
    answered, lost = [], []

    def client() -> None:
        with httpx.Client(base_url=server.url, timeout=30) as own:
            while True:
                try:
                    response = own.post("/v1/classify", json={"sentences": [SENTENCE] * 3})
                except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError):
                    return  # not accepted: there is no byte of an answer
                if response.status_code == 503:
                    return
                (answered if response.status_code == 200 and len(response.json()["sentences"]) == 3 else lost).append(1)

    clients = [threading.Thread(target=client) for _ in range(6)]
    for thread in clients:
        thread.start()
    wait_for(lambda: len(answered) > 20, "some answers")
    assert server.stop() == 0
    for thread in clients:
        thread.join()
    assert not lost
    assert f"stopped: {len(answered)} requests accepted, {len(answered)} answered" in server.log


def test_the_end_is_bounded_even_if_a_worker_hangs(checkpoint, serve):
    server = serve(checkpoint, "--workers", "1", "--grace", "1")
    with ThreadPoolExecutor(1) as threads:
        for worker in server.workers:
            worker.suspend()
        threads.submit(server.classify)
        wait_for(lambda: server.metric("netral_queue_tokens") == 12, "a request to wait")
        workers = server.workers
        started = time.monotonic()
        assert server.stop() == 0
    assert time.monotonic() - started < 15
    assert "stopped: 1 requests accepted, 0 answered" in server.log
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]


def test_workers_end_with_a_server_that_is_killed(checkpoint, serve):
    server = serve(checkpoint, "--workers", "2")
    workers = server.workers
    server.process.kill()
    psutil.wait_procs(workers, timeout=10)
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def served(checkpoint, tmp_path_factory) -> Path:
    """A copy of the checkpoint, which tests replace."""
    return Path(shutil.copytree(checkpoint, tmp_path_factory.mktemp("served") / "exported"))


@pytest.fixture(scope="module")
def shared(served) -> Iterator[Server]:
    """A server with two workers on that copy."""
    server = Server(served, "--workers", "2")
    yield server
    assert server.stop() == 0


@pytest.fixture
def lasting(shared) -> Server:
    """That server, whole again after whatever was done to it."""
    wait_for(lambda: shared.metric("netral_workers") == len(shared.workers) == 2, "both workers")
    return shared


def test_sighup_takes_a_new_checkpoint_and_fails_no_request(served, lasting):
    first = open_checkpoint(served).version
    versions, failures = [], []
    stop = threading.Event()

    def client() -> None:
        with httpx.Client(base_url=lasting.url, timeout=30) as own:
            while not stop.is_set():
                response = own.post("/v1/classify", json={"articles": [{"text": SENTENCE["text"]}] * 2})
                (versions if response.status_code == 200 else failures).append(response.json().get("checkpoint"))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    wait_for(lambda: len(versions) > 10, "some answers")
    second = replace(served, "the second")
    lasting.process.send_signal(signal.SIGHUP)
    wait_for(lambda: versions[-1] == second, "answers of the new checkpoint")
    stop.set()
    for thread in clients:
        thread.join()
    assert not failures
    assert set(versions) == {first, second}
    assert lasting.client.get("/v1/checkpoint").json()["version"] == second


def test_what_began_with_the_old_checkpoint_ends_with_it(served, lasting):
    first = open_checkpoint(served).version
    with ThreadPoolExecutor(3) as threads:
        with lasting.busy():
            waiting = [threads.submit(lasting.classify) for _ in range(3)]
            wait_for(lambda: lasting.metric("netral_queue_tokens") == 36, "requests to wait")
            third = replace(served, "the third")
            lasting.process.send_signal(signal.SIGHUP)
            wait_for(lambda: lasting.client.get("/v1/checkpoint").json()["version"] == third, "the new checkpoint")
            assert lasting.classify().json()["checkpoint"] == third
        assert [future.result().json()["checkpoint"] for future in waiting] == [first] * 3


def test_a_damaged_checkpoint_is_refused_and_the_old_one_kept(served, lasting):
    version = open_checkpoint(served).version
    graph = served / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole + b"x")
    lasting.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "is refused, the old one kept" in lasting.log, "the refusal")
    graph.write_bytes(whole)
    assert lasting.classify().json()["checkpoint"] == version
    assert lasting.metric('netral_reloads_total{result="refused"}') == 1


def test_a_worker_that_dies_is_replaced_and_its_requests_are_tried_again(lasting):
    ends = lasting.metric("netral_worker_ends_total")
    with ThreadPoolExecutor(3) as threads:
        with lasting.busy():
            waiting = [threads.submit(lasting.classify) for _ in range(3)]
            wait_for(lambda: lasting.metric("netral_queue_tokens") == 36, "requests to wait")
            lasting.workers[0].kill()
        assert [future.result().status_code for future in waiting] == [200] * 3
    assert lasting.metric("netral_worker_ends_total") == ends + 1


def test_a_worker_that_dies_idle_is_replaced_before_it_is_missed(lasting):
    ends = lasting.metric("netral_worker_ends_total")
    lasting.workers[0].kill()
    wait_for(lambda: lasting.metric("netral_worker_ends_total") == ends + 1, "the end to be seen")
    assert lasting.classify().status_code == 200
    wait_for(lambda: lasting.metric("netral_workers") == 2, "the replacement")


def test_a_server_without_workers_is_not_ready_and_says_so(served, lasting):
    (served / "netral.json").rename(served / "away.json")
    for worker in lasting.workers:
        worker.kill()
    wait_for(lambda: lasting.client.get("/readyz").status_code == 503, "the server to be unready")
    refused = lasting.classify()
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert lasting.client.get("/healthz").status_code == 200
    (served / "away.json").rename(served / "netral.json")
    wait_for(lambda: lasting.client.get("/readyz").status_code == 200, "the server to be ready again")
    assert lasting.classify().status_code == 200


@pytest.mark.parametrize("text", ["short", "with a space in it, which no header carries"])
def test_a_poor_token_is_refused_and_not_repeated(tmp_path, text):
    (tmp_path / "token").write_text(text)
    with pytest.raises(InputError, match="is no token; expected 16 or more") as error:
        read_token(tmp_path / "token")
    assert text not in str(error.value)


def test_a_token_that_is_set_but_empty_opens_no_server(monkeypatch):
    monkeypatch.delenv("NETRAL_TOKEN", raising=False)
    assert read_token(None) is None
    monkeypatch.setenv("NETRAL_TOKEN", "")
    with pytest.raises(InputError, match="NETRAL_TOKEN: is no token"):
        read_token(None)


def test_a_checkpoint_that_is_announced_during_the_start_is_taken_after_it(monkeypatch):
    service = Service(Settings(), Metrics())
    opening: list[bool] = []

    async def open_one() -> Pool:
        opening.append(service._pool is not None)
        service.reload()
        service._wanted = len(opening) == 1
        await asyncio.sleep(0.01)
        service._pools.append(Pool(service.settings, service.metrics, service.reload))
        return service._pools[-1]

    async def start_and_wait() -> None:
        monkeypatch.setattr(service, "_open", open_one)
        await service.start()
        assert service._reloading
        await service._reloading
        await service.close()

    asyncio.run(start_and_wait())
    assert opening == [False, True]
