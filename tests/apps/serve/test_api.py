"""``/v1`` as programs meet it."""

import json
import re
import socket
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from pipeline.apps.serve.bodies import QUICK_BYTES
from pipeline.apps.serve.schema import ARTICLE_CHARACTERS, ARTICLES, SENTENCE_CHARACTERS, SENTENCES
from pipeline.classifier.predict import Classifier
from pipeline.corpus.records import Article
from pipeline.corpus.segment import segment

ARTICLE = {
    "id": "a-1",
    "title": "Camat ingatkan pegawai menjaga sikap",
    "text": "Camat meminta pegawai melayani warga. Jangan ikut kampanye.\n\nBaca juga: Jadwal kampanye",
    "source": "Warta Lubuk",
}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
def classifier(checkpoint) -> Classifier:
    return Classifier(checkpoint)


def problem(response: httpx.Response, status: int) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    content = response.json()
    assert content["status"] == status
    assert content["title"]
    return content


def pointers(response: httpx.Response) -> list[str]:
    return [error["pointer"] for error in problem(response, 422)["errors"]]


def test_sentences_get_what_the_classifier_gives(server, classifier):
    texts = ["Camat meminta pegawai melayani warga.", "Jangan ikut kampanye.", "Jangan ikut kampanye."]
    answer = server.client.post(
        "/v1/classify", json={"sentences": [{"id": str(i), "text": text} for i, text in enumerate(texts)]}
    ).json()
    assert answer["checkpoint"] == classifier.manifest.version
    scores = classifier.score(texts)
    assert [row["id"] for row in answer["sentences"]] == ["0", "1", "2"]
    assert [row["text"] for row in answer["sentences"]] == texts
    assert [row["labels"] for row in answer["sentences"]] == classifier.labels(scores)
    for row, expected in zip(answer["sentences"], scores.probabilities, strict=True):
        assert list(row["scores"]) == classifier.manifest.names
        assert list(row["scores"].values()) == pytest.approx(expected.tolist(), abs=0.02)


def test_articles_are_split_as_the_batch_command_splits_them(server, classifier):
    answer = server.client.post(
        "/v1/classify", json={"articles": [ARTICLE, {"text": ""}], "include_removed": True}
    ).json()
    first, empty = answer["articles"]
    found = segment(Article.model_validate(ARTICLE), classifier.manifest.segmentation)
    assert [(s["index"], s["field"], s["start"], s["end"], s["text"]) for s in first["sentences"]] == [
        (s.index, s.field, s.start, s.end, s.text) for s in found.sentences
    ]
    assert first["removed"] == [
        {"field": part.field, "start": part.start, "end": part.end, "reason": part.reason} for part in found.removed
    ]
    assert found.removed
    assert empty == {"id": None, "sentences": [], "removed": []}


def test_removed_boilerplate_comes_only_when_asked_for(server):
    answer = server.client.post("/v1/classify", json={"articles": [ARTICLE]}).json()
    assert "removed" not in answer["articles"][0]


def test_a_sentence_longer_than_the_model_takes_says_so(server, classifier):
    long = "meminta " * classifier.manifest.max_length
    rows = server.classify(long, "Jangan.").json()["sentences"]
    assert [row["truncated"] for row in rows] == [True, False]


def test_the_checkpoint_is_described_by_its_manifest(server, classifier):
    assert server.client.get("/v1/checkpoint").json() == classifier.manifest.model_dump(mode="json")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["#"]),
        ({"articles": [], "sentences": []}, ["#"]),
        ({"articles": [ARTICLE], "sentences": [{"text": "x"}]}, ["#"]),
        ({"sentences": [{"text": "x"}, {"text": 5}]}, ["#/sentences/1/text"]),
        ({"sentences": [{"text": ""}]}, ["#/sentences/0/text"]),
        ({"sentences": [{"text": "x" * (SENTENCE_CHARACTERS + 1)}]}, ["#/sentences/0/text"]),
        ({"sentences": [{"text": "x"}] * (SENTENCES + 1)}, ["#/sentences"]),
        ({"articles": [{"text": "x"}] * (ARTICLES + 1)}, ["#/articles"]),
        ({"articles": [{"title": "x"}]}, ["#/articles/0/text"]),
        ({"articles": [{"text": "x" * (ARTICLE_CHARACTERS + 1)}]}, ["#/articles/0/text"]),
        ({"sentences": [{"text": "x"}], "a/b~c": 1}, ["#/a~1b~0c"]),
        ({"sentences": [{"text": "x"}], "include_removed": "yes"}, ["#/include_removed"]),
    ],
)
def test_a_wrong_field_is_named_by_its_pointer(server, body, expected):
    assert pointers(server.client.post("/v1/classify", json=body)) == expected


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/classify", {str(number): 1 for number in range(100_000)}, "#"),
        ("/v1/classify", {"sentences": [1] * 500_000}, "#/sentences"),
        ("/v2/models/netral/infer", {"inputs": [1] * 500_000}, "#/inputs"),
        (
            "/v2/models/netral/infer",
            {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [1] * 500_000}]},
            "#/inputs/0/data",
        ),
    ],
)
def test_what_is_wrong_a_million_times_is_said_once(server, path, body, pointer):
    response = server.client.post(path, json=body)
    assert pointers(response) == [pointer]


