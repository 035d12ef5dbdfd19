"""The one module that speaks to Perplexica, now called Vane."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx

from freqai_ext._services.circuit import Circuit
from freqai_ext._services.http import Exchange, Reply, news_unavailable
from freqai_ext._services.strict_json import decode
from freqai_ext.errors import FreqaiExtError, NewsRefusedError, NewsUnavailableError, SettingsError
from freqai_ext.news._perplexica_answer import read_answer
from freqai_ext.news._perplexica_dialect import ByProviderId, ByProviderName, Dialect
from freqai_ext.news._perplexica_models import (
    Kind,
    OfferedModel,
    choose_model,
    models_by_provider_id,
    models_by_provider_name,
)
from freqai_ext.news.search import MAX_ANSWER_BYTES, NewsResult
from freqai_ext.news.settings import PerplexicaSettings

_SETTING: Final = "freqai_ext.news.perplexica"
_LISTING_TIMEOUT_S: Final = 15.0
_HANGS: Final = (
    "it answers nothing at all where its own model or its SearXNG fails, so see its log; "
    f"if it only is slow, raise {_SETTING}.deadline_s"
)
_WRONG_MODELS: Final = (
    "its models were looked up again just now, so most likely one of them does not work there; see its log, and "
    f"{_SETTING}.chat_model and embedding_model"
)
_NO_PERPLEXICA: Final = (
    f"neither /api/providers nor /api/models is there; see whether {_SETTING}.url is the address of Perplexica's API, "
    "which is on port 3000, and until version 1.9 on port 3001"
)
_PROXY_WANTS_A_KEY: Final = (
    f"a proxy in front of it wants a key; set {_SETTING}.api_key, and api_key_header if it is not Authorization"
)
_DENIED: Final = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
_ANOTHER_GENERATION: Final = (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY)


class PerplexicaClient:
    """Searches with a Perplexica of any generation, which it finds out at the first search.

    Used from one event loop at a time; searches may run side by side. After three failures in a row it leaves the
    service alone for a minute, then for longer, since what it gives up on goes on running there.

    Parameters
    ----------
    settings
        Address, models, deadline, and how much of an answer is kept.
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
    The contract: sections 1 to 5. No generation tells dates, so no item has one.
    """

    def __init__(
        self,
        settings: PerplexicaSettings,
        clock: Callable[[], float] = time.time,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if settings.url is None:
            raise SettingsError(f"{_SETTING}.url: null; write where Perplexica answers, such as http://127.0.0.1:3000")
        self._settings = settings
        self._clock = clock
        self._exchange = Exchange(
            settings.url,
            service="Perplexica",
            max_answer_bytes=MAX_ANSWER_BYTES,
            headers=self._headers,
            transport=transport,
            setting=f"{_SETTING}.url",
        )
        self._search_call = f"POST {self._exchange.shown_url}/api/search"
        self._circuit = Circuit()
        self._dialect: Dialect | None = None

    def __repr__(self) -> str:
        return f"PerplexicaClient({self._exchange.shown_url!r})"

    async def search(self, query: str) -> NewsResult:
        """Return what it found; no items means that there are no news.

        Parameters
        ----------
        query
            As :func:`~freqai_ext.news.search.query_for` makes it; that it be new and dated is asked for here.

        Raises
        ------
        NewsUnavailableError
            No connection, no answer within ``deadline_s``, an outage, or left alone after failures, in which case
            ``retry_after_s`` says for how long.
        NewsRefusedError
            It has no such model, is no Perplexica, or fails at once with models that were just looked up.
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
            reply = await self._search(query)
        except NewsUnavailableError:
            self._circuit.failed(self._clock())
            raise
        self._circuit.succeeded()
        return read_answer(
            reply.content,
            f"{reply.call}: the answer",
            self._clock(),
            self._settings.max_items,
            self._settings.max_item_characters,
        )

    async def probe(self) -> str:
        """Return what answers there and which models it would be asked for; costs no search.

        Raises
        ------
        NewsError
            As :meth:`search` does.
        """
        dialect = await self._resolve(asyncio.get_running_loop().time() + self._settings.deadline_s)
        return dialect.told()

    async def aclose(self) -> None:
        """Close what is open; a later search opens it again."""
        await self._exchange.aclose()

    async def _search(self, query: str) -> Reply:
        ends_s = asyncio.get_running_loop().time() + self._settings.deadline_s
        for attempt in range(2):
            known = self._dialect if attempt == 0 else None
            dialect = self._dialect = known or await self._resolve(ends_s)
            try:
                reply = await self._exchange.request(
                    "POST",
                    "/api/search",
                    deadline_s=_left_s(ends_s),
                    json=dialect.body(query, self._settings.optimization_mode),
                    timeout_remedy=_HANGS,
                )
            except NewsUnavailableError as error:
                if error.status != httpx.codes.INTERNAL_SERVER_ERROR:
                    raise
                # It means that a model or provider is gone, and a new installation has new ids.
                self._dialect = None
                if known is None:
                    raise NewsRefusedError(f"{self._search_call}: answered 500; {_WRONG_MODELS}") from None
                continue
            if reply.ok:
                return reply
            # Another generation in its place misses other fields, each in its own words.
            self._dialect = None
            if known is None or reply.status not in _ANOTHER_GENERATION:
                raise self._refusal(reply)
        raise AssertionError("the second attempt returns or raises")

    async def _resolve(self, ends_s: float) -> Dialect:
        reply = await self._listing("/api/providers", ends_s)
        if reply.ok:
            return ByProviderId(
                self._choose(reply, "chat", models_by_provider_id),
                self._choose(reply, "embedding", models_by_provider_id),
                knows_quality=self._settings.optimization_mode != "quality" or await self._knows_quality(ends_s),
            )
        if reply.status != httpx.codes.NOT_FOUND:
            raise self._refusal(reply)
        reply = await self._listing("/api/models", ends_s)
        if reply.status == httpx.codes.NOT_FOUND:
            raise self._exchange.refusal(reply, _NO_PERPLEXICA)
        if not reply.ok:
            raise self._refusal(reply)
        return ByProviderName(
            self._choose(reply, "chat", models_by_provider_name) if any(self._wanted("chat")) else None,
            self._choose(reply, "embedding", models_by_provider_name) if any(self._wanted("embedding")) else None,
        )

    async def _knows_quality(self, ends_s: float) -> bool:
        """Return whether it is of the last generation, by what it misses in an empty question."""
        reply = await self._exchange.request(
            "POST", "/api/search", deadline_s=min(_left_s(ends_s), _LISTING_TIMEOUT_S), json={"query": ""}
        )
        return "focus" not in (reply.detail or "").casefold()

    async def _listing(self, path: str, ends_s: float) -> Reply:
        return await self._exchange.request("GET", path, deadline_s=min(_left_s(ends_s), _LISTING_TIMEOUT_S))

    def _choose(
        self, reply: Reply, kind: Kind, read: Callable[[object, str, Kind], list[OfferedModel]]
    ) -> OfferedModel:
        where = f"{reply.call}: the answer"
        return choose_model(read(decode(reply.content, where), where, kind), kind, *self._wanted(kind), reply.call)

    def _refusal(self, reply: Reply) -> FreqaiExtError:
        if reply.status in _DENIED:
            return self._exchange.refusal(reply, _PROXY_WANTS_A_KEY)
        wrong_model = "model" in (reply.detail or "").casefold()
        return self._exchange.refusal(
            reply, f"correct {_SETTING}.chat_model and embedding_model, and their providers" if wrong_model else None
        )

    def _wanted(self, kind: Kind) -> tuple[str | None, str | None]:
        if kind == "chat":
            return self._settings.chat_provider, self._settings.chat_model
        return self._settings.embedding_provider, self._settings.embedding_model

    def _headers(self) -> dict[str, str]:
        if self._settings.api_key is None:
            return {}
        name, key = self._settings.api_key_header, self._settings.api_key.get_secret_value().strip()
        has_scheme = " " in key or name.casefold() != "authorization"
        return {name: key if has_scheme else f"Bearer {key}"}


def _left_s(ends_s: float) -> float:
    return max(ends_s - asyncio.get_running_loop().time(), 0.0)
