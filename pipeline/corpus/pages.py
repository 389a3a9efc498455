"""A page to an article: plain text, HTML, and the pages in a WARC archive."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import IO, Any

# Bytes of a page with its mark-up: news pages have some hundred thousand.
LONGEST_PAGE = 2**22

_EXPECTED_TEXT = "UTF-8 text"
_RECORD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class NoPage:
    """Why content is no article, and what was expected."""

    reason: str
    expected: str = "a news page"


def plain_text(content: bytes) -> dict[str, Any] | NoPage:
    """Read a text file: its first line is the title."""
    if unfit := _unfit(content):
        return unfit
    try:
        title, _, text = content.decode("utf-8-sig").lstrip("\r\n").partition("\n")
    except UnicodeDecodeError as error:
        return NoPage(f"is not UTF-8: byte {error.start}", _EXPECTED_TEXT)
    return {"title": title.strip(), "text": text}


def html(content: bytes, until: date) -> dict[str, Any] | NoPage:
    """Take title, text, outlet, date and address out of a page, which is not of a later day than ``until``."""
    if unfit := _unfit(content):
        return unfit
    import trafilatura
    from trafilatura.settings import Document

    # Without a day, trafilatura takes today's, and the same page would give something else tomorrow.
    dates = {"original_date": True, "extensive_search": True, "max_date": until.isoformat()}
    try:
        document = trafilatura.bare_extraction(
            content, include_comments=False, include_tables=False, with_metadata=True, date_extraction_params=dates
        )
    except Exception as error:  # noqa: BLE001 - what somebody else's page makes of a parser is not known beforehand
        return NoPage(f"cannot be parsed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    if not isinstance(document, Document) or not document.text or document.text.isspace():
        return NoPage("holds no article text")
    return {
        "title": document.title,
        # One paragraph a line: apart, so that they are not taken for wrapped lines.
        "text": document.text.replace("\n", "\n\n"),
        "source": document.sitename,
        "published": document.date,
        "url": document.url,
    }


def _unfit(content: bytes) -> NoPage | None:
    if not content.strip():
        return NoPage("the file is empty")
    if len(content) > LONGEST_PAGE:
        return NoPage(f"is longer than {LONGEST_PAGE} bytes", f"a page of at most {LONGEST_PAGE} bytes")
    return NoPage("is a binary file", _EXPECTED_TEXT) if b"\0" in content[:8192] else None


def warc(archive: IO[bytes], until: date) -> Iterator[tuple[int, dict[str, Any] | NoPage]]:
    """Yield the pages of a WARC archive, each with the number of its record, from 1.

    Pages are what servers answered with status 200 as HTML, and the plain text that others made of them (``conversion``).
    Everything else in an archive (requests, pictures, redirections) is passed over. The record's id identifies the article.

    Raises:
        OSError: the archive is damaged; nothing behind that place can be told apart.
    """
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    tail = _Tail(archive)
    number = 0
    for record in ArchiveIterator(tail, stream_detect=False):
        number += 1
        if record.record_type == WarcRecordType.conversion:
            page = _whole_payload(record)
            parsed = page if isinstance(page, NoPage) else plain_text(page)
        elif record.record_type == WarcRecordType.response:
            status = record.http_headers.status_code if record.http_headers else None
            if status is not None and (status != 200 or "html" not in (record.http_content_type or "html").lower()):
                continue
            page = _whole_payload(record) if status else NoPage("is no whole HTTP response", "a whole record")
            decoded = page if isinstance(page, NoPage) else _decoded(page, record.http_headers)
            parsed = decoded if isinstance(decoded, NoPage) else html(decoded, until)
        else:
            continue
        if isinstance(parsed, NoPage):
            yield number, parsed
        else:
            address = record.headers.get("WARC-Target-URI")
            yield number, {**parsed, "id": record.headers.get("WARC-Record-ID"), "url": address or parsed.get("url")}
    if tail.last not in {b"", _RECORD_END}:
        raise OSError("the archive ends in the middle of a record")
    if number == 0:
        raise OSError("the archive holds no record")


class _Tail(io.RawIOBase):
    """A stream that remembers its last bytes: the archive's iterator ends without a word where an archive is cut off."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.last = (self.last + content)[-len(_RECORD_END) :]
        return content

    def tell(self) -> int:
        return self._stream.tell()


def _whole_payload(record: Any) -> bytes | NoPage:
    length = record.content_length
    payload: bytes = record.reader.read(LONGEST_PAGE + 1)
    if len(payload) < min(length, LONGEST_PAGE + 1):
        return NoPage(f"has {len(payload)} of {length} bytes", "a whole record")
    return payload


def _decoded(payload: bytes, headers: Any) -> bytes | NoPage:
    """Undo the transfer and content encodings of a response; at most one byte more than :data:`LONGEST_PAGE` is returned.

    Not left to the archive's iterator: after an encoded page that is not read to its end it loses its place.
    """
    from fastwarc.stream_io import BrotliReader, ChunkedReader, GzipReader, ZstdReader

    readers = {
        "chunked": ChunkedReader,
        "gzip": GzipReader,
        "x-gzip": GzipReader,
        "br": BrotliReader,
        "zstd": ZstdReader,
    }
    given = f"{headers.get('Transfer-Encoding', '')},{headers.get('Content-Encoding', '')}".lower()
    for name in (part.strip() for part in given.split(",")):
        if name in {"", "identity"}:
            continue
        if name not in readers:
            return NoPage(f"is encoded as '{name[:40]}'", f"one of {', '.join(readers)}")
        try:
            payload = readers[name](io.BytesIO(payload)).read(LONGEST_PAGE + 1)
        except OSError as error:
            return NoPage(f"is not encoded as '{name}', as it says: {error}")
    return payload
