"""Files of others' that are read without trusting them: regular files only, within limits, gzipped or not."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Final, cast

from freqai_ext._files import open_regular
from freqai_ext.errors import NewsDataError
from freqai_ext.news.settings import NewsImportSettings

_MB: Final = 1_000_000
_READ_AT_ONCE_BYTES: Final = 1 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_OTHER_PACKED: Final = {
    b"PK\x03\x04": "a zip archive", b"BZh": "packed by bzip2", b"\xfd7zXZ\x00": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd", b"7z\xbc\xaf": "a 7z archive", b"SQLite format 3\x00": "an SQLite database",
    b"PAR1": "a Parquet file",
}  # fmt: skip
# Below so much nothing is harmed, and a file of few lines may well shrink a hundredfold.
_RATIO_COUNTS_FROM_BYTES: Final = 10 * _MB


class Unpacked:
    """The content of a file, counted as it is unpacked.

    Attributes
    ----------
    size_bytes
        Of the file itself.
    is_packed
        Whether it is gzipped.
    """

    def __init__(
        self, path: Path, file: BufferedIOBase, size_bytes: int, limits: NewsImportSettings, *, is_packed: bool
    ) -> None:
        self.size_bytes, self.is_packed = size_bytes, is_packed
        self._path, self._file, self._limits = path, file, limits
        self._read_bytes = 0

    def lines(self) -> Iterator[bytes | None]:
        """Give the lines, their ends included; ``None`` stands for one that is longer than the limit."""
        longest = 1_000 * self._limits.max_line_kb
        while line := self._counted(self._file.readline(longest + 1)):
            if len(line) <= longest or line.endswith(b"\n"):
                yield line
                continue
            while (rest := self._counted(self._file.readline(_READ_AT_ONCE_BYTES))) and not rest.endswith(b"\n"):
                pass
            yield None

    def document(self) -> bytes:
        """Return all of it, for formats that are read as a whole.

        Raises
        ------
        NewsDataError
            If it is larger than such a document may be.
        """
        parts = []
        while part := self._counted(self._file.read(_READ_AT_ONCE_BYTES)):
            parts.append(part)
            if self._read_bytes > _MB * self._limits.max_document_mb:
                raise NewsDataError(
                    f"{self._path}: one document of more than {self._limits.max_document_mb:g} MB; write it as JSON "
                    "lines, or raise freqai_ext.news.imports.max_document_mb"
                )
        return b"".join(parts)

    def beginning(self, most_bytes: int) -> bytes:
        """Return the first bytes."""
        return self._counted(self._file.read(most_bytes))

    def _counted(self, part: bytes) -> bytes:
        limits = self._limits
        self._read_bytes += len(part)
        if self._read_bytes > _MB * limits.max_unpacked_mb:
            raise NewsDataError(
                f"{self._path}: unpacks to more than {limits.max_unpacked_mb:g} MB, so nothing of it is stored; split "
                "it, or raise freqai_ext.news.imports.max_unpacked_mb"
            )
        if self.is_packed and self._read_bytes > max(_RATIO_COUNTS_FROM_BYTES, limits.max_ratio * self.size_bytes):
            raise NewsDataError(
                f"{self._path}: unpacks to more than {limits.max_ratio:g} times its {self.size_bytes} bytes, as no "
                "archive of news does, so nothing of it is stored; if it is sound, unpack it yourself or raise "
                "freqai_ext.news.imports.max_ratio"
            )
        return part


@contextmanager
def opened(path: Path, limits: NewsImportSettings) -> Iterator[Unpacked]:
    """Give the content of a regular file; reading more of it than ``limits`` allow raises.

    Raises
    ------
    NewsDataError
        If it is a directory, a pipe or a device, cannot be read, is packed otherwise, or its compression is damaged.
    """
    try:
        with open_regular(path) as raw:
            magic = raw.read(16)
            raw.seek(0)
            for other, name in _OTHER_PACKED.items():
                if magic.startswith(other):
                    raise NewsDataError(f"{path}: is {name}; unpack or convert it first (gzip is read as it is)")
            size_bytes = os.fstat(raw.fileno()).st_size
            if magic.startswith(_GZIP_MAGIC):
                with gzip.GzipFile(fileobj=raw) as file:
                    yield Unpacked(path, file, size_bytes, limits, is_packed=True)
            else:
                yield Unpacked(path, cast("BufferedIOBase", raw), size_bytes, limits, is_packed=False)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NewsDataError(f"{path}: a damaged gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise NewsDataError(f"{path}: cannot be read ({error.strerror or error}); name a readable file") from None


def lines(path: Path) -> Iterator[bytes | None]:
    """Give the lines of a file of JSON lines that are not empty; ``None`` stands for one that is too long.

    Raises
    ------
    NewsDataError
        As :func:`opened` does, or if a limit of ``freqai_ext.news.imports`` is passed, of which the defaults count.
    """
    with opened(path, NewsImportSettings()) as content:
        for line in content.lines():
            if line is None:
                yield None
            elif stripped := line.strip(b"\xef\xbb\xbf \t\r\n"):
                yield stripped
