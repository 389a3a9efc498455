"""What ``--out`` may name, and one file made of the tables of a run."""

import filecmp
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from shutil import copyfileobj

from pipeline.apps.batch.job import FORMATS, Format
from pipeline.apps.batch.run_folder import MANIFEST
from pipeline.corpus.input_files import is_url
from pipeline.errors import InputError
from pipeline.files import whole_file


def single_file_format(out: str) -> Format | None:
    """Return the format that the suffix of ``out`` names, or ``None`` if it is a folder."""
    return next((form for form in FORMATS if Path(out).suffix.lower() == f".{form}"), None)


def rejects_path(out: str) -> Path:
    """Return where the rejects of a single file lie: beside it."""
    return Path(out).with_name(f"{Path(out).stem}.rejects.jsonl")


def work_folder(out: str) -> Path:
    """Return the folder in which a single file comes about, and where a killed run goes on."""
    return Path(out).with_name(f".{Path(out).name}.work")


def check_output(out: str, inputs: Iterable[str], files: list[str], overwrite: bool) -> list[str]:
    """Make sure, before any work, that ``out`` can be written and is no input.

    Returns:
        The ``files`` found for ``inputs``, without those that an earlier start has written: output may lie within a
        folder of input.

    Raises:
        InputError: a file exists and may not be overwritten, an input lies where output goes, or the place is not writable.
    """
    single = single_file_format(out)
    if is_url(out):
        if single:
            raise InputError(f"{out}: one file can be written to disk only; give --out the URL of a folder")
        within = out.rstrip("/") + "/"
        for name in inputs:
            if f"{name}/".startswith(within):
                raise InputError(f"{name}: is input, but lies where output goes; choose another --out")
        return _some([file for file in files if not file.startswith(within)], out)
    path = Path(out)
    if path.name in {"", ".."}:
        raise InputError(f"{out}: names no file or folder of its own; choose another --out")
    made = [path, rejects_path(out)] if single else [path]
    for target in made:
        try:
            # The longest of the names that come about; that it is too long shows before any work.
            os.lstat(target.with_name(f".{target.name}.partial") if single else target)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise InputError(f"{out}: cannot be written: {error.strerror}; choose another --out") from None
    if path.is_symlink() and not path.exists():
        raise InputError(f"{out}: is a link that leads nowhere; remove it, or choose another --out")
    # A run that was killed as it published its files goes on; they are compared before one is replaced.
    goes_on = single and work_folder(out).is_dir()
    for target in made if single else []:
        if target.exists() and not overwrite and not goes_on:
            raise InputError(f"{target}: exists already; choose another --out, or allow it with --overwrite")
    if path.exists() and path.is_dir() == bool(single):
        kinds = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise InputError(f"{out}: is a {kinds[0]}, but a {kinds[1]} is to be written; choose another --out")
    places = {os.path.realpath(target) for target in made}
    for name in [*inputs, *(files if single else ())]:
        if _lies_in(name, places):
            raise InputError(f"{name}: is input, but lies where output goes; choose another --out")
    own = {os.path.realpath(work_folder(out) if single else path)}
    files = _some([file for file in files if not _lies_in(file, own)], out)
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.is_dir())
    try:
        # Permissions do not tell all: quotas, read-only mounts and special file systems show only when one writes.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{out}: cannot be written, since {folder} takes no files: {error.strerror}") from None
    return files


def _lies_in(name: str, places: set[str]) -> bool:
    real = Path(os.path.realpath(name))
    return not is_url(name) and any(str(place) in places for place in (real, *real.parents))


def _some(files: list[str], out: str) -> list[str]:
    if not files:
        raise InputError(f"{out}: all input lies where output goes; choose another --out")
    return files


def merge(folder: Path, out: Path, form: Format, overwrite: bool) -> None:
    """Write the sentences of a run in ``folder`` to one file, and its rejects beside it if there are any.

    The rejects come first: once ``out`` is there, all is.

    Raises:
        InputError: one of the files has come about since the run began, and may not be overwritten.
    """
    parts, rejects = (_in_order(folder / table) for table in ("sentences", "rejects"))
    beside = rejects_path(str(out))
    if rejects:
        with whole_file(beside) as made:
            _concatenate(rejects, made)
            _check_replaced(beside, made, overwrite)
    elif overwrite:
        beside.unlink(missing_ok=True)
    with whole_file(out) as made:
        if form == "parquet":
            _merge_parquet(parts, made)
        else:
            _concatenate(parts, made, repeated_header=form == "csv")
        _check_replaced(out, made, overwrite)


def _in_order(table: Path) -> list[Path]:
    # Behind part-99999 comes part-100000.
    return sorted(table.glob("part-*"), key=lambda part: (len(part.name), part.name))


def _check_replaced(target: Path, made: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite and not filecmp.cmp(target, made, shallow=False):
        raise InputError(f"{target}: exists already; choose another --out, or allow it with --overwrite")


def _concatenate(parts: list[Path], made: Path, repeated_header: bool = False) -> None:
    with made.open("wb") as whole:
        for number, part in enumerate(parts):
            with part.open("rb") as content:
                if repeated_header and number:
                    content.readline()
                copyfileobj(content, whole, 2**20)


def _merge_parquet(parts: list[Path], made: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(made, pq.read_schema(parts[0]), compression="zstd") as writer:
        for part in parts:
            file = pq.ParquetFile(part)
            for number in range(file.num_row_groups):
                writer.write_table(file.read_row_group(number))


def is_worth_keeping(folder: Path) -> bool:
    """Say whether a run in ``folder`` has found sentences in shards that are done, so that it may go on there."""
    return (folder / MANIFEST).is_file() and any((folder / "sentences").glob("part-*"))
