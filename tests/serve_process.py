"""Servers as their users start them: a process, a port, signals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from pipeline.classifier.checkpoint import MANIFEST, Manifest, version_of

SENTENCE = {"text": "Camat meminta pegawai melayani warga dengan adil."}


class Server:
    """``netral serve`` on a port of its own."""

    def __init__(self, checkpoint: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "pipeline.cli", "serve", "--checkpoint", str(checkpoint), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *options], stderr=subprocess.PIPE, text=True, env=os.environ | (environment or {})
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        started = wait_for(lambda: re.search(r"http://\S+", self.log) or self.process.poll(), "the server to start")
        assert isinstance(started, re.Match), self.log
        self.url = started[0]
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def _read(self) -> None:
        assert self.process.stderr
        self.lines.extend(self.process.stderr)

    @property
    def log(self) -> str:
        return "".join(self.lines)

    @property
    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def classify(self, *texts: str, **options) -> httpx.Response:
        sentences = [{"text": text} for text in texts] or [SENTENCE]
        return self.client.post("/v1/classify", json={"sentences": sentences}, **options)

    def metric(self, name: str) -> float:
        """Return the value of a metric; 0 if it has none yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.client.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Hold all workers still: what is asked meanwhile waits."""
        for worker in self.workers:
            worker.suspend()
        try:
            yield
        finally:
            for worker in self.workers:
                worker.resume()

    def stop(self) -> int:
        """Ask the server to stop, and return its exit status."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        finally:
            self.process.kill()
        self._reader.join(10)
        return status


def wait_for(found: Callable[[], object], what: str, seconds: float = 60):
    """Return what ``found`` returns, once that is true."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.02)
    return result


def replace(folder: Path, note: str) -> str:
    """Put a checkpoint of another version in the place of ``folder``, as an export does, and return its version."""
    new = Path(shutil.copytree(folder, folder.with_name(f"new-{time.monotonic_ns()}")))
    content = json.loads((new / MANIFEST).read_text()) | {"precision_reason": note}
    manifest = Manifest.model_validate(content)
    version = version_of(manifest.model_dump(mode="json"))
    (new / MANIFEST).write_text(manifest.model_copy(update={"version": version}).model_dump_json())
    shutil.rmtree(folder)
    new.rename(folder)
    return version
