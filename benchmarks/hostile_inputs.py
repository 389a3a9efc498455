"""Broken and hostile input: no crash, every input in the output, in the rejects or refused in one line, memory bounded.

    python benchmarks/hostile_inputs.py [--inputs 10000] [--out reports/benchmarks/hostile_inputs.json]

Small files are broken at random, from a seed, and classified in runs of ``--per-run``; large ones (a line of 100 MB, archives
that unpack to gigabytes) each in a run of its own, as are links that go round in circles, files without permission
and a disk that runs full.
"""

import ctypes
import gzip
import io
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import typer
import zstandard

from pipeline.corpus.input_files import Part
from pipeline.corpus.readers import Placed, read_part
from pipeline.files import write_json

TEXT = "Camat meminta pegawai netral. Jangan ikut kampanye. Surat suara tiba di gudang kabupaten."
ROWS = [{"id": f"a-{number}", "title": "Apel pagi", "text": f"{TEXT} Hari ke-{number}."} for number in range(8)]
MEGABYTE = 2**20
# One process, whatever the input.
MEMORY_BOUND = 768 * MEGABYTE


def jsonl() -> bytes:
    return "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def comma_separated() -> bytes:
    return ("id,title,text\n" + "".join(f'{row["id"]},{row["title"]},"{row["text"]}"\n' for row in ROWS)).encode()


def parquet(rows: list[dict[str, str]] = ROWS) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def page(text: str = TEXT) -> bytes:
    return f"<html><head><title>Apel</title></head><body><article><p>{text}</p></article></body></html>".encode()


def warc(body: bytes, encoding: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{encoding}\r\n".encode()
    return (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>\r\nWARC-Target-URI: http://warta.example/\r\n"
        "WARC-Date: 2020-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(head) + len(body)}\r\n\r\n"
    ).encode() + (head + body + b"\r\n\r\n")


def fuzzed(content: bytes, generator: random.Random) -> bytes:
    """Change, cut out and insert some bytes."""
    broken = bytearray(content)
    for _ in range(generator.randint(1, 8)):
        at = generator.randrange(len(broken) + 1)
        match generator.randrange(4):
            case 0:
                broken[at : at + 1] = bytes([generator.randrange(256)])
            case 1:
                del broken[at : at + generator.randint(1, 60)]
            case 2:
                broken[at:at] = generator.randbytes(generator.randint(1, 30))
            case _:
                broken[at:at] = generator.choice(
                    [b"\0", b'"', b"\n", b"\\ud800", b"\xff\xfe", b"{", b"[" * 3000, b"\r"]
                )
    return bytes(broken)


def cut(content: bytes, generator: random.Random) -> bytes:
    return content[: generator.randrange(len(content))]


Broken = tuple[str, Callable[[random.Random], bytes]]
SMALL: dict[str, Broken] = {
    "fuzzed JSONL": (".jsonl", lambda g: fuzzed(jsonl(), g)),
    "fuzzed CSV": (".csv", lambda g: fuzzed(comma_separated(), g)),
    "fuzzed Parquet": (".parquet", lambda g: fuzzed(parquet(), g)),
    "fuzzed HTML": (".html", lambda g: fuzzed(page(), g)),
    "fuzzed text": (".txt", lambda g: fuzzed(TEXT.encode(), g)),
    "fuzzed WARC": (".warc", lambda g: fuzzed(warc(page()) * 3, g)),
    "fuzzed gzip": (".jsonl.gz", lambda g: fuzzed(gzip.compress(jsonl()), g)),
    "fuzzed zstd": (".csv.zst", lambda g: fuzzed(zstandard.compress(comma_separated()), g)),
    "truncated gzip": (".jsonl.gz", lambda g: cut(gzip.compress(jsonl()), g)),
    "truncated zstd": (".jsonl.zst", lambda g: cut(zstandard.compress(jsonl()), g)),
    "truncated Parquet": (".parquet", lambda g: cut(parquet(), g)),
    "truncated WARC": (".warc.gz", lambda g: cut(gzip.compress(warc(page())) * 3, g)),
    "encoded WARC": (".warc", lambda g: warc(fuzzed(gzip.compress(page()), g), "Content-Encoding: gzip\r\n")),
    "NUL bytes": (".jsonl", lambda g: jsonl().replace(b"a", b"\0", g.randint(1, 40))),
    "lone surrogates": (".jsonl", lambda g: jsonl().replace(b"Apel", b"\\udc%02x" % g.randrange(256))),
    "nested JSON": (".jsonl", lambda g: b'{"id":' + b"[" * g.randint(1000, 200_000) + b"\n"),
    "nested HTML": (".html", lambda g: b"<div>" * g.randint(500, 50_000) + page()),
    "noise": (".html.gz", lambda g: gzip.compress(g.randbytes(g.randint(0, 4000)))),
    "noise of any kind": (".parquet", lambda g: b"PAR1" + g.randbytes(g.randint(0, 400)) + b"PAR1"),
}


def _gzip_bomb(path: Path, chunk: bytes, times: int) -> None:
    # Compressed once: gzip files may be joined.
    path.write_bytes(gzip.compress(chunk) * times)


def _line(path: Path, before: bytes, after: bytes, megabytes: int) -> None:
    with path.open("wb") as file:
        file.write(before)
        for _ in range(megabytes):
            file.write(b"a" * MEGABYTE)
        file.write(after)


LARGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "line of 100 MB": (".jsonl", lambda p: _line(p, jsonl() + b'{"id": "x", "text": "', b'"}\n' + jsonl()[:90], 100)),
    "field of 100 MB": (".csv", lambda p: _line(p, comma_separated() + b'x,y,"', b'"\nb,c,Apel.\n', 100)),
    "text of 100 MB": (".txt", lambda p: _line(p, b"Judul\n", b"", 100)),
    "page of 100 MB": (".html", lambda p: _line(p, b"<html><p>", b"</p>", 100)),
    "cell of 100 MB": (
        ".parquet",
        lambda p: p.write_bytes(parquet([*ROWS, {"id": "x", "text": "a" * 100 * MEGABYTE}])),
    ),
    "bomb of one line": (".jsonl.gz", lambda p: _gzip_bomb(p, b"\0" * MEGABYTE, 2000)),
    "bomb of empty lines": (".jsonl.gz", lambda p: _gzip_bomb(p, b"\n" * MEGABYTE, 10)),
    "bomb of a quote": (".csv.gz", lambda p: _gzip_bomb(p, b'id,text\n"' + b"a\n" * MEGABYTE, 25)),
    "bomb of a page": (".html.gz", lambda p: _gzip_bomb(p, b"<div>" * MEGABYTE, 400)),
    "bomb in an archive": (
        ".warc",
        lambda p: p.write_bytes(warc(gzip.compress(b"\0" * 500 * MEGABYTE), "Content-Encoding: gzip\r\n")),
    ),
    "400,000 sentences": (".txt", lambda p: p.write_bytes(b"Judul\n" + b"A b. " * 400_000)),
}


