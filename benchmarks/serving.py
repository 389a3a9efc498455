"""What ``netral serve`` holds: throughput beside other servers, latency when idle, overload, stops and swaps under load.

    python benchmarks/serving.py [--part throughput …] [--seconds 20] [--overload-seconds 60] [--times 30]
    python benchmarks/serving.py --part throughput --base

Load comes from a second process on loopback, a sentence of the corpus per request. A table is printed, and ``--out`` gets every
figure as JSON; what it has of other parts already stays, and is in the table too.
``--seconds 1 --overload-seconds 3 --times 2 --clients 4`` tries it all in a few minutes.
"""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.request import urlopen

import typer
from serving_load import quantile
from serving_servers import (
    ROOT,
    Running,
    mlflow_registered,
    mlflow_transformers,
    netral,
    plain,
    random_checkpoint,
    renamed_checkpoint,
)

from pipeline.classifier.checkpoint import open_checkpoint
from pipeline.classifier.predict import Classifier
from pipeline.corpus.articles import read_corpus
from pipeline.corpus.segment import SegmentConfig, segment
from pipeline.files import write_json

Part = Literal["throughput", "idle", "overload", "stop", "swap"]
PARTS: list[Part] = ["throughput", "idle", "overload", "stop", "swap"]
Figures = dict[str, Any]
# Clients that keep every server busy.
MANY = 64
# Of the most that a server does: what it holds with ease.
BELOW = 0.85


def main(
    checkpoint: Annotated[Path, typer.Option(help="An exported checkpoint.")] = Path("models/exported"),
    part: Annotated[list[str], typer.Option(help=f"Of {', '.join(PARTS)}; can be repeated.")] = PARTS,  # type: ignore[assignment]
    seconds: Annotated[float, typer.Option(help="Of one measurement of throughput.")] = 20,
    overload_seconds: Annotated[float, typer.Option(help="Of twice the load.")] = 60,
    times: Annotated[int, typer.Option(help="How often the server is stopped, and its checkpoint swapped.")] = 30,
    clients: Annotated[list[int], typer.Option(help="Of the closed loops.")] = [1, 4, 16, 64],  # noqa: B006
    base: Annotated[bool, typer.Option(help="Throughput in the shape of IndoBERT-base instead.")] = False,
    out: Annotated[Path | None, typer.Option(help="JSON file for all figures.")] = None,
) -> None:
    figures: Figures = json.loads(out.read_text()) if out and out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        checkpoint = checkpoint.resolve()
        texts = corpus_sentences(2000)
        if "throughput" in part and base:
            shape = random_checkpoint(checkpoint, work / "base", 12, 768, 12)
            figures["throughput, 12x768"] = throughput(shape, work, texts, clients, seconds)
        elif "throughput" in part:
            figures["throughput"] = throughput(checkpoint, work, texts, clients, seconds)
        if "idle" in part:
            figures["idle"] = idle(checkpoint, work, texts, seconds)
        if "overload" in part:
            figures["overload"] = overload(checkpoint, work, texts, seconds, overload_seconds)
        if "stop" in part:
            figures["stop"] = stop(checkpoint, work, texts, times)
        if "swap" in part:
            figures["swap"] = swap(checkpoint, work, texts, times)
    if out:
        write_json(out, figures)
    for line in table(figures):
        print(line)


def corpus_sentences(count: int) -> list[str]:
    """Return sentences of the corpus that ships, in a random order that is always the same."""
    articles = read_corpus(ROOT / "data/articles")
    texts = [sentence.text for article in articles for sentence in segment(article, SegmentConfig()).sentences]
    return random.Random(0).sample(texts, min(count, len(texts)))


def start_load(running: Running, work: Path, texts: list[str], **plan: Any) -> "subprocess.Popen[bytes]":
    """Begin to put load on ``running`` from another process; see ``serving_load.py``."""
    bodies = work / "bodies.jsonl"
    bodies.write_text("".join(json.dumps(running.body(text)) + "\n" for text in texts))
    plan |= {"url": running.url, "path": running.path, "bodies": str(bodies)}
    return _load_process(plan)


def _load_process(plan: dict[str, Any]) -> "subprocess.Popen[bytes]":
    script = str(Path(__file__).with_name("serving_load.py"))
    return subprocess.Popen([sys.executable, script, json.dumps(plan)], stdout=subprocess.PIPE)


def end_load(process: "subprocess.Popen[bytes]") -> Figures:
    """Wait until the load ends, and return its figures."""
    answer, _ = process.communicate()
    figures: Figures = json.loads(answer)
    return figures


def load(running: Running, work: Path, texts: list[str], **plan: Any) -> Figures:
    """Put load on ``running`` until it ends by itself."""
    return end_load(start_load(running, work, texts, **plan))


def throughput(checkpoint: Path, work: Path, texts: list[str], clients: list[int], seconds: float) -> Figures:
    """Measure all servers with each number of clients."""
    servers: dict[str, Callable[[Path, Path], AbstractContextManager[Running]]] = {
        "netral serve": netral,
        "mlflow models serve, registered": mlflow_registered,
        "mlflow models serve, transformers": mlflow_transformers,
        "FastAPI + transformers.pipeline": plain,
    }
    figures: Figures = {}
    for name, start in servers.items():
        with start(checkpoint, work) as running:
            load(running, work, texts, clients=4, seconds=min(seconds, 3))
            figures[name] = [
                {"clients": number} | load(running, work, texts, clients=number, seconds=seconds) for number in clients
            ]
    return figures


def at_equal_p99(ours: list[Figures], theirs: list[Figures]) -> tuple[float, float, float]:
    """Return their best throughput, its p99, and our best throughput with a p99 that is not above it."""
    best = max(theirs, key=lambda figures: figures["answers_per_second"])
    bound = best["milliseconds"]["200"]["p99"]
    within = [figures["answers_per_second"] for figures in ours if figures["milliseconds"]["200"]["p99"] <= bound]
    return best["answers_per_second"], bound, max(within, default=0.0)


def idle(checkpoint: Path, work: Path, texts: list[str], seconds: float) -> Figures:
    """Measure one client, one sentence at a time, and the model alone on the same sentences."""
    with netral(checkpoint, work, ("--workers", "1")) as running:
        load(running, work, texts, clients=1, seconds=min(seconds, 2))
        served = load(running, work, texts, clients=1, seconds=seconds)
    classifier = Classifier(checkpoint)
    times = []
    end = time.perf_counter() + seconds
    for text in texts * 100:
        started = time.perf_counter()
        classifier.labels(classifier.score([text]))
        times.append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > end:
            break
    model = {"p50": quantile(times, 0.5), "p99": quantile(times, 0.99)}
    return {"served": served, "model": model}


def overload(checkpoint: Path, work: Path, texts: list[str], seconds: float, long: float) -> Figures:
    """Measure a load that the server holds with ease, the most that it does, and twice that; memory once a second meanwhile.

    The most that it does, as a closed loop finds it, fills the queue as soon as it comes at random times: latency at that load is that of
    a full queue already, which is why a lighter load is measured too.
    """
    with netral(checkpoint, work) as running:
        capacity = load(running, work, texts, clients=MANY, seconds=seconds)["answers_per_second"]
        below = load(running, work, texts, rate=BELOW * capacity, seconds=long)
        full = load(running, work, texts, rate=capacity, seconds=long)
        loading = start_load(running, work, texts, rate=2 * capacity, seconds=long)
        memory = []
        while loading.poll() is None:
            memory.append(running.memory())
            time.sleep(1)
        twice = end_load(loading)
        # What the load and the front process take at this rate where nothing is computed.
        empty = end_load(
            _load_process({"url": running.url, "path": "/healthz", "rate": 2 * capacity, "seconds": seconds})
        )
        return {
            "capacity": capacity,
            "below": below,
            "full": full,
            "twice": twice,
            "empty": empty,
            "memory": memory,
        }


def stop(checkpoint: Path, work: Path, texts: list[str], times: int) -> Figures:
    """Send SIGTERM under load, again and again. Lost is what the server accepted and no client has an answer of."""
    figures: Figures = {"times": times, "accepted": 0, "lost": 0, "seconds": [], "outcomes": Counter()}
    for number in range(times):
        with netral(checkpoint, work) as running:
            loading = start_load(running, work, texts, clients=16, seconds=60)
            time.sleep(1.0 + random.Random(number).random())
            started = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            status = running.process.wait(60)
            figures["seconds"].append(time.monotonic() - started)
            outcomes = Counter(end_load(loading)["outcomes"])
            found = re.search(r"stopped: (\d+) requests accepted, (\d+) answered", running.log.read_text())
            assert status == 0, f"exit status {status}: {running.log.read_text()}"
            assert found, running.log.read_text()
            # The request that found the server ready was accepted too.
            accepted = int(found[1]) - 1
            figures["accepted"] += accepted
            figures["lost"] += accepted - outcomes["200"] + outcomes["broken"]
            figures["outcomes"] += outcomes
    return figures


def swap(checkpoint: Path, work: Path, texts: list[str], times: int) -> Figures:
    """Put another checkpoint in the place of the one that is served, again and again, under load."""
    served = Path(shutil.copytree(checkpoint, work / "served"))
    notes = ["one", "another"]
    with netral(served, work) as running:
        loading = start_load(running, work, texts, clients=16, seconds=1_000_000)
        seconds = []
        for number in range(times):
            new = renamed_checkpoint(checkpoint, work / "new", notes[number % 2])
            version = open_checkpoint(new).version
            served.rename(work / "old")
            new.rename(served)
            shutil.rmtree(work / "old")
            started = time.monotonic()
            running.process.send_signal(signal.SIGHUP)
            while _version(running) != version:
                assert time.monotonic() < started + 120, running.log.read_text()
                time.sleep(0.1)
            seconds.append(time.monotonic() - started)
        loading.send_signal(signal.SIGINT)
        outcomes = Counter(end_load(loading)["outcomes"])
    return {"times": times, "seconds": seconds, "outcomes": outcomes}


def _version(running: Running) -> str:
    with urlopen(f"{running.url}/v1/checkpoint", timeout=30) as answer:
        return str(json.load(answer)["version"])


def table(figures: Figures) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| figure | measured | bar |", "|---|---|---|"]
    for name, servers in figures.items():
        if name.startswith("throughput"):
            ours = servers["netral serve"]
            for rival in [name for name in servers if name != "netral serve"]:
                theirs, bound, answered = at_equal_p99(ours, servers[rival])
                measured = f"{answered:.0f} to {theirs:.1f} sentences/s at p99 <= {bound:.0f} ms: {answered / theirs:.1f} times"
                lines.append(f"| {name} against {rival} | {measured} | 4 times |")
    if found := figures.get("idle"):
        served, model = found["served"]["milliseconds"]["200"], found["model"]
        beyond = [served[share] - model[share] for share in ("p50", "p99")]
        lines.append(
            f"| one sentence, idle, beyond the model's {model['p50']:.1f} / {model['p99']:.1f} ms "
            f"| {beyond[0]:.1f} / {beyond[1]:.1f} ms | 3 / 10 ms |"
        )
    if found := figures.get("overload"):
        twice, memory = found["twice"], found["memory"]
        p99, full, below = (found[name]["milliseconds"]["200"]["p99"] for name in ("twice", "full", "below"))
        outcomes = found["full"]["outcomes"]
        share = outcomes.get("429", 0) / sum(outcomes.values())
        third = max(len(memory) // 3, 1)
        growth = max(memory[-third:]) / max(memory[:third]) - 1
        nothing = {"p99": float("nan")}
        refused, late = (twice[what].get("429", nothing)["p99"] for what in ("milliseconds", "lag_milliseconds"))
        empty = found["empty"]["milliseconds"].get("200", nothing)["p99"]
        others = {outcome: count for outcome, count in twice["outcomes"].items() if outcome not in ("200", "429")}
        lines += [
            f"| twice {found['capacity']:.0f}/s: p99 of accepted, to that at {100 * BELOW:.0f} % of it | "
            f"{p99:.0f} / {below:.0f} ms: {p99 / below:.2f} times | 3 times |",
            f"| the same, to that at all of it, of which {100 * share:.1f} % get 429 | "
            f"{p99:.0f} / {full:.0f} ms: {p99 / full:.2f} times | 3 times |",
            f"| 429 within, p99 | {refused:.1f} ms, sent {late:.1f} ms late; at the same rate `/healthz` "
            f"takes {empty:.1f} ms | 50 ms |",
            f"| neither answered nor 429 | {others or 'none'} of {sum(twice['outcomes'].values())} | none |",
            f"| memory, last third to first | {100 * growth:+.1f} % of {max(memory) / 2**20:.0f} MiB | flat |",
        ]
    if found := figures.get("stop"):
        lines.append(
            f"| SIGTERM under load, {found['times']} times: accepted requests lost | {found['lost']} of {found['accepted']}, "
            f"ended within {max(found['seconds']):.1f} s | none |"
        )
    if found := figures.get("swap"):
        failed = {outcome: count for outcome, count in found["outcomes"].items() if outcome != "200"}
        lines.append(
            f"| checkpoint swapped under load, {found['times']} times: requests failed | {failed or 'none'} of "
            f"{found['outcomes']['200']}, swapped within {max(found['seconds']):.1f} s | none |"
        )
    return lines


if __name__ == "__main__":
    typer.run(main)
