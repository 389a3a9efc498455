"""The token and the origins: who may use a server."""

import select
import socket
from urllib.parse import urlsplit

import pytest

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def closed(checkpoint):
    from serve_process import Server

    server = Server(
        checkpoint, "--workers", "1", "--origin", "https://redaksi.example", environment={"NETRAL_TOKEN": TOKEN}
    )
    yield server
    server.stop()


@pytest.mark.parametrize(
    "given", [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, f"Bearer {TOKEN[:-1]}"]
)
def test_without_the_token_nothing_is_classified(closed, given):
    headers = {"Authorization": given} if given else {}
    for path in ("/v1/classify", "/v2/models/netral/infer"):
        refused = closed.client.post(path, json={"sentences": [{"text": "x"}]}, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in refused.text
    assert closed.client.get("/metrics", headers=headers).status_code == 401
    assert closed.client.get("/v1/checkpoint", headers=headers).status_code == 401


def test_the_description_of_a_server_with_a_token_demands_it(closed):
    operations = closed.client.get("/openapi.json").json()["paths"]
    assert operations["/v1/classify"]["post"]["security"] == [{"bearer": []}]
    assert "security" not in operations["/healthz"]["get"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token_everything_is(closed, scheme):
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert closed.classify(headers=headers).status_code == 200
    assert closed.client.get("/metrics", headers=headers).status_code == 200
    assert TOKEN not in closed.log


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2/models/netral/ready", "/docs", "/openapi.json"],
)
def test_health_and_description_need_no_token(closed, path):
    assert closed.client.get(path).status_code == 200


def test_only_listed_origins_are_let_in(closed):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    listed = closed.client.options("/v1/classify", headers=asked | {"Origin": "https://redaksi.example"})
    assert listed.headers["access-control-allow-origin"] == "https://redaksi.example"
    other = closed.client.options("/v1/classify", headers=asked | {"Origin": "https://lain.example"})
    assert "access-control-allow-origin" not in other.headers
    refused = closed.client.post("/v1/classify", json={}, headers={"Origin": "https://redaksi.example"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://redaksi.example"


def test_without_a_list_no_origin_is(server):
    answer = server.client.get("/healthz", headers={"Origin": "https://redaksi.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_bodies_of_strangers_leave_room_for_those_of_holders(closed):
    place = urlsplit(closed.url)
    size = 2 * 2**20 - 1000
    kind = b"Content-Type: application/x-www-form-urlencoded"
    head = b"POST / HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n" % (kind, size)
    slow = [socket.create_connection((place.hostname, place.port), timeout=30) for _ in range(9)]
    for connection in slow:
        connection.sendall(head + b" " * (size - 1))
    refused, _, _ = select.select(slow, [], [], 20)
    assert refused[0].recv(2**16).startswith(b"HTTP/1.1 429 ")
    large = {"sentences": [{"text": "Jangan ikut kampanye.", "ignored": "x" * 100_000}]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert closed.client.post("/v1/classify", json=large, headers=headers).status_code == 200
    for connection in slow:
        connection.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [(b"/docs", b"405"), (b"/none", b"404"), (b"/v2/models/netral/ready", b"405"), (b"/v1/classify", b"401")],
)
def test_no_body_is_waited_for_that_nobody_reads(closed, path, status):
    place = urlsplit(closed.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        kind = b"Content-Type: application/json"
        connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 2000000\r\n\r\n" % (path, kind))
        assert connection.recv(2**16).startswith(b"HTTP/1.1 %s " % status)
