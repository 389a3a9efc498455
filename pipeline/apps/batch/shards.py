"""The plan: an input cut into shards, each read and written by one process in one go, the same on every run."""

import hashlib
import json
import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import IO

from pipeline.corpus.input_files import READ_ERRORS, Part, is_compressed, kind_of, open_raw, stop_if_passing

# Bytes of input in a shard: an hour of work for the slowest model, a minute for the fastest, and what is lost when one is killed.
LARGEST_SHARD = 2**24
# Some four thousand sentences, a window's worth: less than 1 % is padding once they are sorted, and larger shards take no more memory.
SMALL_SHARD = 2**19
# Some four hundred, 4 %.
SMALLEST_SHARD = 2**16
# Shards that an input has, so that all processes have some and end together: a few at any price, many where they are not small.
FEW_SHARDS, MANY_SHARDS = 8, 256
# Bytes of text that a byte of a file stands for, roughly.
_TEXT_COMPRESSED = 4.0
_TEXT_IN_PAGES = 0.1
_CHUNK = 2**20
_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Shard:
    """Parts of files that are classified together; ``number`` names their output."""

    number: int
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return f"{self.number:05d}"

    @property
    def done_mark(self) -> str:
        """Name of the file that says that all its output is there."""
        return f"done/{self.name}.json"


@dataclass(frozen=True)
class InputFile:
    """One file of the input as it was when it was planned.

    Attributes:
        bytes: its size.
        sha256: of its content, or why it could not be read; its reader will reject it.
        cuts: where it may be cut: pairs of a place (a byte of JSONL, a row group of Parquet) and the number of the line or
            row there.
        weights: bytes of text, roughly, in each stretch between the cuts; one more than there are cuts.
    """

    file: str
    bytes: int
    sha256: str
    cuts: tuple[tuple[int, int], ...]
    weights: tuple[int, ...]

    @property
    def parts(self) -> list[Part]:
        starts = [(0, 1), *self.cuts]
        stops = [place for place, _ in self.cuts]
        return [Part(self.file, start, stop, line) for (start, line), stop in zip(starts, [*stops, None], strict=True)]


def text_bytes(files: list[str], threads: int) -> int:
    """Return about how many bytes of text the ``files`` hold, by their sizes."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(_size, files))


def shard_size(total: int) -> int:
    """Return the bytes of input per shard: a power of two of them have the same size, since processors come in such numbers."""
    shards = 1
    while shards < MANY_SHARDS and total // (2 * shards) >= (SMALLEST_SHARD if shards < FEW_SHARDS else SMALL_SHARD):
        shards *= 2
    return min(max(math.ceil(total / shards), SMALLEST_SHARD), LARGEST_SHARD)


def survey(files: list[str], shard_bytes: int, threads: int) -> list[InputFile]:
    """Read every file once, for its hash and for the places where it can be cut into shards of ``shard_bytes``."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda file: _survey_file(file, shard_bytes), files))


def _size(file: str) -> int:
    try:
        with open_raw(file) as content:
            return _text(file, content.seek(0, 2))
    except READ_ERRORS as error:
        stop_if_passing(file, error)
        return 0


def _text(file: str, size: int) -> int:
    """Return about how many bytes of text a file of ``size`` bytes holds."""
    pages = _TEXT_IN_PAGES if kind_of(file) in {".html", ".htm", ".warc"} else 1.0
    return int(size * pages * (_TEXT_COMPRESSED if is_compressed(file) else 1.0))


def _survey_file(file: str, shard_bytes: int) -> InputFile:
    jsonl = kind_of(file) in {".jsonl", ".ndjson"} and not is_compressed(file)
    digest = hashlib.sha256()
    size, lines = 0, 1
    cuts: list[tuple[int, int]] = []
    due = shard_bytes
    try:
        with open_raw(file) as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                if jsonl:
                    # A cut is the first beginning of a line at or behind the byte where it is due.
                    at = 0
                    while size + len(chunk) >= due and (end := chunk.find(b"\n", max(due - 1 - size, at))) >= 0:
                        lines += chunk.count(b"\n", at, end + 1)
                        at = end + 1
                        cuts.append((size + at, lines))
                        due = size + at + shard_bytes
                    lines += chunk.count(b"\n", at)
                size += len(chunk)
            if cuts and cuts[-1][0] >= size:
                cuts.pop()
            if kind_of(file) == ".parquet" and size > shard_bytes:
                return InputFile(file, size, digest.hexdigest(), *_row_groups(file, content, size, shard_bytes))
    except READ_ERRORS as error:
        stop_if_passing(file, error)
        return InputFile(
            file, size, f"{_UNREADABLE}: {getattr(error, 'strerror', None) or error}", (), (_text(file, size),)
        )
    if not cuts:
        return InputFile(file, size, digest.hexdigest(), (), (_text(file, size),))
    places = [0, *(place for place, _ in cuts), size]
    weights = tuple(after - before for before, after in pairwise(places))
    return InputFile(file, size, digest.hexdigest(), tuple(cuts), weights)


def _row_groups(
    file: str, content: IO[bytes], size: int, shard_bytes: int
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Return cuts between row groups, a shard's worth apart, and the bytes between them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.ParquetFile(content).metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        sizes = [sum(group.column(c).total_compressed_size for c in range(group.num_columns)) for group in groups]
        rows = [group.num_rows for group in groups]
    except (pa.ArrowException, ValueError, OSError, OverflowError) as error:
        stop_if_passing(file, error)
        return (), (size,)  # its reader says why
    cuts: list[tuple[int, int]] = []
    weights, weight, row = [], 0, 1
    for number in range(len(sizes)):
        if weight >= shard_bytes:
            cuts.append((number, row))
            weights.append(weight)
            weight = 0
        weight += sizes[number]
        row += rows[number]
    return tuple(cuts), (*weights, weight)


def plan(files: Iterable[InputFile], shard_bytes: int) -> list[Shard]:
    """Group the parts of ``files``, in order, into shards of about ``shard_bytes``."""
    shards: list[Shard] = []
    parts: list[Part] = []
    weight = 0

    def close() -> None:
        nonlocal parts, weight
        if parts:
            shards.append(Shard(len(shards), tuple(parts)))
        parts, weight = [], 0

    for file in files:
        for part, size in zip(file.parts, file.weights, strict=True):
            if weight + size > shard_bytes:
                close()
            parts.append(part)
            weight += size
    close()
    return shards


def encode_plan(files: list[InputFile], shards: list[Shard]) -> bytes:
    """Return the plan as JSON lines: the files as they were, then the shards.

    Not by orjson: names of files may hold bytes that are not UTF-8, which plain JSON escapes.
    """
    rows = [{"file": file.file, "bytes": file.bytes, "sha256": file.sha256} for file in files]
    rows += [
        {"shard": shard.number, "parts": [list(asdict(part).values()) for part in shard.parts]} for shard in shards
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def difference(old: bytes, new: bytes) -> str:
    """Return in a few words how the input of an earlier plan differs from that of a new one."""
    before, after = (
        {row["file"]: (row["bytes"], row["sha256"]) for row in map(json.loads, content.splitlines()) if "file" in row}
        for content in (old, new)
    )
    for file in before.keys() | after.keys():
        if file not in after:
            return f"'{file}' is no longer among the input"
        if file not in before:
            return f"'{file}' is new among the input"
        if before[file] != after[file]:
            return f"'{file}' has changed"
    return "its files come in another order or are cut otherwise"
