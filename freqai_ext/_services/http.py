"""One HTTP exchange that cannot take too long, bring too much, or carry a key to another place."""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Final

import httpx
import orjson

from freqai_ext._services.reply import NEWS_ERRORS, ErrorTypes, Reply, news_unavailable, refusal, without
from freqai_ext.errors import FreqaiExtError, SettingsError

__all__ = ["NEWS_ERRORS", "ErrorTypes", "Exchange", "Reply", "news_unavailable"]

_MOST_OF_A_REFUSAL_BYTES: Final = 16_384
_LONGEST_REASON: Final = 200
_BYTES_PER_MB: Final = 1_000_000
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Exchange:
    """Requests to one address. One attempt a call: when to try again is the caller's business.

    It may be made before there is an event loop, and is used from one loop at a time. Every call has a connection of
    its own, so that a service which was restarted in between is never met through a dead one. What ``headers`` returns
    goes to ``base_url`` only: redirects are not followed, proxies and passwords of the environment not used.

    Parameters
    ----------
    base_url
        Scheme, host, port and path.
    service
        What the texts call it, such as ``"Perplexica"``.
    connect_timeout_s
        Longest wait for a connection, within the deadline of a request.
    max_answer_bytes
        Larger answers are not read to their end.
    headers
        Asked before every request, so that a key may change; their values appear in no text.
    transport
        In place of the network, for tests.
    setting
        Path of the setting that ``base_url`` comes from, for remedies.
    size_remedy
        What to do where an answer is larger; by default to see what answers there.
    errors
        The exceptions it raises.

    Raises
    ------
    SettingsError
        If the address is none.
    """

    def __init__(
        self,
        base_url: str,
        *,
        service: str,
        connect_timeout_s: float = 5.0,
        max_answer_bytes: int = 2_000_000,
        headers: Callable[[], Mapping[str, str]] = dict,
        transport: httpx.AsyncBaseTransport | None = None,
        setting: str = "its url in the settings",
        size_remedy: str | None = None,
        errors: ErrorTypes = NEWS_ERRORS,
    ) -> None:
        shown = re.sub(r"//[^/@]*@", "//", base_url).rstrip("/")
        if fault := _fault_of(base_url):
            raise SettingsError(
                f"{setting}: {shown!r} is not valid ({fault}); write scheme, host, port and path, "
                "such as http://127.0.0.1:3000"
            )
        self.shown_url = shown
        self._base_url = base_url.rstrip("/")
        self._service = service
        self._connect_timeout_s = connect_timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._headers = headers
        self._transport = transport
        self._setting = setting
        self._size_remedy = size_remedy or f"see whether it is {service} that answers there"
        self._errors = errors
        self._http: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"Exchange({self.shown_url!r}, service={self._service!r})"

    async def request(
        self,
        method: str,
        path: str,
        *,
        deadline_s: float,
        json: object = None,
        params: Mapping[str, str] | None = None,
        timeout_remedy: str = "it may pass",
    ) -> Reply:
        """Send a request and return the answer: a 2xx, or a 4xx that the caller may know a way around.

        Parameters
        ----------
        method, path
            ``path`` begins with a slash and is appended to the address.
        deadline_s
            Longest wait in seconds for all of it, connection included; also for an answer in drips.
        json
            Sent as the body, if not ``None``.
        params
            The query.
        timeout_remedy
            What to do where no answer came in time.

        Raises
        ------
        NewsUnavailableError
            No connection, no whole answer in time, 5xx, 408, 429. Its ``status`` is that of the answer, or ``None``;
            its ``retry_after_s`` what the answer asks for.
        NewsRefusedError
            A redirect, or a header that HTTP cannot carry.
        NewsAnswerError
            Larger than ``max_answer_bytes``, or compressed.
        """
        reply = await self.send(
            method,
            path,
            deadline_s=deadline_s,
            content=orjson.dumps(json) if json is not None else None,
            params=params,
            timeout_remedy=timeout_remedy,
        )
        if reply.passing or 300 <= reply.status < 400:
            raise self.refusal(reply)
        return reply

    async def send(
        self,
        method: str,
        path: str,
        *,
        deadline_s: float,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_remedy: str = "it may pass",
    ) -> Reply:
        """Send a request and return whatever is answered, of any status.

        Parameters are those of :meth:`request`, except

        content
            JSON to send as the body, if not ``None``.
        headers
            Those with secrets, in place of the exchange's own.

        Raises
        ------
        NewsUnavailableError, NewsRefusedError, NewsAnswerError
            As :meth:`request`, but never for a status.
        """
        call = f"{method} {self.shown_url}{path}"
        own_headers = self._checked(self._headers() if headers is None else headers, call)
        secrets = tuple(own_headers.values())
        all_headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "freqai-ext"}
        if content is not None:
            all_headers["Content-Type"] = "application/json"
        see = f"see whether {self._service} runs there, and {self._setting} is its address"
        connect_s = min(self._connect_timeout_s, deadline_s)
        try:
            # The timeouts of httpx begin again with every byte, so that an answer in drips would never end.
            async with (
                asyncio.timeout(deadline_s),
                self._open().stream(
                    method,
                    self._base_url + path,
                    params=params,
                    content=content,
                    headers=all_headers | own_headers,
                    timeout=httpx.Timeout(deadline_s, connect=connect_s),
                ) as response,
            ):
                return Reply(response.status_code, await self._read(response, call), dict(response.headers), call)
        except httpx.ConnectTimeout:
            raise self._unavailable(f"{call}: no connection within {connect_s:.3g} s; {see}", unsent=True) from None
        except (httpx.TimeoutException, TimeoutError):
            raise self._unavailable(f"{call}: no whole answer within {deadline_s:.3g} s; {timeout_remedy}") from None
        except httpx.ConnectError as error:
            reason = _reason(error, secrets)
            raise self._unavailable(f"{call}: no connection ({reason}); {see}", unsent=True) from None
        # A host name that is too long for the name service is a UnicodeError.
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            reason = _reason(error, secrets)
            raise self._unavailable(f"{call}: the connection broke ({reason}); it may pass") from None

    def refusal(self, reply: Reply, remedy: str | None = None) -> FreqaiExtError:
        """Return the error for a reply that is of no use to the caller.

        Parameters
        ----------
        reply
            Of this exchange.
        remedy
            What to do about it; ``None`` says what the status suggests.
        """
        secrets = tuple(self._checked(self._headers(), reply.call).values())
        return refusal(reply, errors=self._errors, secrets=secrets, setting=self._setting, remedy=remedy)

    async def aclose(self) -> None:
        """Close what is open; a later request opens it again."""
        http, loop = self._http, self._loop
        self._http = self._loop = None
        if http is not None and loop is asyncio.get_running_loop():
            await http.aclose()

    def _checked(self, given: Mapping[str, str], call: str) -> dict[str, str]:
        # A key that was read from a file or the environment often ends with a line break.
        headers = {name: value.strip() for name, value in given.items()}
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise self._errors.refused(
                    f"{call}: the header {name!r} or its value has characters that HTTP cannot carry, so nothing was "
                    "sent; write the key, or the name of its header, again"
                )
        return headers

    def _unavailable(self, text: str, *, unsent: bool = False) -> FreqaiExtError:
        return self._errors.unavailable(text, None, None, unsent)

    async def _read(self, response: httpx.Response, call: str) -> bytes:
        refused = not response.is_success
        # What is compressed could unpack to a thousand times of what arrives.
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            if refused:
                return b""
            raise self._errors.answer(
                f"{call}: the answer is compressed, which was not asked for; see what answers there"
            )
        length = response.headers.get("content-length", "")
        if not refused and length.isdecimal() and int(length) > self._max_answer_bytes:
            raise self._too_large(call)
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if refused and size > _MOST_OF_A_REFUSAL_BYTES:
                return b"".join(chunks)[:_MOST_OF_A_REFUSAL_BYTES]
            if not refused and size > self._max_answer_bytes:
                raise self._too_large(call)
        return b"".join(chunks)

    def _too_large(self, call: str) -> FreqaiExtError:
        return self._errors.answer(
            f"{call}: the answer is larger than {self._max_answer_bytes / _BYTES_PER_MB:g} MB, and nothing of it was "
            f"kept; {self._size_remedy}"
        )

    def _open(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            # Certificates take 40 ms to load, during which the bot's own thread stands still.
            secure = self._base_url.startswith("https:")
            self._loop = loop
            self._http = httpx.AsyncClient(
                verify=True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                transport=self._transport,
                limits=httpx.Limits(max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http


def _fault_of(url: str) -> str | None:
    try:
        port = httpx.URL(url).port
    except httpx.InvalidURL as error:
        return str(error)
    return None if port is None or 0 < port < 65_536 else f"port {port}"


def _reason(error: BaseException, secrets: tuple[str, ...]) -> str:
    # What httpx says of a refused connection is only that all attempts failed.
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    # Of what is no HTTP, it repeats the bytes.
    return without(str(error) or type(error).__name__, secrets)[:_LONGEST_REASON]
