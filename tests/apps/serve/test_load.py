"""A server that has more to do than it can: what it refuses, what it keeps, what it lets go.

Workers are held still by a signal, so that what waits, waits for certain.
"""

import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from serve_process import SENTENCE, Server, wait_for

from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.problems import Problem
from pipeline.apps.serve.server import _listen
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.settings import Settings

FEW = ("--workers", "1", "--queue-tokens", "100")


@pytest.fixture(scope="module")
def small(checkpoint) -> Iterator[Server]:
    """A server with a short queue."""
    server = Server(checkpoint, *FEW)
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def impatient(checkpoint) -> Iterator[Server]:
    """A server with a short queue and a short deadline."""
    server = Server(checkpoint, *FEW, "--deadline", "1.5")
    yield server
    server.stop()


@contextmanager
def rises(server: Server, **expected: int) -> Iterator[None]:
    """Count how often requests are rejected, by reason."""
    names = {reason: f'netral_rejections_total{{reason="{reason}"}}' for reason in expected}
    before = {reason: server.metric(name) for reason, name in names.items()}
    yield
    assert {reason: server.metric(name) - before[reason] for reason, name in names.items()} == expected


@contextmanager
def full(server: Server) -> Iterator[list["Future[httpx.Response]"]]:
    """Fill the queue of a hundred estimated word pieces: with eight requests of 12 and one of 4."""
    with ThreadPoolExecutor(9) as threads, server.busy():
        taken = [threads.submit(server.classify) for _ in range(8)] + [threads.submit(server.classify, "Ya, pak.")]
        wait_for(lambda: server.metric("netral_queue_tokens") == 100, "the queue to fill")
        yield taken


def test_a_full_queue_refuses_at_once_and_answers_what_it_took(small):
    with rises(small, queue_full=1), full(small) as taken:
        started = time.monotonic()
        refused = small.classify()
        seconds = time.monotonic() - started
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) >= 1
    assert seconds < 1
    assert [answer.result().status_code for answer in taken] == [200] * 9
    assert small.metric("netral_queue_tokens") == 0


def test_a_full_queue_refuses_before_anything_is_parsed_and_keeps_the_connection(small):
    with full(small), httpx.Client(base_url=small.url) as client:
        for path in ("/v1/classify", "/v2/models/netral/infer", "/v2/models/netral/versions/1/infer"):
            refused = client.post(path, content=b"no JSON", headers={"Content-Type": "application/json"})
            assert refused.status_code == 429
            assert "connection" not in refused.headers
    route = 'netral_requests_total{route="/v2/models/{model}/versions/{version}/infer",status="429"}'
    assert small.metric(route) == 1


