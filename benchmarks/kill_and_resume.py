"""Runs killed by SIGKILL at random moments, then resumed: each must end with the bytes of a run that was never killed.

    python benchmarks/kill_and_resume.py [--runs 100] [--articles 40] [--out reports/benchmarks/kill_and_resume.json]

Every run is killed in mid-run once at least; each start has one process or two, drawn at random. Rejects are among the bytes:
the input has broken lines, and an id that comes twice.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import typer

from pipeline.files import write_json


def files_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder``, by name."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def write_input(path: Path, articles: Path, count: int) -> None:
    """Write the first ``count`` articles of a corpus with broken lines and a repeated one between them."""
    lines = [line for file in sorted(articles.glob("*.jsonl")) for line in file.read_text().splitlines()][:count]
    for number in range(5, len(lines), 17):
        lines[number] = lines[number][: 40 + number]
    lines.insert(len(lines) // 2, lines[len(lines) // 2])
    path.write_text("\n".join(lines) + "\n")


def main(
    runs: int = 100,
    articles: int = 40,
    corpus: Path = Path("data/articles"),
    checkpoint: Path = Path("models/exported"),
    shards: int = 10,
    seed: int = 0,
    out: Path = Path("reports/benchmarks/kill_and_resume.json"),
) -> None:
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_input(folder / "news.jsonl", corpus, articles)
        megabytes = (folder / "news.jsonl").stat().st_size / 2**20 / shards
        whole, killed = folder / "whole", folder / "killed"

        def start(target: Path) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "pipeline.cli", "classify", str(folder / "news.jsonl")]
            command += ["--out", str(target), "--checkpoint", str(checkpoint)]
            command += ["--processes", str(generator.randint(1, 2)), "--shard-megabytes", f"{megabytes:.6f}"]
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        begun = time.monotonic()
        if start(whole).wait():
            raise SystemExit("the run that is not killed fails")
        seconds = time.monotonic() - begun
        expected = files_of(whole)
        identical = kills = began = 0
        for number in range(runs):
            shutil.rmtree(killed, ignore_errors=True)
            due = generator.choice((1, 1, 1, 2))
            while due:
                process = start(killed)
                time.sleep(generator.uniform(0, seconds))
                process.kill()
                if process.wait() == -signal.SIGKILL:
                    due -= 1
                    kills += 1
                elif process.returncode == 0:  # it was through before it could be killed
                    shutil.rmtree(killed)
                else:
                    raise SystemExit(f"run {number}: a run that is to be killed fails")
            began += any(killed.glob("done/*"))
            if start(killed).wait():
                raise SystemExit(f"run {number}: the run that goes on fails")
            found = files_of(killed)
            identical += found == expected
            if found != expected:
                differing = sorted(
                    file for file in found.keys() | expected.keys() if found.get(file) != expected.get(file)
                )
                print(f"run {number} differs in {', '.join(differing[:5])}")
            if os.isatty(1) or number % 10 == 9:
                print(f"{number + 1} runs, {kills} kills, {identical} identical", flush=True)
    print(
        f"{identical} of {runs} runs identical; {kills} kills in mid-run; {began} runs went on behind shards that were done; "
        f"{len(expected)} files each"
    )
    figures = {"runs": runs, "identical": identical, "kills": kills, "went_on": began, "files": len(expected)}
    write_json(out, figures)
    if identical < runs:
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
