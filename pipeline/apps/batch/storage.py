"""Where output goes: a folder on disk, or a prefix of an object store. Every file appears whole or not at all."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.corpus.input_files import is_url, one_line
from pipeline.files import sync_folder

# Folder of what is being made, within the output.
PARTIAL = ".partial"
# File that keeps others out of it.
LOCK = ".lock"


def _system(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    return system, path


def join(folder: str, *names: str) -> str:
    return "/".join([folder.rstrip("/"), *names]) if is_url(folder) else str(Path(folder, *names))


def publish(made: Path, target: str) -> None:
    """Give the whole file ``made`` its final name; on disk it must lie on the same file system.

    An object store shows an object only when it is complete, so that it needs no renaming.
    """
    if is_url(target):
        with one_line(target):
            system, path = _system(target)
            system.put_file(str(made), path)
        return
    folder = Path(target).parent
    folder.mkdir(parents=True, exist_ok=True)
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.replace(target)
    sync_folder(folder)


@contextmanager
def scratch(out: str) -> Iterator[Path]:
    """Yield an empty folder for files that are being made: within ``out``, or a temporary one for an object store."""
    if is_url(out):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    # A name that nobody else has: a worker that was given up may still be writing the same files.
    mine = Path(out, PARTIAL, uuid.uuid4().hex)
    mine.mkdir(parents=True)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)


def write_bytes(folder: str, name: str, content: bytes) -> None:
    """Write a small file whole."""
    with scratch(folder) as made:
        (made / "file").write_bytes(content)
        publish(made / "file", join(folder, name))


def read_bytes(target: str) -> bytes | None:
    """Return the content of a file, or ``None`` if there is none."""
    if not is_url(target):
        return Path(target).read_bytes() if Path(target).is_file() else None
    with one_line(target):
        system, path = _system(target)
        system.invalidate_cache()
        try:
            content: bytes = system.cat_file(path)
        except FileNotFoundError:
            return None
        return content


def sizes(folder: str) -> dict[str, int]:
    """Return the bytes of every file below ``folder``, by its name from there on; half-made ones and the lock are none."""
    if not is_url(folder):
        root = Path(folder)
        names = {file.relative_to(root): file for file in root.rglob("*") if file.is_file()}
        return {
            name.as_posix(): file.stat().st_size for name, file in names.items() if name.parts[0] not in {PARTIAL, LOCK}
        }
    with one_line(folder):
        system, path = _system(folder)
        system.invalidate_cache()
        found = system.find(path, detail=True)
    return {name[len(path) :].lstrip("/"): int(info["size"]) for name, info in found.items()}


def remove(folder: str, names: Iterable[str]) -> None:
    """Remove files, and what killed processes have left half made."""
    for name in names:
        target = join(folder, name)
        if is_url(target):
            with one_line(target):
                system, path = _system(target)
                system.rm_file(path)
        else:
            Path(target).unlink(missing_ok=True)
    if not is_url(folder):
        shutil.rmtree(Path(folder, PARTIAL), ignore_errors=True)
