"""The files of an input: found in folders, by globs and behind URLs, told apart by their names, opened as bytes."""

import errno
import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipeline.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet", ".txt", ".html", ".htm", ".warc")
_COMPRESSED = (".gz", ".zst")
_EXPECTED = f"{', '.join(SUFFIXES)}, also with .gz or .zst"

# What reading raises where a file is damaged or cannot be had.
READ_ERRORS = (OSError, EOFError, zlib.error)
# What says nothing about the file: a store, a network or a machine in trouble.
_PASSING = {
    errno.EIO,
    getattr(errno, "EREMOTEIO", errno.EIO),  # what s3fs makes of an internal error of the store; Linux alone knows it
    errno.ENOTCONN,
    errno.EBUSY,
    errno.EAGAIN,
    errno.ESTALE,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENETDOWN,
}
_PASSING |= {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT}

# Bytes of one line, row or text: more than any article has (a novel has one million), few enough to hold some of them.
LONGEST_RECORD = 2**21


@dataclass(frozen=True)
class Part:
    """A file, or a stretch of one, that is read in one go.

    Attributes:
        file: a path or a URL.
        start, stop: the stretch, in bytes of JSONL or row groups of Parquet; no ``stop`` means the end of the file.
        line: number of its first line or row.
    """

    file: str
    start: int = 0
    stop: int | None = None
    line: int = 1

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.stop is None


def is_url(name: str | Path) -> bool:
    """Say whether ``name`` is for fsspec to open, such as ``s3://bucket/key``."""
    return "://" in str(name)


def find_files(inputs: Iterable[str]) -> list[str]:
    """Return the files among ``inputs`` that have a kind: files, folders (searched recursively) and globs, local or as URLs.

    Each comes once, sorted within its input, by the first name that leads to it. Links to folders are not followed.

    Raises:
        InputError: an input does not exist, is of an unknown kind, holds no readable file, or a folder may not be listed.
    """
    files: dict[str, str] = {}
    for name in inputs:
        try:
            found = _find_urls(name) if is_url(name) else _find_local(name)
        except OSError as error:  # its name is too long, say
            raise InputError(f"{name}: cannot be opened: {error.strerror}") from None
        for file in found:
            files.setdefault(file if is_url(file) else os.path.realpath(file), file)
    return list(files.values())


def _find_local(name: str) -> list[str]:
    path = Path(name)
    if _is_regular(path):
        return _of_known_kind(name)
    if path.is_dir():
        found = [file for file in _walk(path) if kind_of(file)]
    elif has_magic(name):
        # pathlib, since the glob module follows links round in circles; it takes no absolute pattern.
        anchor = Path(path.anchor)
        try:
            found = [file for file in anchor.glob(str(path.relative_to(anchor))) if _is_regular(file) and kind_of(file)]
        except ValueError as error:
            raise InputError(f"{name}: is no pattern: {error}") from None
    else:
        raise InputError(f"{name}: no such file or folder")
    if not found:
        raise InputError(f"{name}: holds no file that can be read; expected {_EXPECTED}")
    return [str(file) for file in sorted(found)]


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be listed: {error.strerror}; make it readable, or leave it out")

    for parent, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(parent, name) for name in names if _is_regular(Path(parent, name)))