def test_a_hundred_wrong_fields_are_named_and_the_rest_counted(server):
    response = server.client.post("/v1/classify", json={"sentences": [{"text": 5}] * 300})
    assert pointers(response) == [f"#/sentences/{place}/text" for place in range(100)]
    assert response.json()["detail"].endswith("(and 299 more)")


def test_the_name_of_a_field_comes_back_cut(server):
    response = server.client.post("/v1/classify", json={"sentences": [{"text": "x"}], "k" * 100_000: 1})
    assert len(response.content) < 1000


@pytest.mark.parametrize("body", [b"", b"{", b'{"sentences": [{"text": "\xff"}]}', b"[" * 100_000, b'"\\ud800"'])
def test_what_is_no_json_is_refused(server, body):
    response = server.client.post("/v1/classify", content=body, headers=JSON)
    assert pointers(response) == ["#"]


def test_a_lone_surrogate_is_refused_as_no_text(server):
    response = server.client.post("/v1/classify", content=b'{"sentences": [{"text": "a\\ud800b"}]}', headers=JSON)
    assert pointers(response) == ["#"]
    assert "column 33" in response.json()["detail"]


def test_a_large_body_gets_the_answer_of_a_small_one(server):
    """Beyond some size a worker reads it."""
    sentences = [{"id": f"{place} é", "text": f"Pegawai {place} diminta netral."} for place in range(40)]
    small = server.client.post("/v1/classify", json={"sentences": sentences})
    ignored = {"ignored": "x" * 2 * QUICK_BYTES}
    large = server.client.post(
        "/v1/classify", json={"sentences": [sentence | ignored for sentence in sentences[:1]] + sentences[1:]}
    )
    assert small.status_code == large.status_code == 200
    for one, other in zip(small.json()["sentences"], large.json()["sentences"], strict=True):
        assert (one["id"], one["text"], one["labels"]) == (other["id"], other["text"], other["labels"])
    wrong = [{"text": 5} | ignored] * 3
    assert pointers(server.client.post("/v1/classify", json={"sentences": wrong})) == [
        f"#/sentences/{i}/text" for i in range(3)
    ]
    assert server.metric("netral_queue_tokens") == 0


def test_parameters_of_a_large_tensor_are_not_passed_on(server):
    tensor = {
        "name": "text",
        "shape": [1],
        "datatype": "BYTES",
        "data": ["Jangan."],
        "parameters": {"x": "y" * 2 * QUICK_BYTES},
    }
    assert server.client.post("/v2/models/netral/infer", json={"inputs": [tensor]}).status_code == 200


@pytest.mark.parametrize(
    "body", [b'{"sentences": [' + b"[]," * 600_000 + b"[]]}", b'{"z": {' + b'"":[],' * 250_000 + b'"":0}}']
)
def test_the_server_stays_awake_over_bodies_of_a_million_values(server, body):
    front = psutil.Process(server.process.pid)
    before = sum(front.cpu_times()[:2])
    assert server.client.post("/v1/classify", content=body, headers=JSON).status_code == 422
    # To read it takes a core a quarter of a second and more; the server itself only passes it on.
    assert sum(front.cpu_times()[:2]) - before < 0.15


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
def test_another_content_type_is_refused(server, kind):
    response = server.client.post(
        "/v1/classify", content=b'{"sentences": [{"text": "x"}]}', headers={"Content-Type": kind}
    )
    assert "application/json" in problem(response, 415)["detail"]


def test_a_compressed_body_is_refused(server):
    response = server.client.post("/v1/classify", content=b"x", headers=JSON | {"Content-Encoding": "gzip"})
    problem(response, 415)


def test_a_body_over_the_limit_is_refused_whether_announced_or_chunked(server):
    content = b" " * (3 * 2**20)
    problem(server.client.post("/v1/classify", content=content, headers=JSON), 413)
    chunks = (content[start : start + 2**16] for start in range(0, len(content), 2**16))
    problem(server.client.post("/v1/classify", content=chunks, headers=JSON), 413)


def test_articles_of_too_many_sentences_are_refused_after_the_split(server):
    articles = [{"text": "Camat datang. " * 1000} for _ in range(5)]
    assert str(SENTENCES) in problem(server.client.post("/v1/classify", json={"articles": articles}), 413)["detail"]


def test_more_tokens_than_the_queue_holds_are_refused_for_good(server):
    articles = [{"text": "x" * ARTICLE_CHARACTERS}] * 2
    assert "word pieces" in problem(server.client.post("/v1/classify", json={"articles": articles}), 413)["detail"]


