"""Files of JSON lines, gzipped or not, read line by line without trusting them."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Final

from freqai_ext.errors import NewsDataError

LONGEST_LINE_BYTES: Final = 1_000_000

_READ_AT_ONCE_BYTES: Final = 1 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"


def lines(path: Path) -> Iterator[bytes | None]:
    """Give the lines that are not empty; ``None`` stands for one that is longer than 1 MB.

    Raises
    ------
    NewsDataError
        If the file cannot be read, or its compression is damaged.
    """
    with _opened(path) as file:
        while line := file.readline(LONGEST_LINE_BYTES + 1):
            if len(line) > LONGEST_LINE_BYTES and not line.endswith(b"\n"):
                _skip_rest_of_line(file)
                yield None
            elif stripped := line.strip(b"\xef\xbb\xbf \t\r\n"):
                yield stripped


def _skip_rest_of_line(file: BufferedIOBase) -> None:
    while (rest := file.readline(_READ_AT_ONCE_BYTES)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    try:
        with path.open("rb") as raw:
            zipped = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            raw.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=raw) as file:
                    yield file
            else:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NewsDataError(f"{path}: a damaged gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise NewsDataError(f"{path}: cannot be read ({error.strerror or error}); name a readable JSONL file") from None
