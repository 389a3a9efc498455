"""How a server is run."""

import hmac
import os
from pathlib import Path

from pydantic import Field, SecretStr

from pipeline.config import Config
from pipeline.errors import InputError

# Tokens that can be guessed are no protection.
TOKEN_CHARACTERS = 16


class Settings(Config):
    """Everything that may differ from one server to the next.

    Attributes:
        checkpoint: folder of the exported checkpoint.
        host, port: where to listen; port 0 lets the system choose.
        workers: processes, each with one thread of the model.
        queue_tokens: word pieces, estimated from characters, that may wait or be worked on at the same time.
        queue_seconds: what is accepted may have to wait about so long for its turn, at the speed measured of late.
        batch_tokens: positions, padding included, that one worker is given at a time.
        document_seconds: of a core, in which one article is split, or one page or body read. Ordinary ones take a hundredth
            of it; some pages would take a parser hours, and are given up.
        deadline: seconds from the arrival of a request until its answer, or the news that there is none. A worker that hangs is
            given up after as long, but at least 30 seconds.
        grace: seconds that accepted requests get to finish after SIGTERM.
        body_bytes: largest request body.
        header_bytes: largest request line and headers together.
        token: what clients must send as ``Authorization: Bearer …``.
        origins: web origins that may call the API from a browser.
    """

    checkpoint: Path = Path("models/exported")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=256)
    queue_tokens: int = Field(default=32_768, ge=1)
    queue_seconds: float = Field(default=0.25, gt=0)
    batch_tokens: int = Field(default=512, ge=1)
    document_seconds: float = Field(default=5, gt=0)
    deadline: float = Field(default=30, gt=0)
    grace: float = Field(default=30, gt=0)
    body_bytes: int = Field(default=2 * 2**20, ge=1024)
    header_bytes: int = Field(default=16 * 1024, ge=1024)
    token: SecretStr | None = None
    origins: tuple[str, ...] = ()


def read_token(path: Path | None) -> SecretStr | None:
    """Read the token from ``path``, or from the environment variable ``NETRAL_TOKEN``; return None if there is neither.

    Raises:
        InputError: the file is missing or unreadable, or the token is empty, too short or has characters that no header can carry.
    """
    try:
        token = path.read_text(encoding="ascii").strip() if path else os.environ.get("NETRAL_TOKEN")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: cannot be read as the file of a token; give it one line of ASCII") from None
    if token is None:
        return None
    if len(token) < TOKEN_CHARACTERS or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"{path or 'NETRAL_TOKEN'}: is no token; expected {TOKEN_CHARACTERS} or more printable ASCII characters "
            "without spaces, as 'openssl rand -hex 32' prints them"
        )
    return SecretStr(token)


def bears_token(authorization: str, token: SecretStr) -> bool:
    """Say whether the value of an ``Authorization`` header carries ``token``, in a time that does not tell how much of it."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.get_secret_value().encode())