def talk(url: str, *parts: bytes, seconds: float = 30) -> bytes:
    """Send raw bytes and return what comes back until the connection is closed."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=seconds) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
            while received := connection.recv(2**16):
                answer += received
        except (ConnectionError, TimeoutError):
            pass
    return answer


def test_heads_over_the_limit_are_refused(server):
    problem(server.client.get("/healthz", headers={"X-Long": "x" * 17_000}), 431)
    problem(server.client.get("/healthz?" + "x" * 17_000), 431)


def test_a_head_that_never_ends_is_refused(server):
    # In one piece: what came behind the refusal would reset the connection, and the refusal might be lost with it.
    answer = talk(server.url, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 17_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_what_is_no_http_is_refused_as_a_problem_too(server):
    head, _, body = talk(server.url, b"\x00\x01 nonsense\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_a_request_for_another_protocol_is_answered_in_this_one(server, protocol):
    """Clients in Java ask for HTTP/2 with every first request; its body counts all the same."""
    body = b'{"sentences": [{"text": "Jangan ikut kampanye."}]}'
    head = (
        b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: %s\r\n"
        b"HTTP2-Settings: AAMAAABk\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ) % (protocol, len(body))
    for parts in ((head + body,), (head, body), (head + body[:9], body[9:])):
        assert talk(server.url, *parts).startswith(b"HTTP/1.1 200 ")


def test_the_server_is_no_proxy(server):
    assert talk(server.url, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_trailers_that_never_end_close_the_connection(server):
    head = (
        b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    talk(server.url, head, b"2\r\n{}\r\n0\r\nX-Long: ", *[b"x" * 1000] * 2000, seconds=20)
    assert server.client.get("/healthz").status_code == 200


def test_an_answer_comes_in_one_piece(server):
    """Head and body sent one after the other would wake the client twice: some of so many would be seen half."""
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        for _ in range(100):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65_536).endswith(b'{"status":"alive"}')


def test_errors_and_logs_never_repeat_what_was_sent(server):
    secret = "kalimat-rahasia-itu"
    for body in ({"sentences": [{"text": secret, "id": [secret]}]}, {secret: 1}, {"sentences": secret}):
        content = server.client.post("/v1/classify", json=body).json()
        for error in content["errors"]:
            # It has to name the field; nothing else has.
            error.pop("pointer")
        assert secret not in json.dumps(content)
    server.classify(secret)
    server.client.get(f"/{secret}", headers={"Authorization": f"Bearer {secret}"})
    assert secret not in server.log


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/v1/classify", 405), ("POST", "/docs", 405)]
)
def test_unknown_paths_and_methods_are_problems_too(server, method, path, status):
    problem(server.client.request(method, path), status)


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/healthz", "/readyz", "/v2/health/ready", "/page/page.css", "/v1/checkpoint", "/none"]
)
def test_head_is_answered_like_get_without_the_content(server, path):
    head, whole = (server.client.request(method, path) for method in ("HEAD", "GET"))
    assert head.status_code == whole.status_code
    assert not head.content
    differ = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in differ} == {
        k: v for k, v in whole.headers.items() if k not in differ
    }


def test_methods_that_are_allowed_are_named(server):
    assert server.client.delete("/healthz").headers["allow"] == "GET, HEAD"
    assert server.client.get("/v1/classify").headers["allow"] == "POST"


def test_health_is_told_apart_from_readiness(server):
    assert server.client.get("/healthz").json() == {"status": "alive"}
    assert server.client.get("/readyz").json() == {"status": "ready"}


def test_the_reference_names_every_route_and_asks_no_other_server(server):
    page = server.client.get("/docs")
    described = server.client.get("/openapi.json").json()
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert all(path in page.text for path in described["paths"])
    assert all(name in page.text for name in described["components"]["schemas"])
    assert not re.findall(r"<script|(?:src|href)=\"(?!#|/openapi.json)", page.text)


def test_every_answer_carries_the_headers_that_keep_browsers_strict(server):
    for path in ("/healthz", "/nothing", "/v1/checkpoint"):
        headers = server.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_metrics_count_requests_sentences_labels_and_batches(server):
    names = [
        'netral_requests_total{route="/v1/classify",status="200"}',
        'netral_request_seconds_count{route="/v1/classify"}',
        "netral_sentences_total",
        "netral_batch_sentences_count",
        'netral_rejections_total{reason="content_type"}',
    ]
    before = [server.metric(name) for name in names]
    carried = sum(server.metric(f'netral_labels_total{{label="{name}"}}') for name in ("appeal", "prohibition"))
    rows = server.classify("Camat mengimbau warga.", "Jangan ikut kampanye.").json()["sentences"]
    server.client.post("/v1/classify", content=b"x")
    rises = [server.metric(name) - value for name, value in zip(names, before, strict=True)]
    assert rises[:3] == [1, 2, 2]  # the refused request was timed too
    assert rises[3] >= 1
    assert rises[4] == 1
    labels = sum(label in ("appeal", "prohibition") for row in rows for label in row["labels"])
    assert (
        sum(server.metric(f'netral_labels_total{{label="{name}"}}') for name in ("appeal", "prohibition"))
        == carried + labels
    )
    assert server.metric("netral_queue_tokens") == 0
    assert server.metric("netral_workers") == 1