def test_a_full_queue_refuses_a_large_body_before_it_is_sent(small):
    place = urlsplit(small.url)
    head = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for length in (b"Content-Length: 2000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        with full(small), socket.create_connection((place.hostname, place.port), timeout=20) as connection:
            connection.sendall(head + length)
            answer = connection.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"connection: close" in answer


def test_what_may_wait_follows_the_speed_of_the_workers(checkpoint, serve):
    server = serve(checkpoint, "--workers", "1", "--queue-seconds", "0.01")
    assert server.classify().status_code == 200
    sentences = [SENTENCE] * 60  # 720 estimated word pieces: more than one batch, and than is done in 10 ms
    with ThreadPoolExecutor(1) as threads:
        with server.busy():
            large = threads.submit(server.client.post, "/v1/classify", json={"sentences": sentences})
            wait_for(lambda: server.metric("netral_queue_tokens") == 720, "the large request to be taken")
            assert server.classify().status_code == 429
        assert large.result().status_code == 200


def test_what_waits_together_is_worked_on_together(server):
    before = server.metric("netral_batch_sentences_count")
    with ThreadPoolExecutor(10) as threads:
        with server.busy():
            waiting = [threads.submit(server.classify) for _ in range(10)]
            wait_for(lambda: server.metric("netral_queue_tokens") == 120, "all to wait")
        assert all(future.result().status_code == 200 for future in waiting)
    # One was under way when the others came.
    assert server.metric("netral_batch_sentences_count") == before + 2


def test_a_deadline_ends_a_request_and_frees_its_place(impatient):
    with rises(impatient, deadline=3), ThreadPoolExecutor(3) as threads, impatient.busy():
        answers = [future.result() for future in [threads.submit(impatient.classify) for _ in range(3)]]
        assert [answer.status_code for answer in answers] == [504] * 3
        assert impatient.metric("netral_queue_tokens") == 0
    assert impatient.classify().status_code == 200
    # To be late is not to hang.
    assert impatient.metric("netral_worker_ends_total") == 0


def test_a_client_that_goes_away_frees_its_place(small):
    with rises(small, client_gone=8):
        with small.busy():
            for _ in range(8):
                with pytest.raises(httpx.ReadTimeout):
                    httpx.post(f"{small.url}/v1/classify", json={"sentences": [SENTENCE]}, timeout=0.2)
            wait_for(lambda: small.metric("netral_queue_tokens") == 0, "all places to be free")
        assert small.classify().status_code == 200


def test_a_page_that_waits_to_be_read_has_a_place_and_frees_it(small):
    page = {
        "content": b"<html><body><!--%s--><p>Camat datang ke desa.</p></body></html>" % (b"x" * 2000),
        "headers": {"Content-Type": "text/html"},
    }
    with rises(small, client_gone=2), small.busy():
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(small.url, **page, timeout=0.3)
        wait_for(lambda: small.metric("netral_queue_tokens") == 0, "all places to be free")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(small.client.post, "/", **page)
            wait_for(lambda: small.metric("netral_queue_tokens") == 64, "the page to wait")
            assert small.client.post("/", **page).status_code == 429
            for worker in small.workers:
                worker.resume()
            assert waiting.result().status_code == 200


@pytest.mark.parametrize(
    ("path", "kind", "rate"),
    [("/v1/classify", "application/json", 5), ("/", "text/plain", 5), ("/", "text/html", 32)],
)
def test_what_is_not_read_yet_has_a_place_by_its_size(server, path, kind, rate):
    content = b'{"articles": [{"text": "%s"}]}' % (b"Camat datang ke desa. " * 2000)
    with ThreadPoolExecutor(1) as threads:
        with server.busy():
            waiting = threads.submit(server.client.post, path, content=content, headers={"Content-Type": kind})
            wait_for(lambda: server.metric("netral_queue_tokens") == len(content) // rate, "the body to wait")
        # Of the page without markup there is nothing to read.
        assert waiting.result().status_code in (200, 422)
    assert server.metric("netral_queue_tokens") == 0


def test_a_large_body_has_room_in_an_empty_queue_only(small):
    content = b'{"sentences": [{"text": "Jangan.", "ignored": "%s"}]}' % (b"x" * 40_000)
    large = {"content": content, "headers": {"Content-Type": "application/json"}}
    with ThreadPoolExecutor(1) as threads:
        with small.busy():
            waiting = threads.submit(small.client.post, "/v1/classify", **large)
            wait_for(lambda: small.metric("netral_queue_tokens") == 100, "the body to wait")
            assert small.client.post("/v1/classify", **large).status_code == 429
        assert waiting.result().status_code == 200


def test_a_request_has_one_place_however_often_it_is_counted():
    service = Service(Settings(queue_tokens=100), Metrics())
    with service.held(40):
        with service.held(30):
            assert service._tokens == 40
        with service.held(60), service.held(70):
            assert service._tokens == 70
        assert service._tokens == 40
        with pytest.raises(Problem, match="at most 100 are taken"), service.held(101):
            pass
    with service.held(30):
        assert service._tokens == 30
    assert service._tokens == 0


def test_bodies_count_while_they_arrive(server):
    place = urlsplit(server.url)
    size = 2 * 2**20 - 1000
    head = (
        b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
    )
    slow = [socket.create_connection((place.hostname, place.port), timeout=30) for _ in range(34)]
    for connection in slow:
        connection.sendall(head + b" " * (size - 1))
    refused, _, _ = select.select(slow, [], [], 20)
    assert refused[0].recv(2**16).startswith(b"HTTP/1.1 429 ")
    for connection in slow:
        connection.close()
    wait_for(lambda: server.classify().status_code == 200, "the memory to be free again")


def test_a_client_that_does_not_read_its_answer_is_given_up_by_the_system(tmp_path):
    with _listen(Settings(checkpoint=tmp_path, port=0, deadline=7)) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


def test_the_server_stays_awake_while_a_long_article_is_split(server):
    long = {"articles": [{"text": "a\n" * 49_000}]}
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(server.client.post, "/v1/classify", json=long)
        slowest = 0.0
        while not answer.done():
            started = time.monotonic()
            assert server.client.get("/healthz").status_code == 200
            slowest = max(slowest, time.monotonic() - started)
    assert answer.result().status_code == 200
    assert slowest < 0.5


def test_a_body_that_never_arrives_is_given_up(impatient):
    place = urlsplit(impatient.url)
    head = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(head)
        assert connection.recv(2**16).startswith(b"HTTP/1.1 408 ")


def test_answers_to_many_clients_are_not_mixed_up(checkpoint, serve):
    server = serve(checkpoint, "--workers", "2")
    errors = []

    def client(number: int) -> None:
        with httpx.Client(base_url=server.url) as own:
            for turn in range(20):
                texts = [f"Pegawai {number} diminta hadir {turn} kali." + " Jangan." * part for part in range(3)]
                rows = own.post("/v1/classify", json={"sentences": [{"text": text} for text in texts]}).json()
                if [row["text"] for row in rows["sentences"]] != texts:
                    errors.append(rows)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert not errors
