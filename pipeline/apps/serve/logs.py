"""What the server logs: events and kinds of errors, never a text, a secret or a stack trace."""

import logging
import traceback
from pathlib import Path
from types import TracebackType

log = logging.getLogger("netral")


def describe(error: BaseException) -> str:
    """Name the kind of ``error`` and where it was raised. Its message is left out: it may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{place}"


class _Formatter(logging.Formatter):
    def formatException(  # noqa: N802
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return describe(ei[1]) if ei[1] else ""

    def formatStack(self, stack_info: str) -> str:  # noqa: ARG002, N802
        return ""


def log_to_stderr() -> None:
    """Send what this process and its libraries log to standard error, a line per event."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(logging.INFO)