def classify(target: Path, checkpoint: Path, out: Path, limit: Callable[[], None] | None = None) -> dict[str, Any]:
    """Run ``netral classify`` in one process, and say how it ended and how much memory it took."""
    command = [sys.executable, "-B", "-m", "pipeline.cli", "classify", str(target), "--out", str(out)]
    command += ["--checkpoint", str(checkpoint), "--processes", "1"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.1):
            try:
                peak = max(peak, psutil.Process(process.pid).memory_info().rss)
            except psutil.NoSuchProcess:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, errors = process.communicate()
    ended.set()
    watcher.join()
    # But for the lines in which a log says now and then how far the run is.
    lines = [line for line in errors.splitlines() if line.strip() and not re.match(r"\d+ of \d+ shards", line)]
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "status": process.returncode,
        "said": lines[-1] if lines else "",
        "one_line": len(lines) <= 1,
        "peak_bytes": peak,
    }


def fault(ended: dict[str, Any]) -> str | None:
    if ended["status"] not in {0, 2} or not ended["one_line"]:
        return f"ended with status {ended['status']}: {ended['said'][:200]}"
    if ended["peak_bytes"] > MEMORY_BOUND:
        return f"took {ended['peak_bytes'] / MEGABYTE:.0f} MiB"
    return None


