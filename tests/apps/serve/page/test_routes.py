"""The page as the server renders it: what a browser without scripts gets."""

import asyncio
import html
import json
import re
import threading

import httpx
import pytest
from imports import ROOT

from pipeline.apps.serve.app import create_app
from pipeline.apps.serve.metrics import Metrics
from pipeline.apps.serve.page.intake import read_articles
from pipeline.apps.serve.page.marking import prepare
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.settings import Settings
from pipeline.classifier.checkpoint import open_checkpoint

LONG = "Pegawai " + "diminta menjaga netralitas selama masa kampanye " * 20 + "di kecamatan."
TEXT = f"Camat minta pegawai tetap netral\n\nLUBUK SERAI, Kabar - Pegawai dilarang berfoto. {LONG}\n\nBaca juga: Jembatan Dibuka\n"


@pytest.fixture(scope="module")
def client(address):
    with httpx.Client(base_url=address, headers={"Accept-Language": "en"}, timeout=60) as client:
        yield client


def data(response: httpx.Response) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', response.text)[1])


def problem(response: httpx.Response) -> str:
    found = re.search(r'id="problem" class="problem" role="alert" tabindex="-1">(.*?)</div>', response.text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", found[1])).split()) if found else ""


def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert links
    assert all(link.startswith("/") and not link.startswith("//") for link in links)
    for link in links:
        assert client.get(link).status_code == 200
    files = [path.read_text() for path in (ROOT / "pipeline/apps/serve/page/static").iterdir()]
    assert not [found for text in files for found in re.findall(r"https?://(?!www\.w3\.org/)\S+|@import|url\(", text)]


def test_nothing_inline_runs_and_nothing_foreign_loads(client):
    page = client.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert all(policy[f"{kind}-src"] == "'self'" for kind in ("script", "style", "img", "connect"))
    assert policy["trusted-types"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page.text)
    scripts = [path.read_text() for path in (ROOT / "pipeline/apps/serve/page/static").glob("*.js")]
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    assert not [script for script in scripts if re.search(sinks, script)]


@pytest.mark.parametrize(
    ("accepted", "query", "language"), [("id", "", "id"), ("id", "?lang=en", "en"), ("en", "?lang=id", "id")]
)
def test_the_language_is_chosen(client, accepted, query, language):
    page = client.get(f"/{query}", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}">' in page.text
    assert ("Tandai kalimat" in page.text) == (language == "id")


def test_a_form_is_answered_with_the_article_marked(client):
    page = client.post("/", data={"text": TEXT, "kind": "auto"})
    assert page.status_code == 200
    (article,) = data(page)["articles"]
    assert (article["title"], article["text"]) == tuple(TEXT.split("\n", 1))
    for sentence in article["sentences"]:
        field = article["title" if sentence["field"] == "title" else "text"]
        assert field[sentence["start"] : sentence["end"]] == sentence["text"]
        assert f'id="row-0-{sentence["index"]}"' in page.text
    assert [sentence["truncated"] for sentence in article["sentences"]] == [False, False, True]
    assert page.text.count('class="cut"') == 3  # in the article, below it and in the table
    assert page.text.count("the end of the sentence was not read") == 1
    removed = re.findall(r'<del class="removed">.*?<bdi>(.*?)</bdi></del>', page.text, re.DOTALL)
    assert removed == ["LUBUK SERAI, Kabar - ", "Baca juga: Jembatan Dibuka"]
    assert "no-store" in page.headers["Cache-Control"]


def test_the_page_and_the_api_say_the_same(client):
    title, text = TEXT.split("\n", 1)
    answer = client.post("/v1/classify", json={"articles": [{"title": title, "text": text}]}).json()
    shown = data(client.post("/", data={"text": TEXT}))
    assert shown["checkpoint"] == answer["checkpoint"]
    sentences = [
        {name: value for name, value in sentence.items() if name != "same"}
        for sentence in shown["articles"][0]["sentences"]
    ]
    assert sentences == answer["articles"][0]["sentences"]


@pytest.mark.parametrize(
    ("example", "articles"), [("circular.txt", 1), ("hearing.html", 1), ("boats.txt", 1), ("archive.jsonl", 3)]
)
def test_examples_can_be_tried(client, example, articles):
    page = client.post("/", data={"example": example, "text": ""})
    shown = data(page)["articles"]
    assert len(shown) == articles
    assert all(len(article["sentences"]) >= 5 for article in shown)
    assert page.text.count('class="example-title"') == 4


def test_a_file_is_read_by_its_content_type(client):
    lines = "\n".join(json.dumps({"id": name, "text": TEXT}) for name in "ab")
    page = client.post("/", content=f"{lines}\nnone\n", headers={"Content-Type": "application/x-ndjson"})
    assert [article["id"] for article in data(page)["articles"]] == ["a", "b"]
    assert "1 record could not be read" in page.text
    content = (ROOT / "pipeline/apps/serve/page/examples/hearing.html").read_text().encode("utf-8")
    page = client.post("/", content=content, headers={"Content-Type": "text/html"})
    assert data(page)["articles"][0]["title"] == "Majelis Etik Periksa Camat yang Hadiri Deklarasi Calon"


HOSTILE = """Judul </title><script>alert(1)</script>

<img src=x onerror=alert(1)> \u202ePegawai\u202c "'&lt; netral </script><!-- datang.
"""


def test_hostile_text_is_text(client):
    page = client.post("/", data={"text": HOSTILE})
    body = re.sub(r'<script type="application/json".*?</script>', "", page.text, flags=re.DOTALL)
    assert not re.findall(
        r"<script(?! type=\"module\" src=\"/page/page.js\")|<img|onerror=(?!alert\(1\)&gt;)|<!--", body
    )
    assert "&lt;img src=x onerror=alert(1)&gt;" in body
    assert "\u202e" not in re.sub("<textarea.*?</textarea>", "", body, flags=re.DOTALL)
    assert "U+202E" in body
    assert "\u202e" in data(page)["articles"][0]["text"]


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"data": {"text": " "}}, 422, "nothing to read yet"),
        ({"data": {"text": "https://example.org/a"}}, 422, "opens no pages by itself"),
        ({"data": {"text": '{"id": "x"}'}}, 422, "'text' is missing"),
        ({"data": {"text": "<html></html>"}}, 422, "No running text"),
        ({"data": {"text": "a\n" + "b" * 100_001}}, 422, "at most 100000 characters"),
        (
            {"content": b"text=%ED%A0%80", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            422,
            "UTF-8",
        ),
        ({"content": b"%PDF", "headers": {"Content-Type": "application/pdf"}}, 415, "Use plain text, HTML or JSONL"),
        ({"content": b"x"}, 415, "Use plain text, HTML or JSONL"),
        (
            {"data": {"kind": "jsonl", "text": "\n".join(json.dumps({"id": i, "text": "Satu."}) for i in range(101))}},
            422,
            "at most 100 articles",
        ),
        ({"data": {"text": json.dumps({"id": "x" * 300, "text": "Satu."})}}, 422, "at most 256 characters"),
    ],
)
def test_problems_are_told_on_the_page(client, sent, status, told):
    page = client.post("/", **sent)
    assert page.status_code == status
    assert told in problem(page)
    if "data" in sent:
        echoed = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)[1]
        assert len(echoed) >= len(sent["data"]["text"])


