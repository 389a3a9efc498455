"""The page in a real browser: every state driven at two widths, in two languages and colour schemes, with screenshots.

    npm pack axe-core && tar xzf axe-core-*.tgz
    python benchmarks/page.py --axe package/axe.min.js [--checkpoint models/exported] [--out reports/benchmarks/page]

Prints, per state, what axe-core finds and what the console says, and fails if that is anything; look at the screenshots.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from pipeline.files import write_json

WIDTHS: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
SCHEMES = {"light": "en-GB", "dark": "id-ID"}
# Hostile on purpose: mark-up, a handler, marks that turn the direction of text, half a character, and a megabyte.
HOSTILE = "Judul <script>alert(1)</script>\n\n<img src=x onerror=alert(1)> \u202ePegawai\u2066 datang\ud800 ke desa.\n"
TOKEN = "0123456789abcdef0123456789abcdef"
MEGABYTE = "Judul\n" + "Pegawai diminta menjaga netralitas selama kampanye. " * 20_000


@contextmanager
def serving(checkpoint: Path, token: str = "") -> Iterator[str]:
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--checkpoint", str(checkpoint), "--port", "0"]
    environment = os.environ | ({"NETRAL_TOKEN": token} if token else {})
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        yield next(found.group() for line in process.stderr if (found := re.search(r"http://\S+", line)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def submit(page: Page, text: str) -> None:
    # Set, not typed: a browser would mend half a character on the way.
    page.evaluate("text => { document.getElementById('text').value = text }", text)
    page.click("#submit")


def switch(page: Page) -> None:
    """Change the language and wait for the page in the other one."""
    other = page.locator(".switch").get_attribute("lang")
    page.click(".switch")
    page.wait_for_selector(f"html[lang={other}]")


def states(page: Page) -> Iterator[str]:
    """Drive the page through its features and yield the name of each state that is worth looking at."""
    page.goto("/")
    yield "empty"
    page.click("button[value='circular.txt']")
    page.wait_for_selector("#outcome")
    yield "results"
    page.locator(".words").nth(2).hover()
    page.wait_for_selector(".card[role=tooltip]")
    yield "hover"
    page.locator(".tag").nth(2).click()
    page.wait_for_selector(".card[role=dialog]")
    yield "card"
    page.locator(".card button.card-row").nth(2).click()
    yield "correction"
    page.keyboard.press("Escape")
    page.locator(".filter-prohibition").check()
    page.locator(".show-removed").check()
    yield "filter-removed"
    page.locator(".checked").check()
    for what in ("annotations", "articles", "csv", "jsonl"):
        with page.expect_download():
            page.click(f"[data-take={what}]")
    yield "downloads"
    page.click("button[value='hearing.html']")
    page.locator("h2", has_text="Majelis Etik").wait_for()
    yield "html"
    page.click("button[value='archive.jsonl']")
    page.wait_for_selector(".chooser")
    page.locator("[data-choose='1']").click()
    yield "several"
    switch(page)
    page.wait_for_selector(".chooser")
    yield "other-language"
    switch(page)
    submit(page, HOSTILE)
    page.wait_for_selector(".story .control")
    assert page.locator("#page img, #page script:not([type='application/json'])").count() == 0
    yield "hostile"
    submit(page, MEGABYTE)
    page.wait_for_selector("#problem:not([hidden])", timeout=60_000)
    yield "megabyte"
    page.route("**/*", lambda route: route.abort())
    submit(page, "Camat pulang.\nWarga datang.")
    page.wait_for_selector("#problem button")
    page.unroute("**/*")
    yield "network-gone"


def protected_states(page: Page) -> Iterator[str]:
    """Drive the page of a server with a token."""
    page.goto("/")
    yield "token-empty"
    submit(page, "Camat pulang.\nWarga datang.")
    page.wait_for_selector("#problem:not([hidden])")
    yield "token-missing"
    switch(page)
    assert page.input_value("#text") == "Camat pulang.\nWarga datang."
    yield "token-other-language"
    page.fill("#token", TOKEN)
    page.click("#submit")
    page.wait_for_selector("#outcome")
    yield "token-results"
    switch(page)
    page.wait_for_selector("#outcome")
    yield "token-results-other-language"


def drive(
    browser: Browser,
    address: str,
    driven: Callable[[Page], Iterator[str]],
    axe: str | None,
    scheme: str,
    width: str,
    out: Path,
) -> dict[str, list[str]]:
    """Return what was found wrong, by state."""
    context = browser.new_context(
        base_url=address, viewport=WIDTHS[width], color_scheme=scheme, locale=SCHEMES[scheme], has_touch=width == "phone"
    )  # fmt: skip
    context.set_default_timeout(120_000)
    page = context.new_page()
    said: list[str] = []
    # The browser itself reports every answer that refuses.
    page.on("console", lambda line: said.append(line.text) if "Failed to load resource" not in line.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    found = {}
    for state in driven(page):
        # What is in the window, where a card is over the page, or the page too much for one picture.
        whole = state not in {"hover", "card", "correction", "megabyte"}
        page.screenshot(path=out / f"{state}-{width}-{scheme}.png", full_page=whole)
        wrong = list(said)
        if axe:
            page.evaluate(axe)
            violations = page.evaluate("axe.run().then(found => found.violations)")
            wrong += [f"{v['id']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:120]}" for v in violations]
        said.clear()
        found[f"{state}, {width}, {scheme}"] = wrong
        print(f"{state}, {width}, {scheme}: {'; '.join(wrong) or 'clean'}", flush=True)
    context.close()
    return found


def main(
    checkpoint: Path = Path("models/exported"),
    axe: Annotated[Path | None, typer.Option(help="axe.min.js of the npm package axe-core.")] = None,
    chromium: str = shutil.which("chromium") or "chromium",
    out: Path = Path("reports/benchmarks/page"),
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    script = axe.read_text(encoding="utf-8") if axe else None
    found: dict[str, list[str]] = {}
    with serving(checkpoint) as address, serving(checkpoint, TOKEN) as protected, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for scheme in SCHEMES:
            for width in WIDTHS:
                found |= drive(browser, address, states, script, scheme, width, out)
                found |= drive(browser, protected, protected_states, script, scheme, width, out)
        browser.close()
    write_json(out / "findings.json", {"axe": axe is not None, "states": found})
    wrong = sum(map(bool, found.values()))
    print(f"{len(found)} states, {wrong} with findings" + ("" if axe else "; axe-core was not given"))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
