"""A server with the page, and a browser, for the tests beside this file."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def run_server(checkpoint: Path, *options: str, **environment: str) -> Iterator[str]:
    """Run ``netral serve`` on a free port and yield its address."""
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--checkpoint", str(checkpoint), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--workers", "1", *options], stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if address := re.search(r"http://\S+", line):
                yield address.group()
                break
        else:
            pytest.fail("".join(said))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.fixture
def serving():
    return run_server


@pytest.fixture(scope="session")
def address(checkpoint) -> Iterator[str]:
    with run_server(checkpoint) as found:
        yield found


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
