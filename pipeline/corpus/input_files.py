"""The files of an input: found in folders and by globs, told apart by their names, opened as bytes, compressed or not."""

import gzip
import io
import zlib
from collections.abc import Iterable
from glob import glob, has_magic
from pathlib import Path

from pipeline.errors import InputError

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet", ".txt", ".html", ".htm")
_COMPRESSED = (".gz", ".zst")


def find_files(inputs: Iterable[str]) -> list[Path]:
    """Return the readable files among ``inputs``: files, folders (searched recursively) and globs; each once, sorted within its input.

    Raises:
        InputError: an input does not exist, is of an unknown kind, or holds no readable file.
    """
    files: dict[Path, None] = {}
    for name in inputs:
        path = Path(name)
        if path.is_file():
            if not kind_of(path):
                raise InputError(
                    f"{path}: unknown kind of file; expected one of {', '.join(SUFFIXES)}, also with .gz or .zst"
                )
            found = [path]
        elif path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.is_file() and kind_of(file))
        elif has_magic(name):
            matches = map(Path, glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            found = sorted(file for file in matches if file.is_file() and kind_of(file))
        else:
            raise InputError(f"{name}: no such file or folder")
        if not found:
            raise InputError(
                f"{name}: holds no file that can be read; expected {', '.join(SUFFIXES)}, also with .gz or .zst"
            )
        files.update(dict.fromkeys(found))
    return list(files)


def kind_of(path: Path) -> str:
    """Return the suffix that names the format, compression aside, or an empty string."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in _COMPRESSED
    kind = suffixes[-1 - compressed] if len(suffixes) > compressed else ""
    # Parquet compresses itself and must be read out of order.
    return kind if kind in SUFFIXES and not (compressed and kind == ".parquet") else ""


def open_bytes(path: Path) -> io.BufferedReader | gzip.GzipFile:
    """Open a file to be read, through ``.gz`` or ``.zst`` if it has one."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return gzip.open(path, "rb")
    if suffix == ".zst":
        import pyarrow as pa

        # Unlike the stream reader of ``zstandard``, it tells a truncated file from a whole one.
        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
    return path.open("rb")


# What reading raises where a file is damaged or cannot be had.
READ_ERRORS = (OSError, EOFError, zlib.error)