def small_files(count: int, per_run: int, checkpoint: Path, folder: Path, faults: list[str]) -> Counter[str]:
    """Break ``count`` small files and classify them, some at a time, and alone those of a run that fails."""
    generator = random.Random(0)
    kinds = list(SMALL)
    told: Counter[str] = Counter()
    for start in range(0, count, per_run):
        run = folder / f"run-{start}"
        run.mkdir()
        names = {}
        for number in range(start, min(start + per_run, count)):
            kind = kinds[number % len(kinds)]
            suffix, make = SMALL[kind]
            path = run / f"{number:05d}{suffix}"
            path.write_bytes(make(generator))
            names[path] = kind
        ended = classify(run, checkpoint, folder / f"out-{start}")
        if wrong := fault(ended):
            faults.append(f"files {start} to {start + per_run}: {wrong}")
            continue
        expected = 0
        for path, kind in names.items():
            found = list(read_part(Part(str(path))))
            expected += len(found)
            told["read" if any(isinstance(one, Placed) for one in found) else "rejected"] += 1
            if not found:
                faults.append(f"{kind} ({path.name}): neither read nor rejected")
        marks = [json.loads(mark.read_text())["counts"] for mark in (folder / f"out-{start}/done").iterdir()]
        written = sum(mark["records"] + mark["rejects"] for mark in marks)
        if written != expected:
            faults.append(f"files {start} to {start + per_run}: {written} of {expected} records are in the output")
        print(
            f"{start + len(names)} of {count}; {ended['peak_bytes'] / MEGABYTE:.0f} MiB, {ended['seconds']} s",
            flush=True,
        )
    return told


def obey_permissions() -> None:
    """Take from root, if that is who runs this, the right to read what it may not (prctl, PR_CAPBSET_DROP)."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def special(checkpoint: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """What is wrong with the file system, not with what a file holds."""
    results = {}
    loops = folder / "loops"
    loops.mkdir()
    (loops / "a.jsonl").write_bytes(jsonl())
    (loops / "again").symlink_to(loops)
    (loops / "once-more").symlink_to(loops)
    (loops / "self.jsonl").symlink_to(loops / "self.jsonl")
    results["links in circles"] = classify(loops, checkpoint, folder / "loops-out")
    results["links in circles, by a pattern"] = classify(loops / "**" / "*.jsonl", checkpoint, folder / "loops-out-2")
    closed = folder / "closed"
    closed.mkdir()
    (closed / "a.jsonl").write_bytes(jsonl())
    (closed / "b.jsonl").write_bytes(jsonl())
    (closed / "b.jsonl").chmod(0)
    results["file without permission"] = classify(closed, checkpoint, folder / "closed-out", limit=obey_permissions)
    results["only files without permission"] = classify(
        closed / "b.jsonl", checkpoint, folder / "closed-out-2", limit=obey_permissions
    )
    os.mkfifo(loops / "pipe.jsonl")
    results["a pipe"] = classify(loops, checkpoint, folder / "pipe-out")

    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    (folder / "good.jsonl").write_bytes(jsonl())
    for form in ("", ".jsonl", ".csv", ".parquet"):
        name = f"full disk, {form or 'folder'}"
        results[name] = classify(folder / "good.jsonl", checkpoint, folder / f"full{form}", limit=small_files_only)
    return results


def main(
    inputs: int = 10_000,
    per_run: int = 500,
    large: bool = True,
    checkpoint: Path = Path("models/exported"),
    out: Path = Path("reports/benchmarks/hostile_inputs.json"),
) -> None:
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        results = special(checkpoint, folder)
        print(f"{len(results)} kinds of trouble with the file system", flush=True)
        for kind, (suffix, make) in LARGE.items() if large else ():
            path = folder / f"large{suffix}"
            make(path)
            results[kind] = ended = classify(path, checkpoint, folder / f"out-{kind.replace(' ', '-')}")
            print(
                f"{kind}: {ended['peak_bytes'] / MEGABYTE:.0f} MiB, {ended['seconds']} s: {ended['said'][:150]}",
                flush=True,
            )
            path.unlink()
        faults += [f"{kind}: {wrong}" for kind, ended in results.items() if (wrong := fault(ended))]
        told = small_files(inputs, per_run, checkpoint, folder, faults)
    peak = max(ended["peak_bytes"] for ended in results.values())
    print(f"{inputs + len(results)} inputs: {dict(told)}, {len(faults)} faults, at most {peak / MEGABYTE:.0f} MiB")
    for line in faults:
        print(line)
    write_json(out, {"inputs": inputs, "told": dict(told), "special": results, "faults": faults, "peak_bytes": peak})
    if faults:
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
