"""The memory that bots share: verdicts written to and read from a Graphiti server."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from freqai_ext._services.http import Exchange
from freqai_ext._services.strict_json import decode
from freqai_ext.errors import NewsAnswerError, NewsError, NewsUnavailableError, SettingsError
from freqai_ext.news._graphiti_dialects import DIALECTS, Request, group_of
from freqai_ext.news._plain_text import one_line
from freqai_ext.news.records import Verdict
from freqai_ext.news.settings import GraphitiSettings
from freqai_ext.news.shared_record import SharedRecord

LAST_READ: Final = 50
"""How many episodes of a group are read, unless more are asked for."""

_WIDER: Final = (LAST_READ, 200, 800)
_CONNECT_TIMEOUT_S: Final = 2.0
_MAX_ANSWER_BYTES: Final = 8_000_000
_LONGEST_FACT: Final = 300
_LONGEST_QUERY: Final = 300
_DENIED: Final = frozenset({401, 403})
_SECTION: Final = "freqai_ext.news.graphiti"
_SETTING: Final = f"{_SECTION}.url"


@dataclass(frozen=True)
class Page:
    """What a group holds of ours.

    Attributes
    ----------
    records
        Oldest first, each id once.
    is_whole
        Whether the group holds nothing older than this.
    """

    records: tuple[SharedRecord, ...]
    is_whole: bool


class GraphitiClient:
    """Graphiti, in either dialect. One attempt a call: when to try again is the caller's business.

    What is written is not stored yet: the server may queue it for minutes, or lose it without a word. Only
    :meth:`stored` tells. Everything read was written by others and is checked: what is not ours is left out.

    It is not for backtests: the server knows nothing of what was there at an earlier time.

    Parameters
    ----------
    settings
        Address, dialect, token, prefix of the groups and timeouts.
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
    All calls raise

    - NewsUnavailableError: no connection, no whole answer in time, 5xx, 429, 408;
    - NewsRefusedError: a redirect or another 4xx, such as for a wrong token;
    - NewsAnswerError: too large, no JSON, another shape.

    The contract: sections 1, 2 and 5.
    """

    def __init__(
        self,
        settings: GraphitiSettings,
        clock: Callable[[], float] = time.time,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if settings.url is None:
            raise SettingsError(f"{_SETTING}: not set; write the address of the server, such as http://127.0.0.1:8000")
        self._settings = settings
        self._clock = clock
        self._dialect = DIALECTS[settings.dialect]
        self._exchange = Exchange(
            settings.url,
            service="Graphiti",
            connect_timeout_s=_CONNECT_TIMEOUT_S,
            max_answer_bytes=_MAX_ANSWER_BYTES,
            headers=self._headers,
            transport=transport,
            setting=_SETTING,
        )
        self._server_ahead_s: float | None = None
        self._unconfirmed: dict[str, float] = {}
        self._confirmed_at_s: float | None = None

    def __repr__(self) -> str:
        return f"GraphitiClient({self._exchange.shown_url!r}, dialect={self._settings.dialect!r})"

    @property
    def shown_url(self) -> str:
        """The address, for texts."""
        return self._exchange.shown_url

    async def write(self, verdict: Verdict) -> None:
        """Hand over a verdict. That it is stored shows only when it is read back.

        After a NewsUnavailableError it may have been handed over all the same, unless its status is 502 or 503.

        Raises
        ------
        ValueError
            If it cannot be shared: :meth:`SharedRecord.of`.
        """
        record = SharedRecord.of(verdict)
        dated_s = record.observed_at_s
        if self._server_ahead_s is not None:
            # What is dated after the server's own time cannot be read back.
            dated_s = min(dated_s, time.time() + self._server_ahead_s)
        request = self._dialect.append(record, self._group(verdict.asset), dated_s)
        self._dialect.check_appended(*await self._ask(request))
        self._unconfirmed.setdefault(verdict.id, self._clock())

    async def page(self, asset: str, last: int = LAST_READ) -> Page:
        """Return our records among the last episodes of an asset."""
        contents = self._dialect.contents(*await self._ask(self._dialect.episodes(self._group(asset), last)))
        records: dict[str, SharedRecord] = {}
        for content in contents:
            record = SharedRecord.parse(content)
            if record is not None and record.asset == asset:
                records.setdefault(record.id, record)
        for record_id in records.keys() & self._unconfirmed.keys():
            del self._unconfirmed[record_id]
            self._confirmed_at_s = self._clock()
        return Page(tuple(sorted(records.values(), key=_observed)), is_whole=len(contents) < last)

    async def page_since(self, asset: str, since_s: float) -> Page:
        """Return the page that reaches back to ``since_s`` (UTC seconds), or to the last 800 episodes.

        Where so much of the group cannot be read, as much as can.
        """
        page = await self.page(asset)
        for last in _WIDER[1:]:
            if page.is_whole or (page.records and page.records[0].observed_at_s < since_s):
                break
            try:
                page = await self.page(asset, last)
            except (NewsAnswerError, NewsUnavailableError):
                break
        return page

    async def stored(self, asset: str, verdict_id: str) -> bool:
        """Return whether a verdict can be read back; looks through the last 800 episodes of its asset."""
        for last in _WIDER:
            page = await self.page(asset, last)
            if any(record.id == verdict_id for record in page.records):
                return True
            if page.is_whole:
                break
        return False

    async def history(self, asset: str, *, until_s: float, limit: int = LAST_READ) -> tuple[Verdict, ...]:
        """Return the last verdicts on an asset that were made until ``until_s`` (UTC seconds), oldest first.

        ``available_at_s`` is when their makers had them; this bot may use them from now on and not before.

        Parameters
        ----------
        limit
            How many episodes are read, which may include others than verdicts.
        """
        page = await self.page(asset, limit)
        return tuple(record.verdict() for record in page.records if record.observed_at_s <= until_s)

    async def facts(self, asset: str, query: str, limit: int) -> tuple[str, ...]:
        """Return what the server's own model made of an asset's verdicts, as text.

        It is paraphrased, undated and not reproducible: background for a prompt, never part of a decision. Like all
        that others wrote it may hold instructions to a model.
        """
        if limit < 1:
            return ()
        request = self._dialect.facts(self._group(asset), one_line(query, _LONGEST_QUERY), limit)
        texts = self._dialect.fact_texts(*await self._ask(request))
        return tuple(one_line(text, _LONGEST_FACT) for text in texts[:limit])

    async def healthy(self) -> str | None:
        """Return what is wrong; ``None`` where nothing is known to be.

        Asked are the server, its database, and whether what was written has been read back in time: the server itself
        says that it is healthy when it stores nothing any more.
        """
        try:
            await self._ask(self._dialect.health)
            await self._ask(self._dialect.episodes(self._group("BTC"), 1))
        except NewsError as error:
            return str(error)
        waiting_s = self._clock() - min(self._unconfirmed.values(), default=self._clock())
        if waiting_s <= self._settings.confirm_within_s:
            return None
        if self._confirmed_at_s is None:
            last = "and none was ever confirmed"
        else:
            last = f"and the last was confirmed {self._clock() - self._confirmed_at_s:.0f} s ago"
        return (
            f"{self.shown_url}: a verdict that Graphiti accepted {waiting_s:.0f} s ago cannot be read back, {last}; "
            "its ingest is dead or very slow; see its log, and restart the server"
        )

    async def aclose(self) -> None:
        """Close what is open; a later call opens it again."""
        await self._exchange.aclose()

    async def _ask(self, request: Request) -> tuple[object, str]:
        reply = await self._exchange.request(
            request.method,
            request.path,
            deadline_s=self._settings.timeout_s,
            json=request.json,
            params=request.params,
        )
        if not reply.ok:
            raise self._exchange.refusal(reply, self._remedy(reply.status))
        self._look_at_its_clock(reply.headers.get("date", ""))
        where = f"{reply.call}: the answer"
        return decode(reply.content, where), where

    def _remedy(self, status: int) -> str | None:
        if status not in _DENIED:
            return None
        if self._settings.token is None:
            return f"it wants a key, and none is set: set {_SECTION}.token"
        header = self._settings.token_header or self._dialect.token_header
        return (
            f"the key that was sent in the header {header} is not accepted: correct {_SECTION}.token, or the header by "
            f"{_SECTION}.token_header"
        )

    def _look_at_its_clock(self, date: str) -> None:
        try:
            self._server_ahead_s = parsedate_to_datetime(date).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            self._server_ahead_s = None

    def _group(self, asset: str) -> str:
        return group_of(self._settings.group_prefix, asset)

    def _headers(self) -> dict[str, str]:
        if self._settings.token is None:
            return {}
        name = self._settings.token_header or self._dialect.token_header
        token = self._settings.token.get_secret_value()
        # What holds a space says its scheme itself, such as "Basic …".
        wants_scheme = name.lower() == "authorization" and " " not in token.strip()
        return {name: f"Bearer {token.strip()}" if wants_scheme else token}


def _observed(record: SharedRecord) -> float:
    return record.observed_at_s
