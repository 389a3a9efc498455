"""The servers that ``serving.py`` compares, each started as its users start it, and checkpoints for them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from pipeline.classifier.batches import batches
from pipeline.classifier.checkpoint import GRAPHS, MANIFEST, Manifest, version_of
from pipeline.files import sha256, write_json

ROOT = Path(__file__).parents[1]
START_SECONDS = 180


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        path: where it takes one sentence, in the body that ``body`` makes of it.
        log: file with what it printed.
    """

    process: "subprocess.Popen[bytes]"
    url: str
    path: str
    body: Callable[[str], dict[str, Any]]
    log: Path

    def memory(self) -> int:
        """Return the bytes of memory of the server and all its processes, shared ones counted once for each."""
        total = 0
        for process in (root := psutil.Process(self.process.pid), *root.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total


@contextmanager
def netral(checkpoint: Path, work: Path, options: Sequence[str] = ()) -> Iterator[Running]:
    """Run ``netral serve``."""
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--checkpoint", str(checkpoint), *options]
    with _running(command, "--port", "/v1/classify", lambda text: {"sentences": [{"text": text}]}, work) as running:
        yield running


@contextmanager
def mlflow_registered(checkpoint: Path, work: Path) -> Iterator[Running]:
    """Run ``mlflow models serve`` of the same checkpoint, as ``pipeline/mlflow_model.py`` wraps netral's own runtime."""
    from mlflow.pyfunc import save_model

    folder = work / "mlflow-registered"
    shutil.rmtree(folder, ignore_errors=True)
    save_model(
        folder,
        python_model=str(ROOT / "pipeline/mlflow_model.py"),
        artifacts={"checkpoint": str(checkpoint)},
        pip_requirements=["onnxruntime"],
    )
    with _mlflow(folder, work) as running:
        yield running


@contextmanager
def mlflow_transformers(checkpoint: Path, work: Path) -> Iterator[Running]:
    """Run ``mlflow models serve`` of the same checkpoint in MLflow's flavor for transformers, which gives one label only."""
    from mlflow.transformers import save_model
    from transformers import pipeline

    folder = work / "mlflow-transformers"
    shutil.rmtree(folder, ignore_errors=True)
    model = pipeline("text-classification", str(checkpoint), device="cpu", truncation=True)
    save_model(model, folder, pip_requirements=["transformers", "torch"])
    with _mlflow(folder, work) as running:
        yield running


@contextmanager
def _mlflow(model: Path, work: Path) -> Iterator[Running]:
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]

    def body(text: str) -> dict[str, Any]:
        return {"dataframe_split": {"columns": ["text"], "data": [[text]]}}

    with _running(command, "--port", "/invocations", body, work) as running:
        yield running


@contextmanager
def plain(checkpoint: Path, work: Path) -> Iterator[Running]:
    """Run ``serving_plain.py``."""
    command = [sys.executable, str(ROOT / "benchmarks/serving_plain.py"), str(checkpoint)]
    with _running(command, "", "/classify", lambda text: {"texts": [text]}, work) as running:
        yield running


@contextmanager
def _running(
    command: list[str], port_option: str, path: str, body: Callable[[str], dict[str, Any]], work: Path
) -> Iterator[Running]:
    """Start ``command`` on a free port, wait for its first answer, and end it and all its processes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = work / f"{path.strip('/').replace('/', '-')}.log"
    # As a user starts it: what this process was told of threads is not passed on, and MLflow finds the uvicorn beside Python.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *filter(None, [port_option]), str(port)],
            stdout=file,
            stderr=file,
            cwd=ROOT,
            env=environment,
        )
    running = Running(process, f"http://127.0.0.1:{port}", path, body, log)
    try:
        _wait(running)
        yield running
    finally:
        family = _family(process.pid)
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
        for child in family:
            if child.is_running():
                child.kill()


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _wait(running: Running) -> None:
    end = time.monotonic() + START_SECONDS
    content = json.dumps(running.body("Pegawai diminta netral.")).encode()
    while time.monotonic() < end and running.process.poll() is None:
        request = Request(running.url + running.path, content, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=60):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start: {running.log.read_text(errors='replace')[-2000:]}")


def random_checkpoint(like: Path, out: Path, layers: int, width: int, heads: int) -> Path:
    """Write a checkpoint of another shape and random weights, otherwise as ``like``: what it says means nothing, its speed does."""
    import torch
    from transformers import AutoConfig, BertForSequenceClassification

    from pipeline.training.activations import observe
    from pipeline.training.export import write_graph
    from pipeline.training.quantise import quantise, round_weights

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    torch.manual_seed(0)
    shape = {
        "num_hidden_layers": layers,
        "hidden_size": width,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
    }
    model = BertForSequenceClassification(AutoConfig.from_pretrained(like, **shape)).eval()
    model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(like / name, out / name)
    write_graph(model, out / GRAPHS["fp32"])
    # What the weights say means nothing, and so does what they are fitted to.
    ids = [torch.randint(model.config.vocab_size, (32,)).numpy() for _ in range(16)]
    graph = out / GRAPHS["fp32"]
    activations = observe(graph, batches(ids))
    quantise(graph, out / GRAPHS["int8"], "static", activations, round_weights(graph, activations))
    return _sign(
        like, out, scheme="static", precision="int8", precision_reason=f"random weights, {layers} layers of {width}"
    )


def renamed_checkpoint(like: Path, out: Path, note: str) -> Path:
    """Write a copy of ``like`` that differs in its version alone."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(like, out)
    return _sign(like, out, precision_reason=note)


def _sign(like: Path, out: Path, **changes: str) -> Path:
    """Write the manifest of the files in ``out``: that of ``like`` with some ``changes``."""
    (out / MANIFEST).unlink(missing_ok=True)
    files = {path.name: sha256(path) for path in sorted(out.iterdir())}
    content = json.loads((like / MANIFEST).read_text()) | {"files": files} | changes
    manifest = Manifest.model_validate(content)
    values = manifest.model_dump(mode="json")
    write_json(out / MANIFEST, values | {"version": version_of(values)})
    return out