def test_another_language_keeps_what_was_typed(client):
    page = client.post("/?lang=id", data={"text": "Belum selesai", "switch": "1"})
    assert page.status_code == 200
    assert "Belum selesai</textarea>" in page.text
    assert 'id="data"' not in page.text


def test_files_are_served_with_their_types_and_no_others_are(client):
    script = client.get("/page/page.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert client.get("/page/page.js", headers={"If-None-Match": script.headers["ETag"]}).status_code == 304
    for name in ("..%2Froutes.py", "routes.py", "%2e%2e/routes.py", "templates"):
        assert client.get(f"/page/{name}").status_code == 404


def test_the_style_sheet_knows_the_labels_of_the_checkpoint(client):
    sheet = client.get("/page/labels.css")
    labels = client.get("/v1/checkpoint").json()["labels"]
    assert sheet.headers["Content-Type"].startswith("text/css")
    assert all(f".of-{label['name']} {{ --label: {label['colour']};" in sheet.text for label in labels)


def test_a_protected_or_full_server_says_so(checkpoint, serve):
    server = serve(
        checkpoint, "--workers", "1", "--queue-tokens", "40", environment={"NETRAL_TOKEN": "rahasia-sekali-0123"}
    )
    page = server.client.post("/", data={"text": "Satu.\nDua."})
    assert (page.status_code, "access token" in problem(page)) == (401, True)
    assert page.headers["www-authenticate"] == "Bearer"
    assert 'type="password"' in page.text
    page = server.client.post("/?lang=id", data={"text": "Belum selesai", "switch": "1"})
    assert (page.status_code, problem(page)) == (200, "")
    assert '<html lang="id">' in page.text
    assert "Belum selesai</textarea>" in page.text
    for sent in (
        {"data": {"token": "rahasia-sekali-0123"}},
        {"headers": {"Authorization": "Bearer rahasia-sekali-0123"}},
    ):
        sent["data"] = {"text": "Camat pulang. Warga datang.", **sent.get("data", {})}
        page = server.client.post("/", **sent)
        assert page.status_code == 200
        assert "rahasia-sekali-0123" not in page.text
    page = server.client.post("/", data={"text": TEXT, "token": "rahasia-sekali-0123"})
    assert (page.status_code, "too much at once" in problem(page)) == (413, True)


class InstantPool:
    """Workers that answer at once: what is left of a request is to draw its page."""

    ready = True
    users = 0
    tokens_per_second = 0.0

    def __init__(self, checkpoint) -> None:
        self.manifest = open_checkpoint(checkpoint)

    async def read(self, content, kind):
        articles, _ = read_articles(content, kind)
        return {"articles": [article.model_dump(mode="json") for article in articles], "rejects": [], "rejected": 0}

    async def split(self, _, text):
        return [["body", 0, len(text), text]], []

    async def score(self, texts):
        return [[[0.0] * len(self.manifest.labels), [], False] for _ in texts]


def test_pages_are_drawn_one_at_a_time_while_their_requests_hold_a_place(checkpoint, monkeypatch):
    service = Service(Settings(deadline=3), Metrics())
    service._pool = InstantPool(checkpoint)
    released = threading.Event()
    drawing, most, held = 0, 0, []

    def slow(*given):
        nonlocal drawing, most
        drawing += 1
        most = max(most, drawing)
        held.append(service._tokens)
        if len(held) > 1:
            released.wait(60)
        drawing -= 1
        return prepare(*given)

    monkeypatch.setattr("pipeline.apps.serve.page.routes.prepare", slow)

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(create_app(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            answers = await asyncio.gather(*(client.post("/", data={"text": LONG}) for _ in range(5)))
            # What was given up before its turn is not drawn afterwards either.
            released.set()
            await asyncio.sleep(0.3)
            return sorted(answer.status_code for answer in answers)

    assert asyncio.run(ask()) == [200, 504, 504, 504, 504]
    assert (most, len(held)) == (1, 2)
    assert all(held)
    assert service._tokens == 0
