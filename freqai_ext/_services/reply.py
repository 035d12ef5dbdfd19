"""What a service answered, and what an answer means that is of no use."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import orjson

from freqai_ext.errors import FreqaiExtError, NewsAnswerError, NewsRefusedError, NewsUnavailableError

_DENIED: Final = frozenset({401, 403})
_PASSING: Final = frozenset({408, 429})
_LONGEST_DETAIL: Final = 160
_HIDDEN: Final = "(hidden)"


@dataclass(frozen=True)
class ErrorTypes:
    """The exceptions that an exchange raises.

    Attributes
    ----------
    unavailable
        Called with text, status and seconds to wait (``None`` where there are none), and whether nothing was sent.
    refused, answer
        Called with the text.
    """

    unavailable: Callable[[str, int | None, float | None, bool], FreqaiExtError]
    refused: Callable[[str], FreqaiExtError]
    answer: Callable[[str], FreqaiExtError]


def news_unavailable(
    text: str, status: int | None = None, retry_after_s: float | None = None, unsent: bool = False
) -> NewsUnavailableError:
    """Return the error with its attributes set."""
    error = NewsUnavailableError(text)
    error.status, error.retry_after_s, error.unsent = status, retry_after_s, unsent
    return error


NEWS_ERRORS: Final = ErrorTypes(news_unavailable, NewsRefusedError, NewsAnswerError)


@dataclass(frozen=True)
class Reply:
    """What a service answered.

    Attributes
    ----------
    status
        The HTTP status.
    content
        The body, whole for 2xx and its first 16 KiB else.
    headers
        Names in lower case.
    call
        Method and address without the query, for texts.
    """

    status: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    call: str

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether the status says that it may pass: 5xx, 408, 429."""
        return self.status >= 500 or self.status in _PASSING

    @property
    def retry_after_s(self) -> float | None:
        """How many seconds the service asks to wait, by its own clock where it shows it; ``None`` for no such wish."""
        value = self.headers.get("retry-after", "").strip()
        try:
            if not re.match(r"[A-Za-z]", value):
                seconds = float(value)
            else:
                date, until = self.headers.get("date"), parsedate_to_datetime(value)
                now = parsedate_to_datetime(date) if date else datetime.now(UTC)
                seconds = (until - now).total_seconds()
        except (ValueError, TypeError):
            return None
        return max(seconds, 0.0) if math.isfinite(seconds) else None

    @property
    def detail(self) -> str | None:
        """What a JSON body says is wrong, in the words of the service; ``None`` where it says nothing readable."""
        try:
            answer = orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None
        for name in ("message", "detail", "error"):
            said = answer.get(name) if isinstance(answer, dict) else None
            if isinstance(said, dict):
                said = said.get("message")
            if isinstance(said, str) and said:
                return said
        return None


def refusal(
    reply: Reply, *, errors: ErrorTypes, secrets: tuple[str, ...], setting: str, remedy: str | None
) -> FreqaiExtError:
    """Return the error for an answer that is of no use.

    Parameters
    ----------
    secrets
        What was sent in headers; it is cut out of whatever the other side repeats.
    setting
        Path of the setting that holds the address.
    remedy
        What to do; ``None`` says what the status suggests.
    """
    said = f"{reply.call}: answered {reply.status}{shown(reply.detail, secrets)}"
    if reply.passing:
        text = f"{said}; {remedy or 'it may pass; if it does not, see its log'}"
        return errors.unavailable(text, reply.status, reply.retry_after_s, False)
    if 300 <= reply.status < 400:
        host = redirect_host(reply, secrets)
        return errors.refused(
            f"{reply.call}: answered {reply.status}, which points to {host}; it was not followed and nothing was sent "
            f"there; set {setting} to where the service itself answers"
        )
    return errors.refused(f"{said}; {remedy or _remedy(reply.status, setting, bool(secrets))}")


def without(text: str, secrets: tuple[str, ...]) -> str:
    """Return ``text`` with every occurrence of a secret hidden."""
    for secret in secrets:
        # A header says "Bearer KEY", a service that repeats it says "KEY".
        for part in (secret, secret.rpartition(" ")[2]):
            for form in {part, quote(part, safe="")} - {""}:
                text = re.sub(re.escape(form), _HIDDEN, text, flags=re.IGNORECASE)
    return text


def _remedy(status: int, setting: str, has_key: bool) -> str:
    if status in _DENIED:
        return "the key that was sent is not accepted; correct it" if has_key else "it wants a key, and none is set"
    if status in (404, 405):
        return f"see whether {setting} is the address of the service"
    return "sending it again is of no use; see whether the service is of a version that is supported"


def redirect_host(reply: Reply, secrets: tuple[str, ...]) -> str:
    """Return the host that a redirect points to, for texts, without secrets."""
    location = reply.headers.get("location")
    if not location:
        return "none"
    try:
        address = urljoin(reply.call.partition(" ")[2], location)
        return without(repr(urlsplit(address).netloc.rpartition("@")[2][:_LONGEST_DETAIL]), secrets)
    except ValueError:
        return "no valid address"


def shown(detail: str | None, secrets: tuple[str, ...]) -> str:
    """Return what a service said, in brackets and without secrets, for the end of a text."""
    if detail is None:
        return ""
    # Hidden before it is cut, or half a key would stay.
    text = repr(without(detail, secrets))
    return f" ({text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + '...'})"
