"""A server from its start to its end: signals, new checkpoints, workers that die."""

import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from serve_process import SENTENCE, replace, wait_for

from pipeline.classifier.checkpoint import open_checkpoint


def start(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--port", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_server_without_a_usable_checkpoint_stops_with_one_line(replaceable, tmp_path):
    graph = replaceable / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    for folder, reason in ((tmp_path / "none", "holds no checkpoint"), (replaceable, "is damaged")):
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


def test_sighup_takes_a_new_checkpoint_and_fails_no_request(replaceable, serve):
    server = serve(replaceable, "--workers", "1")
    first = open_checkpoint(replaceable).version
    versions, failures = [], []
    stop = threading.Event()

    def client() -> None:
        with httpx.Client(base_url=server.url, timeout=30) as own:
            while not stop.is_set():
                response = own.post("/v1/classify", json={"articles": [{"text": SENTENCE["text"]}] * 2})
                (versions if response.status_code == 200 else failures).append(response.json().get("checkpoint"))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    wait_for(lambda: len(versions) > 10, "some answers")
    second = replace(replaceable, "the second")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: versions[-1] == second, "answers of the new checkpoint")
    stop.set()
    for thread in clients:
        thread.join()
    assert not failures
    assert set(versions) == {first, second}
    assert server.client.get("/v1/checkpoint").json()["version"] == second
    wait_for(lambda: len(server.workers) == 1, "the old worker to end")


def test_what_began_with_the_old_checkpoint_ends_with_it(replaceable, serve):
    server = serve(replaceable, "--workers", "1")
    first = open_checkpoint(replaceable).version
    with ThreadPoolExecutor(3) as threads:
        with server.busy():
            waiting = [threads.submit(server.classify) for _ in range(3)]
            wait_for(lambda: server.metric("netral_queue_tokens") == 36, "requests to wait")
            second = replace(replaceable, "the second")
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: server.client.get("/v1/checkpoint").json()["version"] == second, "the new checkpoint")
            assert server.classify().json()["checkpoint"] == second
        assert [future.result().json()["checkpoint"] for future in waiting] == [first] * 3


def test_a_damaged_checkpoint_is_refused_and_the_old_one_kept(replaceable, serve):
    server = serve(replaceable, "--workers", "1")
    version = open_checkpoint(replaceable).version
    with (replaceable / "model.onnx").open("ab") as graph:
        graph.write(b"x")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "is refused, the old one kept" in server.log, "the refusal")
    assert server.classify().json()["checkpoint"] == version
    assert server.metric('netral_reloads_total{result="refused"}') == 1


def test_a_worker_that_dies_is_replaced_and_its_requests_are_tried_again(checkpoint, serve):
    server = serve(checkpoint, "--workers", "1")
    with ThreadPoolExecutor(3) as threads:
        (worker,) = server.workers
        worker.suspend()
        waiting = [threads.submit(server.classify) for _ in range(3)]
        wait_for(lambda: server.metric("netral_queue_tokens") == 36, "requests to wait")
        worker.kill()
        assert [future.result().status_code for future in waiting] == [200] * 3
    assert server.metric("netral_worker_ends_total") == 1


def test_a_worker_that_dies_idle_is_replaced_before_it_is_missed(checkpoint, serve):
    server = serve(checkpoint, "--workers", "2")
    server.workers[0].kill()
    wait_for(lambda: server.metric("netral_worker_ends_total") == 1, "the end to be seen")
    assert server.classify().status_code == 200
    wait_for(lambda: server.metric("netral_workers") == 2, "the replacement")


def test_a_server_without_workers_is_not_ready_and_says_so(replaceable, serve):
    server = serve(replaceable, "--workers", "1")
    (replaceable / "netral.json").rename(replaceable / "away.json")
    server.workers[0].kill()
    wait_for(lambda: server.client.get("/readyz").status_code == 503, "the server to be unready")
    refused = server.classify()
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert server.client.get("/healthz").status_code == 200
    (replaceable / "away.json").rename(replaceable / "netral.json")
    wait_for(lambda: server.client.get("/readyz").status_code == 200, "the server to be ready again")
    assert server.classify().status_code == 200


@pytest.mark.parametrize("text", ["short", "with a space in it, which no header carries"])
def test_a_poor_token_is_refused_at_the_start(checkpoint, tmp_path, text):
    (tmp_path / "token").write_text(text)
    ended = start("--checkpoint", str(checkpoint), "--token-file", str(tmp_path / "token"))
    assert ended.returncode == 2
    assert "is no token" in ended.stderr
    assert text not in ended.stderr
