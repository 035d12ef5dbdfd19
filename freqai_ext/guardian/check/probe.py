"""Sends Guardian what the client refuses to send; takes the same care of the token and of what comes back."""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

import httpx
from pydantic import SecretStr

from freqai_ext.errors import GuardianAnswerError, GuardianUnavailableError

_BYTES_PER_MB: Final = 1_000_000
_SHOWN: Final = 120


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes
    ----------
    status
        HTTP status.
    body
        The content.
    content_type
        As the answer names it, lower case; empty where it does not.
    location
        Where a redirect points to, which was not followed.
    """

    status: int
    body: bytes = field(repr=False)
    content_type: str
    location: str | None

    @property
    def json(self) -> Any:
        """The content as JSON; ``None`` for what is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def fields(self) -> dict[str, Any]:
        """The content as a JSON object; an empty one for what is none."""
        content = self.json
        return content if isinstance(content, dict) else {}

    @property
    def detail(self) -> object:
        """Why the request was refused, as Guardian says it."""
        return self.fields.get("detail")

    def __str__(self) -> str:
        # Of a 422 the text depends on a version: only the status says something.
        said = f" {self.detail!r}" if isinstance(self.detail, str) else ""
        return f"{self.status}{said}"[:_SHOWN]


class Probe:
    """A connection to a Guardian, for any request.

    Redirects are not followed, proxies of the environment not used, compressed answers not taken.

    Parameters
    ----------
    url
        Guardian's address.
    token
        Its token; ``None`` where there is none.
    timeout_s
        Longest wait for a whole answer.
    max_answer_mb
        A larger answer is refused.
    """

    def __init__(
        self, url: str, token: SecretStr | None = None, *, timeout_s: float = 10.0, max_answer_mb: float = 16.0
    ) -> None:
        self.url = url
        self.token = token
        self._timeout_s = timeout_s
        self._most_bytes = int(max_answer_mb * _BYTES_PER_MB)
        self._http = httpx.Client(
            base_url=url,
            follow_redirects=False,
            trust_env=False,
            verify=True if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def __enter__(self) -> "Probe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(
        self,
        path: str,
        query: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send a GET with the token, or with ``headers`` in its place; see :meth:`send` for what is raised."""
        return self.send("GET", f"{path}?{query}" if query else path, headers=headers, timeout_s=timeout_s)

    def post(
        self, body: bytes, *, content_type: str | None = "application/json", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send ``POST /predictions`` with the token, or with ``headers`` in its place; see :meth:`send`."""
        named = {} if content_type is None else {"Content-Type": content_type}
        return self.send("POST", "/predictions", body, headers={**named, **self._access(headers)})

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send a request, with the token where no ``headers`` are given, and return the answer, whatever its status.

        Raises
        ------
        GuardianUnavailableError
            If no whole answer came.
        GuardianAnswerError
            If it is too large, or compressed.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "freqai-ext check"}
        request = self._http.build_request(
            method, path, content=body, headers={**sent, **self._access(headers)}, timeout=limit_s
        )
        call = f"{method} {self.url}{path.partition('?')[0]}"
        try:
            response = self._http.send(request, stream=True)
            try:
                return self._read(response, call, time.monotonic() + limit_s)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise GuardianUnavailableError(f"{call}: no whole answer within {limit_s:g} s; it may pass") from None
        except httpx.LocalProtocolError:
            # Its text repeats the header, which may be the token.
            raise GuardianUnavailableError(f"{call}: cannot be sent; write another token into its file") from None
        except (httpx.HTTPError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise GuardianUnavailableError(
                f"{call}: no answer ({reason}); see whether Guardian's bridge runs there, and --url is its address"
            ) from None

    def _access(self, headers: Mapping[str, str] | None) -> Mapping[str, str]:
        if headers is not None:
            return headers
        return {} if self.token is None else {"X-API-Token": self.token.get_secret_value()}

    def _read(self, response: httpx.Response, call: str, deadline: float) -> Reply:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise GuardianAnswerError(f"{call}: the answer is compressed, which was not asked for")
        body = b""
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._most_bytes:
                raise GuardianAnswerError(f"{call}: the answer is larger than {self._most_bytes / _BYTES_PER_MB:g} MB")
            # The timeout of httpx begins again with every byte.
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("drips")
        content_type = response.headers.get("content-type", "").lower()
        return Reply(response.status_code, body, content_type, response.headers.get("location"))
