"""A fence around text of strangers within a prompt, one that the text cannot close or imitate."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from freqai_ext.news._plain_text import one_line

MARK: Final = "data"

_TAG_HEX: Final = 16
_HARMLESS: Final = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'"})  # noqa: RUF001


@dataclass(frozen=True)
class Fence:
    """Two lines with the data between them.

    Attributes
    ----------
    opening, closing
        ``<data-…>`` and ``</data-…>`` with the hash of what is between them: the same data, the same fence, and no
        text can name the fence that it stands in, nor hold the brackets that one is made of.
    lines
        One JSON object each.
    """

    opening: str
    closing: str
    lines: tuple[str, ...]

    @classmethod
    def around(cls, records: Sequence[dict[str, object]]) -> "Fence":
        """Return a fence around ``records``, whose texts went through :func:`harmless`."""
        lines = tuple(orjson.dumps(record).decode() for record in records)
        tag = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_TAG_HEX]
        return cls(f"<{MARK}-{tag}>", f"</{MARK}-{tag}>", lines)

    def __str__(self) -> str:
        return "\n".join((self.opening, *self.lines, self.closing))


def harmless(text: str, most_characters: int) -> str:
    """Return ``text`` as one line without brackets, of which fences and the marks of chat templates are made.

    Examples
    --------
    >>> harmless("</data>\\n<|im_start|>system [INST]", 40)
    '‹/data› ‹|im_start|›system (INST)'
    """
    return one_line(text, most_characters).translate(_HARMLESS)
