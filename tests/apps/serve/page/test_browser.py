"""The page in a real browser: what its scripts promise."""

import csv
import io
import json
import shutil

import pytest
from imports import ROOT

TEXT = """Camat minta pegawai tetap netral

LUBUK SERAI, Kabar - Pegawai dilarang berfoto bersama calon. Warga datang ke balai desa.

=HYPERLINK("http://example.org") ditulis warga pada spanduk itu.

Baca juga: Jembatan Dibuka
"""


def read(page, text: str = TEXT) -> None:
    page.goto("/")
    page.fill("#text", text)
    page.click("#submit")
    page.wait_for_selector("#outcome")


def take(page, what: str) -> str:
    with page.expect_download() as download:
        page.click(f"[data-take={what}]")
    return download.value.path().read_text(encoding="utf-8")


def toggle(page, sentence: int, label: str) -> None:
    page.locator(".tag").nth(sentence).click()
    page.locator(".card button.card-row", has_text=label).click()
    page.keyboard.press("Escape")


def test_text_is_read_and_its_scores_are_shown(page):
    read(page)
    assert page.evaluate("document.activeElement.id") == "outcome"
    assert page.locator(".sentence").count() == 4
    page.locator(".tag").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert page.locator(".card[role=tooltip]").count() == 1
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog", name="Sentence 2: scores and labels")
    assert card.locator("[aria-pressed]").count() == 4
    assert page.evaluate("document.activeElement.matches('.card button')")
    page.keyboard.press("Escape")
    assert page.locator(".card").count() == 0
    assert page.evaluate("document.activeElement === document.querySelectorAll('.tag')[1]")


def test_labels_are_filtered_and_removed_text_is_shown_on_demand(page):
    read(page)
    toggle(page, 2, "logistics")
    page.locator(".filter-logistics").check()
    wanted = page.locator(".sentence.has-logistics").count()
    assert page.locator("tbody tr:visible").count() == wanted
    assert page.inner_text("#status") == f"{wanted} of 4 sentences brought forward"
    page.locator(".filter-logistics").uncheck()
    assert page.locator(".removed:visible").count() == 0
    page.locator(".show-removed").check()
    assert page.locator(".removed:visible").count() == 2


