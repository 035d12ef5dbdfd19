"""What a Perplexica found, of any generation: contract of Perplexica, sections 1.2 and 5."""

import hashlib
from typing import Final

from freqai_ext._services.strict_json import (
    decode,
    expect_list,
    expect_object,
    object_or_empty,
    text_or_none,
    unexpected,
)
from freqai_ext.errors import NewsAnswerError
from freqai_ext.news._plain_text import one_line
from freqai_ext.news.search import MAX_TITLE_CHARACTERS, NewsItem, NewsResult, unique_items, web_address

MAX_ANSWER_CHARACTERS: Final = 4_000

_MOST_SOURCES: Final = 300
_CHARACTERS_READ_PER_CHARACTER_KEPT: Final = 8


def read_answer(
    content: bytes, where: str, retrieved_at_s: float, max_items: int, max_item_characters: int
) -> NewsResult:
    """Return what ``content`` says.

    Sources that are none are left out; text that several sub-queries found is told once.

    Raises
    ------
    NewsAnswerError
        If it is no answer of a search, or none of its sources is one. ``where`` begins the text.
    """
    answer = expect_object(decode(content, where), where)
    message = answer.get("message")
    if not isinstance(message, str):
        raise unexpected(message, f"{where}, 'message',", "a text")
    sources = expect_list(answer.get("sources"), f"{where}, 'sources',")
    items = [item for source in sources[:_MOST_SOURCES] if (item := _item(source, max_item_characters)) is not None]
    if sources and not items:
        raise NewsAnswerError(
            f"{where}: none of its {len(sources)} sources has a title or a text; see what answers there"
        )
    return NewsResult(
        one_line(message, MAX_ANSWER_CHARACTERS),
        unique_items(items)[:max_items],
        retrieved_at_s,
        hashlib.sha256(content).hexdigest(),
    )


def _item(source: object, max_characters: int) -> NewsItem | None:
    fields = object_or_empty(source)
    metadata = object_or_empty(fields.get("metadata"))
    title = one_line(text_or_none(metadata.get("title")) or "", MAX_TITLE_CHARACTERS)
    raw_text = text_or_none(fields.get("content")) or text_or_none(fields.get("pageContent")) or ""
    text = one_line(_once(raw_text, max_characters), max_characters)
    return NewsItem(title, web_address(metadata.get("url")), text) if title or text else None


def _once(text: str, max_characters: int) -> str:
    # A source may be a whole page.
    text = text[: _CHARACTERS_READ_PER_CHARACTER_KEPT * max_characters]
    paragraphs = (one_line(part, max_characters) for part in text.replace("\r\n", "\n").split("\n\n"))
    return " ".join(dict.fromkeys(paragraphs))
