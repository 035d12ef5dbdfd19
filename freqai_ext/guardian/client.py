"""The one module that speaks HTTP to Guardian."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import httpx
from pydantic import SecretStr

from freqai_ext.errors import GuardianAnswerError, GuardianDeniedError, GuardianError, SettingsError
from freqai_ext.guardian._reading import decode
from freqai_ext.guardian._refusals import DENIED, refusal, unavailable, without_token
from freqai_ext.guardian.answers import FeaturesAnswer, Health, PushReceipt, StoredPredictions
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.token import TokenSource

FEATURES_PER_CALL: Final = 25
"""With more in the whitelist, pairs that nobody asked for push some of them out of the answer: contract, section 4."""

FEATURES_LIMIT: Final = 40
"""Guardian's own cap of the pairs in an answer."""

_FEATURES_TIMEOUT_S: Final = 60.0
_FEATURES_TIMEOUT_PER_PAIR_S: Final = 7.0

_BYTES_PER_MB: Final = 1_000_000
_MOST_OF_A_REFUSAL_BYTES: Final = 16_384
_LONGEST_REASON: Final = 200
_SEE_WHETHER_IT_RUNS: Final = "see whether Guardian's bridge runs there, and freqai_ext.guardian.url is its address"

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
        try:
            httpx.URL(settings.url)
        except httpx.InvalidURL as error:
            raise SettingsError(
                f"freqai_ext.guardian.url: {settings.url!r} is not valid ({error}); write http://127.0.0.1:8099"
            ) from None
        self._settings = settings
        self._token = TokenSource(settings)
        self._transport = transport
        self._most_bytes = int(settings.max_answer_mb * _BYTES_PER_MB)
        self._http: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"GuardianClient({self._settings.url!r}, {self._token!r})"

    @property
    def has_token(self) -> bool:
        """Whether there is a token to send."""
        return self._token.current() is not None

    async def health(self, *, authenticated: bool = True) -> Health:
        """Return Guardian's state; without the token where not ``authenticated``. It costs Guardian next to nothing."""
        return await self._call(_Request("GET", "/health", self._settings.timeout_s), Health.parse, authenticated)

    async def features(self, symbols: Sequence[str]) -> FeaturesAnswer:
        """Have Guardian scan the market and return what it found; takes up to 60 s and 7 s a pair.

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
        timeout_s = _FEATURES_TIMEOUT_S + _FEATURES_TIMEOUT_PER_PAIR_S * len(symbols)
        return await self._call(_Request("GET", "/features", timeout_s, params), FeaturesAnswer.parse)

    async def predictions(self) -> StoredPredictions:
        """Return the set that Guardian holds."""
        return await self._call(_Request("GET", "/predictions", self._settings.timeout_s), StoredPredictions.parse)

    async def push(self, body: bytes) -> PushReceipt:
        """Replace the set that Guardian holds by the JSON object ``body``.

        After a GuardianUnavailableError or GuardianAnswerError it may have been replaced all the same.
        """
        started_s = time.perf_counter()
        request = _Request("POST", "/predictions", self._settings.timeout_s, body=body)
        return await self._call(request, lambda raw: PushReceipt.parse(raw, time.perf_counter() - started_s))

    async def aclose(self) -> None:
        """Close what is open; a later call opens it again."""
        http, loop = self._http, self._loop
        self._http = self._loop = None
        if http is not None and loop is asyncio.get_running_loop():
            await http.aclose()

    async def _call(
        self, request: "_Request", parse: Callable[[object], AnswerT], authenticated: bool = True
    ) -> AnswerT:
        token = self._token.current() if authenticated else None
        reply = await self._send(request, token)
        if reply.status in DENIED and authenticated:
            newer = self._read_token_again(request, reply, token)
            if newer != token:
                token = newer
                reply = await self._send(request, token)
        if reply.status != httpx.codes.OK:
            raise self._refusal(request, reply, token)
        try:
            return parse(decode(reply.body, request.path))
        except GuardianAnswerError as error:
            raise GuardianAnswerError(f"{request.method} {self._settings.url}{error}") from None

    def _read_token_again(self, request: "_Request", reply: "_Reply", sent: SecretStr | None) -> SecretStr | None:
        try:
            self._token.refresh()
        except SettingsError as error:
            raise GuardianDeniedError(f"{self._refusal(request, reply, sent)}; also, {error}") from None
        # Not what refresh() says: another call may have read the new one while this was on its way with the old.
        return self._token.current()

    def _refusal(self, request: "_Request", reply: "_Reply", token: SecretStr | None) -> GuardianError:
        url = self._settings.url + request.path
        return refusal(f"{request.method} {url}", url, reply.status, reply.body, reply.location, token)

    async def _send(self, request: "_Request", token: SecretStr | None) -> "_Reply":
        call = f"{request.method} {self._settings.url}{request.path}"
        connect_s, answer_s = self._settings.connect_timeout_s, request.timeout_s
        try:
            # The timeouts of httpx begin anew with every byte, so that an answer in drips would never end.
            async with (
                asyncio.timeout(connect_s + answer_s),
                self._open().stream(
                    request.method,
                    self._settings.url + request.path,
                    params=request.params,
                    content=request.body,
                    headers=_headers(request, token),
                    timeout=httpx.Timeout(answer_s, connect=connect_s),
                ) as response,
            ):
                body = await self._read(response, call)
                return _Reply(response.status_code, body, response.headers.get("location"))
        except httpx.ConnectTimeout:
            raise unavailable(f"{call}: no connection within {connect_s:g} s; {_SEE_WHETHER_IT_RUNS}") from None
        except (httpx.TimeoutException, TimeoutError):
            raise unavailable(f"{call}: no whole answer within {answer_s:g} s; it may pass") from None
        except httpx.ConnectError as error:
            raise unavailable(f"{call}: no connection ({_reason(error, token)}); {_SEE_WHETHER_IT_RUNS}") from None
        except (httpx.HTTPError, OSError) as error:
            raise unavailable(f"{call}: the connection broke ({_reason(error, token)}); it may pass") from None

    async def _read(self, response: httpx.Response, call: str) -> bytes:
        refused = response.status_code != httpx.codes.OK
        # What is compressed could unpack to a thousand times of what arrives.
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            if refused:
                return b""
            raise GuardianAnswerError(
                f"{call}: the answer is compressed, which was not asked for; see what answers there"
            )
        length = response.headers.get("content-length", "")
        if not refused and length.isdecimal() and int(length) > self._most_bytes:
            raise self._too_large(call)
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if refused and size > _MOST_OF_A_REFUSAL_BYTES:
                break
            if size > self._most_bytes:
                raise self._too_large(call)
        return b"".join(chunks)

    def _too_large(self, call: str) -> GuardianAnswerError:
        return GuardianAnswerError(
            f"{call}: the answer is larger than {self._settings.max_answer_mb:g} MB; if that is right, "
            "raise freqai_ext.guardian.max_answer_mb"
        )

    def _open(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            # Certificates take 40 ms to load, during which the bot's own thread stands still.
            secure = self._settings.url.startswith("https:")
            self._loop = loop
            self._http = httpx.AsyncClient(
                verify=True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                transport=self._transport,
                limits=httpx.Limits(max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    timeout_s: float
    params: Mapping[str, str] | None = None
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Reply:
    status: int
    body: bytes = field(repr=False)
    location: str | None


def _headers(request: _Request, token: SecretStr | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "freqai-ext"}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["X-API-Token"] = token.get_secret_value()
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    return headers


def _reason(error: BaseException, token: SecretStr | None) -> str:
    # What httpx says of a refused connection is only that all attempts failed.
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    # Of what is no HTTP, it repeats the bytes.
    return without_token(str(error) or type(error).__name__, token)[:_LONGEST_REASON]
