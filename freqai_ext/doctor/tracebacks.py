"""Tracebacks that begin in the code they are about."""

import traceback
from collections.abc import Iterator
from pathlib import Path

_LEADING = (str(Path(__file__).parent), "<frozen importlib")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__


def traceback_of(error: BaseException) -> str:
    """Return the traceback of ``error`` without its first frames: those of the doctor and of Python's importer."""
    report = traceback.TracebackException.from_exception(error)
    frames = list(report.stack)
    while frames and frames[0].filename.startswith(_LEADING):
        del frames[0]
    report.stack[:] = frames
    return "".join(report.format()).rstrip()
