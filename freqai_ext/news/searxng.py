"""The one module that speaks to SearXNG, a search that tells dates."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx

from freqai_ext._services.circuit import Circuit
from freqai_ext._services.http import Exchange, Reply, news_unavailable
from freqai_ext._services.strict_json import (
    decode,
    expect_list,
    expect_object,
    list_or_empty,
    object_or_empty,
    text_or_none,
)
from freqai_ext.errors import NewsAnswerError, NewsUnavailableError, SettingsError
from freqai_ext.news._plain_text import one_line
from freqai_ext.news.search import (
    MAX_ANSWER_BYTES,
    MAX_TITLE_CHARACTERS,
    NewsItem,
    NewsResult,
    undated_if_later,
    unique_items,
    web_address,
)
from freqai_ext.news.settings import SearxngSettings

MAX_ITEMS: Final = 10
MAX_TEXT_CHARACTERS: Final = 600

_SETTING: Final = "freqai_ext.news.searxng"
_MOST_RESULTS: Final = 300
_FIRST_NEWS_AT_S: Final = datetime(2009, 1, 3, tzinfo=UTC).timestamp()
"""There was no such asset before."""

_OPERATORS: Final = "!:?<"
"""What begins a word that is a command to SearXNG; ``!!`` even sends the caller to another site."""


class NoResultsError(NewsUnavailableError):
    """SearXNG answers, and none of the engines that it asks does. The message names them."""


@dataclass(frozen=True)
class SearxngProbe:
    """What a search for Bitcoin found.

    Attributes
    ----------
    results
        How many results.
    text
        What answers there, and what it found.
    """

    results: int
    text: str


class SearxngClient:
    """Searches the news with a SearXNG.

    Used from one event loop at a time; searches may run side by side. After three failures in a row it leaves the
    service alone for a minute, then for longer.

    Parameters
    ----------
    settings
        Address, age and language of the results, deadline.
    clock
        UTC seconds.
    transport
        In place of the network, for tests.

    Raises
    ------
    SettingsError
        If there is no address.

    Notes
    -----
    The contract of Perplexica, section 6.
    """

    def __init__(
        self,
        settings: SearxngSettings,
        clock: Callable[[], float] = time.time,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if settings.url is None:
            raise SettingsError(f"{_SETTING}.url: null; write where SearXNG answers, such as http://127.0.0.1:8080")
        self._settings = settings
        self._clock = clock
        self._exchange = Exchange(
            settings.url,
            service="SearXNG",
            max_answer_bytes=MAX_ANSWER_BYTES,
            transport=transport,
            setting=f"{_SETTING}.url",
        )
        self._circuit = Circuit()

    def __repr__(self) -> str:
        return f"SearxngClient({self._exchange.shown_url!r})"

    async def search(self, query: str) -> NewsResult:
        """Return what it found, best first, with an empty ``answer``; no items means that there are no news.

        A date is what an engine claims; it may lie after ``retrieved_at_s``, and then it is wrong, or our clock is.

        Raises
        ------
        NewsUnavailableError
            No connection, no answer within ``deadline_s``, an outage, its limiter, or no result while some of the
            engines that it asks failed; also while it is left alone after failures.
        NewsRefusedError
            It does not answer in JSON, or is no SearXNG.
        NewsAnswerError
            What it answers is no result of a search.
        """
        if rest_s := self._circuit.rests_for_s(self._clock()):
            raise news_unavailable(
                f"{self._exchange.shown_url}: it failed several times in a row and is left alone for another "
                f"{rest_s:.0f} s; see its log",
                retry_after_s=rest_s,
            )
        try:
            result = self._read(await self._ask(query))
        except NewsUnavailableError:
            self._circuit.failed(self._clock())
            raise
        self._circuit.succeeded()
        return result

    async def probe(self) -> SearxngProbe:
        """Return what answers there and what it finds; costs one search.

        Raises
        ------
        NewsError
            As :meth:`search` does.
        """
        result = self._read(await self._ask("Bitcoin"))
        dates = [item.published_at_s for item in result.items if item.published_at_s is not None]
        told = f"SearXNG; {len(result.items)} results for 'Bitcoin', {len(dates)} of them dated"
        later = sum(date_s > result.retrieved_at_s for date_s in dates)
        return SearxngProbe(len(result.items), f"{told}, {later} of these after our clock's time" if later else told)

    async def aclose(self) -> None:
        """Close what is open; a later search opens it again."""
        await self._exchange.aclose()

    async def _ask(self, query: str) -> Reply:
        params = {
            "q": " ".join(word.lstrip(_OPERATORS) for word in query.split()),
            "format": "json",
            "categories": "news",
            "time_range": self._settings.time_range,
            "language": self._settings.language,
            "pageno": "1",
        }
        try:
            reply = await self._exchange.request("GET", "/search", deadline_s=self._settings.deadline_s, params=params)
        except NewsUnavailableError as error:
            if error.status != httpx.codes.TOO_MANY_REQUESTS:
                raise
            raise news_unavailable(
                f"{error}; if its limiter takes us for a robot, add our address to botdetection.ip_lists.pass_ip of "
                "its limiter.toml",
                error.status,
                error.retry_after_s,
            ) from None
        if reply.status == httpx.codes.UNAUTHORIZED:
            raise self._exchange.refusal(
                reply, f"SearXNG itself wants no login: let what stands in front of {_SETTING}.url pass our address"
            )
        if reply.status == httpx.codes.FORBIDDEN:
            raise self._exchange.refusal(reply, "add json to search.formats in SearXNG's settings.yml")
        if not reply.ok:
            raise self._exchange.refusal(reply)
        return reply

    def _read(self, reply: Reply) -> NewsResult:
        where = f"{reply.call}: the answer"
        answer = expect_object(decode(reply.content, where), where)
        results = expect_list(answer.get("results"), f"{where}, 'results',")
        failed = list_or_empty(answer.get("unresponsive_engines"))
        if failed and not results:
            raise NoResultsError(
                f"{reply.call}: no results, and {len(failed)} of its engines did not answer ({_names_of(failed)}); "
                "whether there are news is not known; see its log"
            )
        now_s = self._clock()
        items = [item for raw in results[:_MOST_RESULTS] if (item := _item(raw)) is not None]
        if results and not items:
            raise NewsAnswerError(
                f"{where}: none of its {len(results)} results has a title or a text; see what answers there"
            )
        digest = hashlib.sha256(reply.content).hexdigest()
        return NewsResult("", _unique_items(items, now_s)[:MAX_ITEMS], now_s, digest)


def published_at(value: object) -> float | None:
    """Return a date of an engine as UTC seconds; ``None`` where it is none, or absurdly old.

    Examples
    --------
    >>> published_at("2025-02-03T10:00:00")
    1738576800.0
    """
    try:
        date = datetime.fromisoformat(text_or_none(value) or "")
        # Engines that tell no zone mean UTC, as far as anyone knows, and a date without a time is its beginning: when
        # news were known is when they were fetched, and their age, which is all that hangs on it, is not too small.
        at_s = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return at_s if at_s >= _FIRST_NEWS_AT_S else None


def _unique_items(items: Sequence[NewsItem], now_s: float) -> tuple[NewsItem, ...]:
    # Of a piece with several dates, one after our clock's time must not hide one that can be true.
    credible = unique_items(undated_if_later(item, now_s) for item in items)
    claimed = unique_items(items)
    return tuple(
        item if item.published_at_s is not None else claim for item, claim in zip(credible, claimed, strict=True)
    )


def _item(raw: object) -> NewsItem | None:
    fields = object_or_empty(raw)
    title = one_line(text_or_none(fields.get("title")) or "", MAX_TITLE_CHARACTERS)
    text = one_line(text_or_none(fields.get("content")) or "", MAX_TEXT_CHARACTERS)
    if not title and not text:
        return None
    return NewsItem(title, web_address(fields.get("url")), text, published_at(fields.get("publishedDate")))


def _names_of(failed: list[object]) -> str:
    names = (entry[0] if isinstance(entry, list) and entry else entry for entry in failed[:5])
    return one_line(", ".join(name for name in names if isinstance(name, str)), 100) or "unnamed"
