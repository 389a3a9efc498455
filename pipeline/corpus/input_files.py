"""The files of an input: found in folders and by globs, told apart by their names, opened as bytes, compressed or not."""

import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterable
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
        else:
            pattern = Path(name)
            anchor = Path(pattern.anchor) if pattern.anchor else Path()
            relative = str(pattern.relative_to(pattern.anchor)) if pattern.anchor else name
            found = (
                sorted(file for file in anchor.glob(relative) if file.is_file() and kind_of(file))
                if "*" in name or "?" in name
                else []
            )
            if not found and not any(sign in name for sign in "*?["):
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
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in SUFFIXES else ""


def open_bytes(path: Path) -> io.BufferedReader | gzip.GzipFile:
    """Open a file to be read, through ``.gz`` or ``.zst`` if it has one."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return gzip.open(path, "rb")
    if suffix == ".zst":
        import zstandard

        return io.BufferedReader(
            zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
        )
    return path.open("rb")


def read_errors() -> tuple[type[Exception], ...]:
    """Return what reading raises where a file is damaged or cannot be had.

    ``zstandard`` counts only where it is in use: importing it for its error class alone is not worth the time.
    """
    module = sys.modules.get("zstandard")
    return (OSError, EOFError, zlib.error, lzma.LZMAError, *([module.ZstdError] if module else []))
