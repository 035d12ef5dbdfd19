"""Files of one JSON object a line, written by somebody else while we read."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from freqai_ext._files import open_regular
from freqai_ext.errors import GuardianDataError

MAX_LINE_BYTES: Final = 1 << 20

NOT_UTF8: Final = "not UTF-8"
NOT_JSON: Final = "not JSON"
NO_OBJECT: Final = "no object"
TOO_LONG: Final = "too long"
UNFINISHED: Final = "unfinished last line"

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_json_lines(path: Path, skipped: Counter[str]) -> Iterator[dict[str, object]]:
    """Yield the objects of the file in its order, a line at a time; memory does not grow with the file.

    Blank lines are passed over. Every other line that is no JSON object in UTF-8 is left out and counted in
    ``skipped`` under its reason; among them are lines longer than 1 MiB, and at the end of the file the line that is
    being written.

    Raises
    ------
    GuardianDataError
        If the file cannot be opened or read.
    """
    try:
        with open_regular(path) as file:
            for line in _lines(file):
                value = _parsed(line)
                if isinstance(value, dict):
                    yield value
                else:
                    skipped[value] += 1
    except OSError as error:
        raise GuardianDataError(
            f"{path}: cannot be read ({error.strerror}); check freqai_ext.guardian.trades.data_dir and its permissions"
        ) from error


def _lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """Yield the lines with their ends, ``None`` for one that is too long."""
    first = True
    while line := file.readline(MAX_LINE_BYTES):
        if first:
            line, first = line.removeprefix(_BYTE_ORDER_MARK), False
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE_BYTES)
            yield None
        elif line.strip():
            yield line


def _parsed(line: bytes | None) -> dict[str, object] | str:
    """Return the object, or why there is none."""
    if line is None:
        return TOO_LONG
    finished = line.endswith(b"\n")
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return NOT_UTF8 if finished else UNFINISHED
    except (ValueError, RecursionError):
        return NOT_JSON if finished else UNFINISHED
    return value if isinstance(value, dict) else NO_OBJECT