def test_corrections_are_annotations_that_the_dataset_stage_takes(page, workplace, tmp_path):
    from pipeline.stages import dataset, segment

    read(page)
    before = page.locator(".sentence").nth(1).evaluate("s => s.classList.contains('has-sanction')")
    toggle(page, 1, "sanction")
    page.click("[data-take=annotations]")
    assert "Tick" in page.inner_text("[data-taken]")
    page.locator(".checked").check()
    page.fill(".annotator", "pembaca-1")
    lines = [json.loads(line) for line in take(page, "annotations").splitlines()]
    assert {line["annotator"] for line in lines} == {"pembaca-1"}
    assert ("sanction" in lines[1]["labels"]) != before

    shutil.copytree(workplace / "data/articles", tmp_path / "articles")
    shutil.copytree(workplace / "data/annotations", tmp_path / "annotations")
    (tmp_path / "articles/page.jsonl").write_text(take(page, "articles"), encoding="utf-8")
    (tmp_path / "annotations/page.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    segment.run(tmp_path / "articles", workplace / "configs/segment.yaml", tmp_path / "sentences")
    dataset.run(
        tmp_path / "articles",
        tmp_path / "sentences",
        tmp_path / "annotations",
        workplace / "configs/labels.yaml",
        workplace / "configs/dataset.yaml",
        tmp_path / "dataset",
    )
    assert (tmp_path / "dataset/train.parquet").is_file()


def test_downloads_hold_every_sentence_and_no_formula(page):
    read(page)
    rows = list(csv.DictReader(io.StringIO(take(page, "csv").removeprefix("\ufeff"))))
    records = [json.loads(line) for line in take(page, "jsonl").splitlines()]
    assert len(rows) == len(records) == 4
    assert rows[3]["text"].startswith("'=HYPERLINK")
    assert records[3]["text"].startswith("=HYPERLINK")
    for row, record in zip(rows, records, strict=True):
        assert row["labels"].split("|") == (record["labels"] or [""])
        assert float(row["score_appeal"]) == record["score_appeal"]
        field = TEXT.split("\n", 1)[record["field"] == "body"]
        assert field[record["start"] : record["end"]] == record["text"]


FORMULAS = """Judul

Camat berkata; =HYPERLINK("http://example.org") kepada warga.

"=1+1" tertulis di papan pengumuman kantor desa.
"""


def test_no_spreadsheet_finds_a_formula_behind_a_quote_or_a_semicolon(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    read(page, FORMULAS)
    table = take(page, "csv")
    page.click("[data-take=copy]")
    page.locator("[data-taken]", has_text="opied").wait_for()
    pasted = page.evaluate("navigator.clipboard.readText()")
    rows = list(csv.DictReader(io.StringIO(pasted), delimiter="\t"))
    assert [row["text"][:4] for row in rows][-1] == "\"'=1"
    for text in (table, pasted):
        assert "; '=HYPERLINK" in text
        assert not [
            cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row if cell.strip(' "')[:1] == "="
        ]


def test_corrections_stay_when_the_language_changes(page):
    read(page)
    toggle(page, 2, "sanction")
    page.click(".switch")
    page.wait_for_selector("html[lang=id] .sentence.corrected")
    assert page.inner_text("[data-changes]") == "1 kalimat dikoreksi"
    assert page.url.endswith("/?lang=id")
    assert "dikoreksi" in page.locator(".tag").nth(2).inner_text()


def test_a_file_is_read_and_one_of_several_articles_is_chosen(page):
    page.goto("/")
    page.set_input_files("#file", ROOT / "pipeline/apps/serve/page/examples/archive.jsonl")
    page.wait_for_selector(".chooser")
    assert page.locator(".article:visible").count() == 1
    page.locator("[data-choose='2']").click()
    assert page.locator(".article:visible h2").inner_text().startswith("Pelipatan Surat Suara")
    assert page.evaluate("document.activeElement.id") == "title-2"


def drop(page, *files: tuple[str, str]) -> None:
    """Let go of files, each a name and a text, over the page."""
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) transfer.items.add(new File([text], name));
            return transfer;
        }""",
        files,
    )
    page.dispatch_event("#content", "drop", {"dataTransfer": transfer})


def test_a_dropped_file_is_read_and_of_several_none_is(page):
    page.goto("/")
    drop(page, ("satu.txt", TEXT), ("dua.txt", TEXT))
    assert "one file at a time" in page.inner_text("#problem")
    assert page.locator("#outcome").count() == 0
    drop(page, ("satu.txt", TEXT))
    page.wait_for_selector("#outcome")
    assert page.locator(".sentence").count() == 4


def test_a_file_that_was_mended_can_be_chosen_again(page):
    page.goto("/")
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": b" "})
    page.wait_for_selector("#problem:not([hidden])")
    # Browsers tell of a choice only where it is another one than before.
    assert page.evaluate("document.getElementById('file').files.length") == 0
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": TEXT.encode()})
    page.wait_for_selector("#outcome")


def test_the_language_changes_after_a_file_that_could_not_be_read(page):
    wrong = {"name": "arsip.jsonl", "mimeType": "application/x-ndjson", "buffer": b"{}"}
    page.goto("/")
    page.set_input_files("#file", wrong)
    page.wait_for_selector("#problem:not([hidden])")
    page.fill("#text", TEXT)
    page.click(".switch")
    page.wait_for_selector("html[lang=id]")
    assert page.input_value("#text") == TEXT
    page.click("#submit")
    page.wait_for_selector("#outcome")
    page.set_input_files("#file", wrong)
    page.wait_for_selector("#problem:not([hidden])")
    page.click(".switch")
    page.wait_for_selector("html[lang=en] #outcome")
    assert page.locator(".sentence").count() == 4


def test_a_change_of_language_can_be_tried_again(page):
    page.goto("/")
    page.fill("#text", TEXT)
    page.route("**/*", lambda route: route.abort())
    page.click(".switch")
    page.wait_for_selector("#problem:not([hidden])")
    page.unroute("**/*")
    page.click("#problem button")
    page.wait_for_selector("html[lang=id]")
    assert page.input_value("#text") == TEXT
    assert page.locator("#outcome").count() == 0


def test_corrections_that_no_download_holds_are_not_forgotten(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.goto("/")
    page.set_input_files("#file", ROOT / "pipeline/apps/serve/page/examples/archive.jsonl")
    page.wait_for_selector(".chooser")
    toggle(page, 0, "sanction")
    page.locator("[data-choose='1']").click()
    page.locator("#article-1 .checked").check()
    assert {json.loads(line)["article_id"] for line in take(page, "annotations").splitlines()} == {
        page.evaluate("JSON.parse(document.getElementById('data').textContent).articles[1].id")
    }
    page.fill("#text", TEXT)
    page.click("#submit")
    assert len(asked) == 1
    assert "not been downloaded" in asked[0]
    page.locator("[data-choose='0']").click()
    page.locator("#article-0 .checked").check()
    take(page, "annotations")
    page.click("#submit")
    page.locator("h2", has_text="Camat minta pegawai").wait_for()
    assert len(asked) == 1


HOSTILE = """Judul <script>document.title='x'</script>

