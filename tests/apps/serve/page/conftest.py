"""A browser, for the tests beside this file."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def address(server) -> str:
    return server.url


# Not for the whole session: while it is open, no other test can run an event loop of its own.
@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, address):
    """A page of its own, in English, and at its end the proof that its console stayed empty."""
    context = chromium.new_context(locale="en-GB", base_url=address, accept_downloads=True)
    context.set_default_timeout(60_000)
    page = context.new_page()
    said: list[str] = []
    # What the browser itself says of an answer that refuses is no fault of the page.
    page.on("console", lambda line: said.append(line.text) if "Failed to load resource" not in line.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []
