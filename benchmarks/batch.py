"""Batch classification from files to files: netral beside what its users could take instead, and beside what the machine can do.

    python benchmarks/batch.py [--part encoder ...] [--articles 2000] [--rounds 3] [--out reports/benchmarks/batch.json]

| part | what | minutes on two cores |
|---|---|---|
| encoder | all contenders on the checkpoint that ships | 16 |
| base | the same in the shape of IndoBERT-base, random weights | 25 |
| ray | the local engine beside Ray | 4 |
| growth | time and memory of ``--growth 1000,10000,100000`` articles | 30, of which 26 for the last |

Every part replaces its own figures in ``--out``, growth those of its sizes, so that they can be run one by one. Contenders label
the same sentences, interleaved, round after round; a figure is the median of its rounds. netral is timed from its start as a
command to its end; the others without their imports and the loading of their models. Slow contenders get a share of the
articles. ``--articles 40 --base-articles 10 --rounds 1 --growth 50,100`` tries everything out.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
import pyarrow.parquet as pq
import typer
from batch_inputs import write_articles
from rich.console import Console
from rich.table import Table
from serving_servers import random_checkpoint

from pipeline.classifier.cpus import usable_cpus
from pipeline.files import write_json

Part = Literal["encoder", "base", "ray", "growth"]
PARTS: list[Part] = ["encoder", "base", "ray", "growth"]
BATCH_SIZES = (1, 8, 32)
# Layers, width and heads of IndoBERT-base.
BASE = (12, 768, 12)
Figures = dict[str, Any]


def memory_of(process: psutil.Process) -> int:
    """Return the bytes of a process and its children: shared pages are divided among those who share them."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, AttributeError):
            continue
    return total


def run(command: list[str]) -> tuple[str, float, int]:
    """Run a command and return what it printed, its seconds, and the peak of its memory."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        # Not more often: looking for the children of a process takes some milliseconds.
        while not ended.wait(1):
            try:
                peak = max(peak, memory_of(psutil.Process(process.pid)))
            except psutil.NoSuchProcess:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    printed, errors = process.communicate()
    seconds = time.perf_counter() - begun
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} fails:\n{errors[-2000:]}")
    return printed, seconds, peak


def netral(file: Path, checkpoint: Path, out: Path, processes: int, *options: str) -> Figures:
    """``netral classify`` as users start it."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline.cli", "classify", str(file), "--checkpoint", str(checkpoint)]
    command += ["--out", str(out), "--processes", str(processes), *options]
    _, seconds, peak = run(command)
    tables = [
        [pq.read_metadata(part).num_rows for part in (out / name).iterdir()] for name in ("articles", "sentences")
    ]
    return {"seconds": seconds, "articles": sum(tables[0]), "sentences": sum(tables[1]), "peak_bytes": peak}


def contender(name: str, file: Path, checkpoint: Path, out: Path, threads: int, batch_size: int = 32) -> Figures:
    shutil.rmtree(out.with_suffix(""), ignore_errors=True)
    script = Path(__file__).with_name("batch_contenders.py")
    command = [sys.executable, str(script), name, str(file), str(checkpoint), "--batch-size", str(batch_size)]
    printed, _, peak = run([*command, "--threads", str(threads), "--out", str(out)])
    return {**json.loads(printed.splitlines()[-1]), "peak_bytes": peak}


def bare_loops(halves: list[Path], checkpoint: Path, out: Path) -> Figures:
    """The bare loop, one process of one thread for each of ``halves``, at the same time."""
    results: list[Figures] = []
    loops = [
        threading.Thread(
            target=lambda half=half: results.append(contender("bare_loop", half, checkpoint, out, threads=1))
        )
        for half in halves
    ]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    total: Figures = {name: sum(result[name] for result in results) for name in ("articles", "sentences", "operations")}
    return {**total, "seconds": max(result["seconds"] for result in results)}


def compare(corpus: Path, count: int, share: float, checkpoint: Path, folder: Path, rounds: int) -> Figures:
    """Run all contenders on one checkpoint, interleaved: the slow ones on a ``share`` of ``count`` articles."""
    cpus = usable_cpus()
    articles, shared = folder / "all.jsonl", folder / "shared.jsonl"
    write_articles(corpus, count, articles)
    lines = articles.read_bytes().splitlines(keepends=True)
    shared.write_bytes(b"".join(lines[: max(int(count * share), 10)]))
    halves = [folder / f"half-{number}.jsonl" for number in range(cpus)]
    for number, half in enumerate(halves):
        half.write_bytes(b"".join(lines[number::cpus]))
    found: dict[str, list[Figures]] = defaultdict(list)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        found["matrix product"].append(contender("matrix_product", shared, checkpoint, folder / "x.parquet", cpus))
        found["bare loop"].append(bare_loops(halves, checkpoint, folder / "bare.parquet"))
        found[f"netral, {cpus} processes"].append(netral(articles, checkpoint, folder / "out", cpus))
        for batch_size in BATCH_SIZES:
            name = f"transformers, batch {batch_size}"
            found[name].append(contender("transformers", shared, checkpoint, folder / "x.parquet", cpus, batch_size))
        found["onnxruntime, batch 32"].append(contender("plain_onnx", shared, checkpoint, folder / "x.parquet", cpus))
        found["netral, 1 process"].append(netral(articles, checkpoint, folder / "out", 1))
        found["TF-IDF and logistic regression"].append(
            contender("tfidf", articles, checkpoint, folder / "x.parquet", cpus)
        )
        found["steps"].append(contender("steps", shared, checkpoint, folder / "steps.parquet", 1))
    return summarise(found, f"netral, {cpus} processes")


