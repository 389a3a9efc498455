"""Batch classification from files to files: netral beside what its users could take instead, and beside what the machine can do.

    python benchmarks/batch.py [--articles 2000] [--rounds 3] [--growth 1000,10000,100000] [--no-base] [--out reports/benchmarks/batch.json]

All contenders label the same sentences, interleaved, round after round; a figure is the median of its rounds. netral is
timed from its start as a command to its end; the others without their imports and the loading of their models. Slow
contenders get a share of the articles (``--share``). ``--articles 40 --rounds 1 --growth 100 --base-articles 10`` tries everything out.
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
from typing import Any

import psutil
import pyarrow.parquet as pq
import typer
from batch_inputs import write_articles, write_base_checkpoint
from rich.console import Console
from rich.table import Table

from pipeline.classifier.cpus import usable_cpus
from pipeline.files import write_json

BATCH_SIZES = (1, 8, 32)
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
        while not ended.wait(0.2):
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


def compare(
    articles: Path, shared: Path, halves: list[Path], checkpoint: Path, folder: Path, rounds: int, ray: bool
) -> Figures:
    """Run all contenders on one checkpoint, interleaved."""
    cpus = usable_cpus()
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
        if ray:
            found["netral, Ray"].append(netral(articles, checkpoint, folder / "out", cpus, "--engine", "ray"))
        found["steps"].append(contender("steps", shared, checkpoint, folder / "steps.parquet", 1))
    return summarise(found, f"netral, {cpus} processes")


def summarise(found: dict[str, list[Figures]], ours: str) -> Figures:
    """Take medians, and set the ratios that matter beside them."""
    rates = {
        name: {
            "sentences_per_second": statistics.median(one["sentences"] / one["seconds"] for one in runs),
            "articles_per_second": statistics.median(one["articles"] / one["seconds"] for one in runs),
            "peak_bytes": max(one.get("peak_bytes", 0) for one in runs),
        }
        for name, runs in found.items()
        if runs[0]["seconds"]
    }
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


def growth(sizes: list[int], corpus: Path, checkpoint: Path, folder: Path) -> list[Figures]:
    """Classify more and more articles, and watch time and memory."""
    measured = []
    for size in sizes:
        write_articles(corpus, size, folder / "growth.jsonl")
        figures = netral(folder / "growth.jsonl", checkpoint, folder / "out", usable_cpus())
        measured.append({**figures, "input_bytes": (folder / "growth.jsonl").stat().st_size})
        print(f"{size} articles: {figures['seconds']:.0f} s, {figures['peak_bytes'] / 2**20:.0f} MiB", flush=True)
    return measured


def show(name: str, figures: Figures, console: Console) -> None:
    table = Table("contender", "sentences/s", "articles/s", "peak MiB", title=name)
    for contestant, rate in figures["rates"].items():
        numbers = (rate["sentences_per_second"], rate["articles_per_second"], rate["peak_bytes"] / 2**20)
        table.add_row(contestant, *(f"{number:.1f}" for number in numbers))
    console.print(table)
    console.print(
        f"{figures['times_transformers']:.1f} times transformers at its best; {figures['share_of_bare_loop']:.1%} of the bare loop; "
        f"{figures['operations_per_second'] / 1e9:.0f} GFLOP/s, {figures['times_matrix_product']:.2f} times the fp32 matrix product; "
        + ", ".join(f"{step} {share:.1%}" for step, share in figures["share_of_time"].items()),
        highlight=False,
    )


def main(
    articles: int = 2000,
    share: float = 0.25,
    base_articles: int = 60,
    rounds: int = 3,
    sizes: str = typer.Option("1000,10000,100000", "--growth"),
    base: bool = True,
    ray: bool = True,
    corpus: Path = Path("data/articles"),
    checkpoint: Path = Path("models/exported"),
    out: Path = Path("reports/benchmarks/batch.json"),
) -> None:
    console = Console(width=120)
    results: Figures = {"cpus": usable_cpus()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def measure(count: int, slow: int, model: Path) -> Figures:
            write_articles(corpus, count, folder / "all.jsonl")
            lines = (folder / "all.jsonl").read_bytes().splitlines(keepends=True)
            (folder / "shared.jsonl").write_bytes(b"".join(lines[:slow]))
            halves = [folder / f"half-{number}.jsonl" for number in range(usable_cpus())]
            for number, half in enumerate(halves):
                half.write_bytes(b"".join(lines[number :: len(halves)]))
            return compare(folder / "all.jsonl", folder / "shared.jsonl", halves, model, folder, rounds, ray)

        results["shipped encoder"] = measure(articles, max(int(articles * share), 10), checkpoint)
        show("shipped encoder", results["shipped encoder"], console)
        if base:
            write_base_checkpoint(checkpoint, folder / "base")
            results["shape of IndoBERT-base"] = measure(base_articles, base_articles, folder / "base")
            show("shape of IndoBERT-base", results["shape of IndoBERT-base"], console)
        results["growth"] = growth([int(size) for size in sizes.split(",") if size], corpus, checkpoint, folder)
    write_json(out, results)


if __name__ == "__main__":
    typer.run(main)