<img src=x onerror="document.title='x'"> \u202ePegawai\u2066 datang\ud800 ke desa.
"""


def test_hostile_text_is_shown_as_text(page):
    page.goto("/")
    page.evaluate("text => { document.getElementById('text').value = text }", HOSTILE)
    page.click("#submit")
    page.wait_for_selector("#outcome")
    page.locator(".tag").nth(0).click()
    assert page.title() != "x"
    assert page.locator("#page img, #page script:not([type='application/json'])").count() == 0
    assert "<img src=x onerror=" in page.inner_text(".story")
    assert page.locator(".story .control").all_inner_texts() == ["U+202E", "U+2066"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, "try again in 7 seconds"),
        ({"status": 503}, "still starting"),
        ({"status": 500}, "The server made a mistake"),
        (None, "cannot be reached"),
    ],
)
def test_what_goes_wrong_is_told_and_can_be_tried_again(page, answer, told):
    """The answers of a server in trouble are given in its place; everything else is real."""
    page.goto("/")
    page.fill("#text", TEXT)
    page.route(
        "**/*",
        lambda route: (
            route.fulfill(**answer, content_type="application/problem+json", body="{}") if answer else route.abort()
        ),
    )
    page.click("#submit")
    page.wait_for_selector("#problem:not([hidden])")
    assert told in page.inner_text("#problem")
    assert page.evaluate("document.activeElement.id") == "problem"
    assert page.input_value("#text") == TEXT
    page.unroute("**/*")
    page.click("#problem button")
    page.wait_for_selector("#outcome")


def test_too_much_is_told_before_it_is_sent(page):
    page.goto("/")
    page.set_input_files(
        "#file", {"name": "arsip.txt", "mimeType": "text/plain", "buffer": b"Pegawai netral. " * 200_000}
    )
    page.wait_for_selector("#problem:not([hidden])")
    assert "too much at once" in page.inner_text("#problem")


def test_without_scripts_the_form_works(chromium, address):
    context = chromium.new_context(java_script_enabled=False, base_url=address, locale="id-ID")
    page = context.new_page()
    page.goto("/")
    page.fill("#text", TEXT)
    page.click("#submit")
    assert page.locator(".sentence").count() == 4
    page.locator(".tag").nth(1).click()
    assert page.url.endswith("#row-0-1")
    page.locator(".filter-no-label").check()
    assert page.locator("tbody tr:visible").count() == page.locator("tr.has-no-label").count()
    context.close()


def test_the_filters_end_with_the_story_and_never_cover_the_table(page):
    read(page, "Judul\n\nCamat pulang.")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    filters, table = (page.locator(place).bounding_box() for place in (".key", "table"))
    assert filters["y"] + filters["height"] <= table["y"]
