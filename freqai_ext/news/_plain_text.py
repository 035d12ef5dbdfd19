"""Text of strangers, made harmless for a prompt, a log line or a table: one line, nothing hidden in it."""

import re
import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES: Final = re.compile(r"\s+")
_VARIATION_SELECTORS: Final = re.compile("[\N{VARIATION SELECTOR-1}-\N{VARIATION SELECTOR-16}\U000e0100-\U000e01ef]")


def one_line(text: str, most_characters: int) -> str:
    """Return ``text`` as one line of at most ``most_characters``.

    Compatibility forms become the usual ones (``＜`` is ``<``). What nobody sees is taken out: control and format
    characters (which turn text around, or write in invisible letters), variation selectors, halves of surrogate
    pairs, characters that do not exist.

    Examples
    --------
    >>> one_line("Bitcoin\\r\\n\\x00 ＥＴＦ\\u202e", 40)
    'Bitcoin ETF'
    """
    text = text[: 4 * most_characters + 64]
    # Line ends are control characters too, and part words.
    text = _SPACES.sub(" ", text)
    visible = "".join(character for character in text if unicodedata.category(character) not in _HIDDEN)
    visible = _VARIATION_SELECTORS.sub("", visible)
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", visible)).strip()[:most_characters].strip()
