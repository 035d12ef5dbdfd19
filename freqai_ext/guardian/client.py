"""The one module that speaks to Guardian."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import httpx
from pydantic import SecretStr

from freqai_ext._services.http import Exchange, Reply
from freqai_ext.errors import GuardianAnswerError, GuardianDeniedError, SettingsError
from freqai_ext.guardian._reading import decode
from freqai_ext.guardian._refusals import DENIED, GUARDIAN_ERRORS, refusal
from freqai_ext.guardian.answers import FeaturesAnswer, Health, PushReceipt, StoredPredictions
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.token import TokenSource

FEATURES_PER_CALL: Final = 25
"""With more in the whitelist, pairs that nobody asked for push some of them out of the answer: contract, section 4."""

FEATURES_LIMIT: Final = 40
"""Guardian's own cap of the pairs in an answer."""

# 7 s a pair: whatever is asked for, Guardian may scan as many pairs as an answer holds.
_FEATURES_TIMEOUT_S: Final = 60.0 + 7.0 * FEATURES_LIMIT

_BYTES_PER_MB: Final = 1_000_000

AnswerT = TypeVar("AnswerT")


class GuardianClient:
    """Guardian's four routes. One attempt a call: when to try again is the caller's business.

    It may be made before there is an event loop, and is used from one loop at a time. Every call has a connection of
    its own, so that a Guardian which was restarted in between is never met through a dead one. The token goes to the
    address of the settings only: redirects are not followed, and proxies of the environment not used.

    Parameters
    ----------
    settings
        Address, token, timeouts and the largest answer.
    transport
        In place of the network, for tests.

    Raises
    ------
    SettingsError
        If the address is none, or the token file cannot be used.

    Notes
    -----
    All calls raise

    - GuardianUnavailableError: no connection, no whole answer in time, 5xx, 429, 408. Its ``status`` is that of the
      answer, or ``None`` where there was none;
    - GuardianDeniedError: 401 or 403, after the token file was read again and, where it had another, a second try;
    - GuardianRefusedError: a redirect or another 4xx;
    - GuardianAnswerError: larger than ``max_answer_mb``, compressed, no JSON, another shape.

    The contract: sections 1 to 4, 6 and 7.
    """

    def __init__(self, settings: GuardianSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._token = TokenSource(settings)
        self._exchange = Exchange(
            settings.url,
            service="Guardian's bridge",
            connect_timeout_s=settings.connect_timeout_s,
            max_answer_bytes=int(settings.max_answer_mb * _BYTES_PER_MB),
            transport=transport,
            setting="freqai_ext.guardian.url",
            size_remedy="if that is right, raise freqai_ext.guardian.max_answer_mb",
            errors=GUARDIAN_ERRORS,
        )

    def __repr__(self) -> str:
        return f"GuardianClient({self._exchange.shown_url!r}, {self._token!r})"

    @property
    def has_token(self) -> bool:
        """Whether there is a token to send."""
        return self._token.current() is not None

    async def health(self, *, authenticated: bool = True) -> Health:
        """Return Guardian's state; without the token where not ``authenticated``. It costs Guardian next to nothing."""
        return await self._call("GET", "/health", Health.parse, authenticated=authenticated)

    async def features(self, symbols: Sequence[str]) -> FeaturesAnswer:
        """Have Guardian scan the market and return what it found; takes up to 340 s.

        Guardian adds pairs that were not asked for, and leaves out those that it does not know.

        Parameters
        ----------
        symbols
            As ``"BTCUSDT"``, 25 at most; always the same ones in the same call, since being named changes a pair's
            values. One call at a time.

        Raises
        ------
        ValueError
            If there are more than 25.
        """
        if len(symbols) > FEATURES_PER_CALL:
            raise ValueError(f"{len(symbols)} symbols; ask for {FEATURES_PER_CALL} at most in one call")
        params = {"limit": str(FEATURES_LIMIT)} | ({"whitelist": ",".join(symbols)} if symbols else {})
        return await self._call("GET", "/features", FeaturesAnswer.parse, deadline_s=_FEATURES_TIMEOUT_S, params=params)

    async def predictions(self) -> StoredPredictions:
        """Return the set that Guardian holds."""
        return await self._call("GET", "/predictions", StoredPredictions.parse)

    async def push(self, body: bytes) -> PushReceipt:
        """Replace the set that Guardian holds by the JSON object ``body``.

        After a GuardianUnavailableError or GuardianAnswerError it may have been replaced all the same.
        """
        started_s = time.perf_counter()

        def parse(raw: object) -> PushReceipt:
            return PushReceipt.parse(raw, time.perf_counter() - started_s)

        return await self._call("POST", "/predictions", parse, body=body)

    async def aclose(self) -> None:
        """Close what is open; a later call opens it again."""
        await self._exchange.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        parse: Callable[[object], AnswerT],
        *,
        authenticated: bool = True,
        deadline_s: float | None = None,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AnswerT:
        async def send(token: SecretStr | None) -> Reply:
            return await self._exchange.send(
                method,
                path,
                deadline_s=deadline_s or self._settings.timeout_s,
                content=body,
                params=params,
                headers=_headers(token),
            )

        token = self._token.current() if authenticated else None
        reply = await send(token)
        if reply.status in DENIED and authenticated:
            newer = self._read_token_again(reply, token)
            if newer != token:
                token = newer
                reply = await send(token)
        if reply.status != httpx.codes.OK:
            raise refusal(reply, token)
        try:
            return parse(decode(reply.content, path))
        except GuardianAnswerError as error:
            raise GuardianAnswerError(f"{method} {self._exchange.shown_url}{error}") from None

    def _read_token_again(self, reply: Reply, sent: SecretStr | None) -> SecretStr | None:
        try:
            self._token.refresh()
        except SettingsError as error:
            raise GuardianDeniedError(f"{refusal(reply, sent)}; also, {error}") from None
        # Not what refresh() says: another call may have read the new one while this was on its way with the old.
        return self._token.current()


def _headers(token: SecretStr | None) -> dict[str, str]:
    if token is None:
        return {}
    secret = token.get_secret_value()
    return {"X-API-Token": secret, "Authorization": f"Bearer {secret}"}