def _is_regular(path: Path) -> bool:
    """Say whether ``path`` is a file, or a link that leads nowhere: its reader rejects it by name. Pipes and devices are none."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _find_urls(name: str) -> list[str]:
    from fsspec.core import url_to_fs

    with one_line(name):
        system, path = url_to_fs(name)
        if system.isfile(path):
            return _of_known_kind(name)
        listed = system.glob(path) if has_magic(path) else system.find(path)
        found = [file for file in listed if kind_of(file) and not (has_magic(path) and system.isdir(file))]
    if not found:
        raise InputError(f"{name}: holds no file that can be read; expected {_EXPECTED}")
    return [system.unstrip_protocol(file) for file in sorted(found)]


@contextmanager
def one_line(url: str, passing: type[Exception] = InputError) -> Iterator[None]:
    """Turn whatever fsspec and the client of a store raise into one line, but for ``passing``.

    Clients have errors of their own: those of botocore are no :class:`OSError`, and share no class with those of others.

    Raises:
        InputError: the store cannot be reached or does not allow it.
    """
    try:
        yield
    except (InputError, passing):
        raise
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{url}: cannot be opened: {said}; check its address and the credentials, and start again"
        ) from error


def _of_known_kind(name: str) -> list[str]:
    if not kind_of(name):
        raise InputError(f"{name}: unknown kind of file; expected one of {_EXPECTED}")
    return [name]


def kind_of(file: str | Path) -> str:
    """Return the suffix that names the format, compression aside, or an empty string."""
    suffixes = [suffix.lower() for suffix in Path(file).suffixes]
    compressed = bool(suffixes) and suffixes[-1] in _COMPRESSED
    kind = suffixes[-1 - compressed] if len(suffixes) > compressed else ""
    # Parquet compresses itself and must be read out of order.
    return kind if kind in SUFFIXES and not (compressed and kind == ".parquet") else ""


def is_compressed(file: str | Path) -> bool:
    return Path(file).suffix.lower() in _COMPRESSED


def stop_if_passing(file: str, error: BaseException) -> None:
    """Raise an error that another try may not meet, since a reject would lose for good what can be read then.

    Raises:
        InputError: the trouble is not the file's.
    """
    denied = is_url(file) and isinstance(error, PermissionError)  # credentials that have run out, or are wrong
    if denied or isinstance(error, ConnectionError | TimeoutError) or getattr(error, "errno", None) in _PASSING:
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{file}: cannot be read now: {said}; the same command goes on when it can") from None


def stamp(file: str, fresh: bool = False) -> tuple[Any, ...] | None:
    """Return what tells that a file has changed: its size and time of change, or what a store has for it; ``None`` if it is not there.

    Args:
        fresh: ask a store again, for what it said when its files were listed may be older by now.

    Raises:
        InputError: the store cannot be reached or does not allow it.
    """
    try:
        if not is_url(file):
            status = Path(file).stat()
            return status.st_size, status.st_mtime_ns
        from fsspec.core import url_to_fs

        with one_line(file, FileNotFoundError):
            system, path = url_to_fs(file)
            if fresh:
                system.invalidate_cache()
            told = system.info(path)
            # Of times, listings and single answers have different digits; a tag of the content needs none.
            names = ("ETag", "etag", "LastModified", "mtime", "updated", "created")
            return told.get("size"), next((str(told[name]) for name in names if told.get(name)), "")
    except OSError:
        return None


def open_raw(file: str | Path) -> IO[bytes]:
    """Open a file or URL to be read as it is."""
    if not is_url(file):
        return Path(file).open("rb")
    # Buffered, for a readline that takes a limit.
    return io.BufferedReader(_Remote(str(file)))


class _Remote(io.RawIOBase):
    """A file behind a URL, whose store may fail at any read; :class:`OSError` passes, for readers to judge."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._url = url
        with one_line(url, OSError):
            self._file = fsspec.open(url, "rb").open()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: "WriteableBuffer") -> int:
        with one_line(self._url, OSError):
            return int(self._file.readinto(buffer))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with one_line(self._url, OSError):
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()


def open_bytes(file: str | Path) -> IO[bytes]:
    """Open a file or URL to be read, through ``.gz`` or ``.zst`` if it has one."""
    suffix = Path(file).suffix.lower()
    if suffix == ".gz":
        return io.BufferedReader(gzip.open(open_raw(file) if is_url(file) else file))
    if suffix == ".zst":
        import pyarrow as pa

        # Unlike the stream reader of ``zstandard``, it tells a truncated file from a whole one.
        return io.BufferedReader(pa.input_stream(open_raw(file), compression="zstd"))
    return open_raw(file)


def lines(file: IO[bytes], stop: int | None = None) -> Iterator[bytes | None]:
    """Yield the lines that begin before byte ``stop``, and ``None`` for each of more than :data:`LONGEST_RECORD` bytes.

    Of a line that is too long, no more than that is ever held.
    """
    place = file.tell() if stop is not None else 0
    while stop is None or place < stop:
        line = file.readline(LONGEST_RECORD + 1)
        if not line:
            return
        place += len(line)
        if len(line) <= LONGEST_RECORD:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_RECORD)
            place += len(line)
        yield None
