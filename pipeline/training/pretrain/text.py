"""Plain text in, paragraphs out: the reader of pretraining corpora."""

import io
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.corpus.input_files import READ_ERRORS, kind_of, open_bytes
from pipeline.errors import InputError


@dataclass(frozen=True)
class TextSource:
    """One corpus file and the share of its paragraphs that is used (1: all of them; 0.5: every second one)."""

    path: Path
    share: float = 1.0

    @classmethod
    def parse(cls, argument: str) -> "TextSource":
        """Read ``PATH`` or ``PATH@SHARE``, for instance ``law.txt.xz@0.5``."""
        path, at, share = argument.rpartition("@")
        if not at:
            path, share = argument, "1"
        try:
            source = cls(Path(path), float(share))
        except ValueError:
            source = cls(Path(argument))
        if not 0 < source.share <= 1:
            raise InputError(f"{argument}: the share after '@' must lie in (0, 1]")
        if not source.path.is_file():
            raise InputError(f"{source.path}: no such text file")
        return source

    @property
    def is_plain(self) -> bool:
        """Whether its name is that of plain text, rather than of articles."""
        return kind_of(self.path) in {"", ".txt"}


def open_text(path: Path) -> IO[str]:
    """Open ``.txt``, ``.xz`` or ``.zst`` as UTF-8 text."""
    return io.TextIOWrapper(lzma.open(path) if path.suffix == ".xz" else open_bytes(path), encoding="utf-8")


def paragraphs(source: TextSource) -> Iterator[str]:
    """Yield the non-empty lines of ``source`` in order, thinned evenly to its share.

    Raises:
        InputError: the file is damaged, is not UTF-8, or its name says that it is no plain text.
    """
    if not source.is_plain:
        raise InputError(f"{source.path}: is no plain text; expected a paragraph a line, in .txt, .xz or .zst")
    due = 0.0
    try:
        with open_text(source.path) as lines:
            for line in lines:
                text = line.strip()
                if not text:
                    continue
                due += source.share
                if due >= 1:
                    due -= 1
                    yield text
    except (*READ_ERRORS, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InputError(f"{source.path}: is not readable as UTF-8 text: {error}") from None