def rates_of(found: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Return the median rates of every contender, and the peak of its memory."""
    return {
        name: {
            "sentences_per_second": statistics.median(one["sentences"] / one["seconds"] for one in runs),
            "articles_per_second": statistics.median(one["articles"] / one["seconds"] for one in runs),
            "peak_bytes": max(one.get("peak_bytes", 0) for one in runs),
        }
        for name, runs in found.items()
        if runs[0]["seconds"]
    }


def summarise(found: dict[str, list[Figures]], ours: str) -> Figures:
    """Take medians, and set the ratios that matter beside them."""
    rates = rates_of(found)
    spent = {
        step: statistics.median(run["steps"][step] for run in found["steps"]) for step in found["steps"][0]["steps"]
    }
    product = statistics.median(run["operations_per_second"] for run in found["matrix product"])
    rate = rates[ours]["sentences_per_second"]
    per_sentence = statistics.median(run["operations"] / run["sentences"] for run in found["bare loop"])
    others = max(figures["sentences_per_second"] for name, figures in rates.items() if name.startswith("transformers"))
    return {
        "rates": {name: figures for name, figures in rates.items() if name != "steps"},
        "times_transformers": rate / others,
        "share_of_bare_loop": rate / rates["bare loop"]["sentences_per_second"],
        "operations_per_second": rate * per_sentence,
        "matrix_product_operations_per_second": product,
        "times_matrix_product": rate * per_sentence / product,
        "share_of_time": {step: seconds / sum(spent.values()) for step, seconds in spent.items()},
    }


def engines(corpus: Path, count: int, checkpoint: Path, folder: Path, rounds: int) -> Figures:
    """Run the local engine and Ray, interleaved; both are timed with their start."""
    articles = folder / "all.jsonl"
    write_articles(corpus, count, articles)
    found: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(rounds):
        for engine in ("local", "ray"):
            found[engine].append(netral(articles, checkpoint, folder / "out", usable_cpus(), "--engine", engine))
    return rates_of(found)


def growth(size: int, corpus: Path, checkpoint: Path, folder: Path) -> Figures:
    """Classify ``size`` articles, and watch time and memory."""
    articles = folder / "growth.jsonl"
    write_articles(corpus, size, articles)
    figures = netral(articles, checkpoint, folder / "out", usable_cpus())
    return {**figures, "input_bytes": articles.stat().st_size}


def show_rates(name: str, rates: dict[str, Figures], console: Console) -> None:
    table = Table("contender", "sentences/s", "articles/s", "peak MiB", title=name)
    for contestant, rate in rates.items():
        numbers = (rate["sentences_per_second"], rate["articles_per_second"], rate["peak_bytes"] / 2**20)
        table.add_row(contestant, *(f"{number:.1f}" for number in numbers))
    console.print(table)


def show(name: str, figures: Figures, console: Console) -> None:
    show_rates(name, figures["rates"], console)
    console.print(
        f"{figures['times_transformers']:.1f} times transformers at its best; {figures['share_of_bare_loop']:.1%} of the bare loop; "
        f"{figures['operations_per_second'] / 1e9:.0f} GFLOP/s, {figures['times_matrix_product']:.2f} times the fp32 matrix product; "
        + ", ".join(f"{step} {share:.1%}" for step, share in figures["share_of_time"].items()),
        highlight=False,
    )


def main(
    part: Annotated[list[str], typer.Option(help=f"Of {', '.join(PARTS)}; can be repeated.")] = PARTS,  # type: ignore[assignment]
    articles: Annotated[int, typer.Option(help="For the encoder that ships, and for Ray.")] = 2000,
    share: Annotated[float, typer.Option(help="Of the articles that slow contenders get.")] = 0.25,
    base_articles: Annotated[int, typer.Option(help="For the shape of IndoBERT-base.")] = 240,
    base_share: Annotated[float, typer.Option(help="Of them that slow contenders get.")] = 0.125,
    rounds: Annotated[int, typer.Option(help="In which all contenders take their turn.")] = 3,
    sizes: Annotated[str, typer.Option("--growth", help="Numbers of articles.")] = "1000,10000,100000",
    corpus: Annotated[Path, typer.Option(help="Articles to vary.")] = Path("data/articles"),
    checkpoint: Annotated[Path, typer.Option(help="An exported checkpoint.")] = Path("models/exported"),
    out: Annotated[Path, typer.Option(help="JSON file for all figures.")] = Path("reports/benchmarks/batch.json"),
) -> None:
    if unknown := set(part) - set(PARTS):
        raise SystemExit(f"unknown part {', '.join(unknown)}; expected {', '.join(PARTS)}")
    console = Console(width=120)
    results: Figures = json.loads(out.read_text()) if out.exists() else {}

    def keep(name: str, figures: Figures) -> None:
        results[name] = {"cpus": usable_cpus(), **figures}
        write_json(out, results)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "encoder" in part:
            keep("encoder", compare(corpus, articles, share, checkpoint, folder, rounds))
            show("the encoder that ships", results["encoder"], console)
        if "base" in part:
            base = random_checkpoint(checkpoint, folder / "base", *BASE)
            keep("base", compare(corpus, base_articles, base_share, base, folder, rounds))
            show("the shape of IndoBERT-base", results["base"], console)
        if "ray" in part:
            keep("ray", {"rates": engines(corpus, articles, checkpoint, folder, rounds)})
            show_rates("engines", results["ray"]["rates"], console)
        for size in sizes.split(",") if "growth" in part else ():
            keep(f"growth to {size}", figures := growth(int(size), corpus, checkpoint, folder))
            console.print(
                f"{size} articles: {figures['seconds']:.0f} s, {figures['articles'] / figures['seconds']:.1f} articles/s, "
                f"{figures['peak_bytes'] / 2**20:.0f} MiB",
                highlight=False,
            )


if __name__ == "__main__":
    typer.run(main)
