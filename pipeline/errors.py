"""The errors that users cause, and how commands report them."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What the operating system says when the place to write to is the trouble.
_OUTPUT_TROUBLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EFBIG,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}

# How many problems one error spells out.
LISTED = 20


class InputError(Exception):
    """The user's input or configuration is wrong.

    Its message names the place, what was found, what was expected and what to do, in one line where one problem is meant.
    """


def complain(problems: list[str], summary: str) -> None:
    """Raise one error that lists ``problems``, if there are any."""
    if problems:
        more = f"\n  … and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        raise InputError(f"{summary} ({len(problems)}):\n  " + "\n  ".join(problems[:LISTED]) + more)


@contextmanager
def user_errors(missing: str = "'dvc repro' makes what a stage reads") -> Iterator[None]:
    """Print the user's errors without a traceback and exit with status 2; let faults of ours through.

    Args:
        missing: what to do where a file is missing.
    """
    try:
        yield
    except InputError as error:
        message = str(error)
    except FileNotFoundError as error:
        message = f"{error.filename or error}: no such file; {missing}"
    except OSError as error:
        if error.errno not in _OUTPUT_TROUBLE:
            raise
        denied = error.errno in {errno.EACCES, errno.EPERM}
        advice = "change its permissions or choose another place" if denied else "choose another place or make room"
        message = f"{error.filename or 'output'}: {error.strerror}; {advice}"
    else:
        return
    print(f"netral: {message}", file=sys.stderr)
    raise SystemExit(2)
