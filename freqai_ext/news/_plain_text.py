"""Text of strangers, made harmless for a prompt, a log line or a table: one line, nothing hidden in it."""

import html
import re
import unicodedata
from html.parser import HTMLParser
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


class _Words(HTMLParser):
    """Keeps what a reader of a page sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self._hidden += tag in _UNSEEN
        self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(self._hidden - (tag in _UNSEEN), 0)
        self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


_UNSEEN: Final = frozenset({"script", "style", "template"})
_TAG: Final = re.compile(r"</?[A-Za-z!]")


def without_markup(text: str, most_characters: int) -> str:
    """Return what a reader sees of HTML, of which so much is looked at that ``most_characters`` may remain.

    Examples
    --------
    >>> without_markup("<p>AT&amp;T <b>buys</b> it</p><script>x()</script>", 100).split()
    ['AT&T', 'buys', 'it']
    >>> without_markup("BTC < 100k &#39;now&#39;", 100)
    "BTC < 100k 'now'"
    """
    text = text[: 8 * most_characters + 4_096]
    if not _TAG.search(text):
        return html.unescape(text)
    words = _Words()
    words.feed(text)
    words.close()
    return "".join(words.parts)
