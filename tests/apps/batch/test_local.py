"""The local engine: several processes, killed ones, and the bytes that must not depend on any of it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from pipeline.apps import classify as module
from pipeline.apps.batch.local import run_local
from pipeline.apps.batch.run_folder import begin
from pipeline.apps.classify import classify
from pipeline.classifier.checkpoint import MANIFEST, version_of
from pipeline.errors import InputError

SHARD = 400


@pytest.fixture
def news(tmp_path) -> Path:
    """Twenty articles, one broken line and one id that comes twice in a row."""
    rows = [
        json.dumps({"id": f"a-{number}", "text": f"Camat meminta {number} pegawai netral. Surat suara tiba."})
        for number in range(20)
    ]
    path = tmp_path / "news.jsonl"
    path.write_text("\n".join([*rows[:5], rows[4], "{", *rows[5:]]) + "\n")
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


@pytest.fixture
def whole(checkpoint, news, tmp_path) -> dict[str, bytes]:
    """The files of a run of one process that nothing happened to."""
    classify([str(news)], checkpoint, tmp_path / "whole", processes=1, shard_bytes=SHARD)
    return files(tmp_path / "whole")


def test_processes_do_not_change_a_byte_and_a_killed_one_is_replaced(checkpoint, news, whole, tmp_path, monkeypatch):
    killed = []

    def killing_one(shards, job, workers, processes, report):
        def then_kill(counts):
            report(counts)
            if not killed and active_children():
                killed.append(active_children()[0])
                killed[0].kill()

        run_local(shards, job, workers, processes, then_kill)

    monkeypatch.setattr(module, "run_local", killing_one)
    counts = classify([str(news)], checkpoint, tmp_path / "out", processes=2, shard_bytes=SHARD)
    assert killed
    assert (counts.records, counts.rejects) == (20, 2)
    assert files(tmp_path / "out") == whole


def test_shard_that_ends_its_process_twice_ends_the_run_in_one_line(checkpoint, news, tmp_path):
    ended = threading.Event()

    def kill_all() -> None:
        while not ended.wait(0.05):
            for child in active_children():
                child.kill()

    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        with pytest.raises(InputError, match=r"^shard \d+ \('.*news\.jsonl'\) ended its process twice \(SIGKILL\);"):
            classify([str(news)], checkpoint, tmp_path / "out", processes=2, shard_bytes=SHARD)
    finally:
        ended.set()
        killer.join()


def test_checkpoint_that_is_replaced_in_mid_run_ends_it_in_one_line(checkpoint, news, tmp_path, monkeypatch):
    """Its predictions would be mixed with those of the one that the run began with."""
    mine = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, mine)

    def exporting_again(*given):
        content = json.loads((mine / MANIFEST).read_text()) | {"precision_reason": "another one"}
        (mine / MANIFEST).write_text(json.dumps(content | {"version": version_of(content)}))
        return begin(*given)

    monkeypatch.setattr(module, "begin", exporting_again)
    # The workers that start with the run may have read the first one.
    monkeypatch.setattr(module, "text_bytes", lambda *_: 0)
    with pytest.raises(InputError, match=r"checkpoint: was replaced by another checkpoint in mid-run; put it back"):
        classify([str(news)], mine, tmp_path / "out", processes=2, shard_bytes=SHARD)


def test_log_says_how_far_a_run_is(checkpoint, news, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.apps.batch.progress._LOG_EVERY", 0)
    classify([str(news)], checkpoint, tmp_path / "out", processes=1, shard_bytes=SHARD)
    first, *_, last, _ = said = capsys.readouterr().err.splitlines()
    total = len(said) - 1
    assert re.fullmatch(rf"1 of {total} shards, \d+ sentences, \d+ a second", first)
    assert re.fullmatch(rf"{total} of {total} shards, 40 sentences, \d+ a second", last)
    classify([str(news)], checkpoint, tmp_path / "out", processes=1, shard_bytes=SHARD)
    assert capsys.readouterr().err.splitlines()[0] == f"{total} of {total} shards are done already"


def start(news: Path, out: Path, checkpoint: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.cli", "classify", news, "--out", out, "--checkpoint", checkpoint]
    command += ["--processes", "2", "--shard-megabytes", str(SHARD / 2**20)]
    return subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True, cwd=Path.cwd())


def wait_for_a_shard(out: Path) -> None:
    until = time.monotonic() + 120
    while not any((out / "done").glob("*")) and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_run_goes_on_and_ends_with_the_same_bytes(checkpoint, news, whole, tmp_path, number, status):
    out = tmp_path / "out"
    process = start(news, out, checkpoint)
    wait_for_a_shard(out)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    # It may have been done already.
    assert process.returncode in {status, 0}, said
    if process.returncode > 0:
        assert said.splitlines()[-1] == "netral: stopped; the same command goes on where it was"
    classify([str(news)], checkpoint, out, processes=1, shard_bytes=SHARD)
    assert files(out) == whole


def test_workers_do_not_outlive_a_killed_parent(checkpoint, news, tmp_path):
    import psutil

    out = tmp_path / "out"
    process = start(news, out, checkpoint)
    wait_for_a_shard(out)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


def test_two_runs_do_not_write_to_one_folder_at_once(checkpoint, news, tmp_path):
    import fcntl

    out = tmp_path / "out"
    out.mkdir()
    descriptor = os.open(out / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(InputError, match="another 'netral classify' is writing there"):
            classify([str(news)], checkpoint, out)
    finally:
        os.close(descriptor)
    assert classify([str(news)], checkpoint, out).records  # the file that a killed run leaves behind keeps nobody out
    assert not (out / ".lock").exists()
