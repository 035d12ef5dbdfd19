"""What an answer that is not 200 means: contract, sections 2, 3, 4 and 6."""

import re
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import orjson
from pydantic import SecretStr

from freqai_ext.errors import (
    GuardianAnswerError,
    GuardianDeniedError,
    GuardianError,
    GuardianRefusedError,
    GuardianUnavailableError,
)

DENIED: Final = frozenset({401, 403})

_PASSING: Final = frozenset({408, 429})
_LONGEST_DETAIL: Final = 160
_TOKEN_FILE: Final = "freqai_ext.guardian.token_file"  # noqa: S105
_HIDDEN: Final = "(hidden)"


def refusal(
    call: str, url: str, status: int, body: bytes, location: str | None, token: SecretStr | None
) -> GuardianError:
    """Return the error for an answer.

    Parameters
    ----------
    call
        Method and address, for the text.
    url
        The address, against which ``location`` is resolved.
    status
        Not 200.
    body
        The answer or its beginning; only a JSON ``detail`` of it is shown.
    location
        Where a redirect points to.
    token
        What was sent; it is cut out of whatever the other side repeats.
    """
    if status in DENIED:
        return GuardianDeniedError(f"{call}: answered {status}; {_denial(_detail(body), token)}")
    said = f"answered {status}{_shown(_detail(body), token)}"
    if status >= 500 or status in _PASSING:
        return unavailable(f"{call}: {said}; {_outage(_detail(body))}", status)
    if 300 <= status < 400:
        host = without_token(_host(url, location), token)
        return GuardianRefusedError(
            f"{call}: answered {status}, which points to {host}; it was not followed and nothing was sent there; "
            "set freqai_ext.guardian.url to where Guardian itself answers"
        )
    if status < 300:
        return GuardianAnswerError(f"{call}: {said}, where Guardian answers 200; another service may have its port")
    return GuardianRefusedError(f"{call}: {said}; {_refused_because(status)}")


def unavailable(text: str, status: int | None = None) -> GuardianUnavailableError:
    """Return an error with the attribute ``status``: of the answer, or ``None`` where there was none."""
    error = GuardianUnavailableError(text)
    error.status = status
    return error


def without_token(text: str, token: SecretStr | None) -> str:
    """Return ``text`` with every occurrence of the token hidden."""
    if token is None:
        return text
    secret = token.get_secret_value()
    for form in (secret, quote(secret, safe="")):
        text = re.sub(re.escape(form), _HIDDEN, text, flags=re.IGNORECASE)
    return text


def _denial(detail: str | None, token: SecretStr | None) -> str:
    if token is None:
        return (
            f"Guardian wants a token and none is set; write its freqai_api_token into the file that {_TOKEN_FILE} names"
        )
    if detail == "missing_token":
        return "the token was sent and did not arrive; see whether a proxy in between drops the header X-API-Token"
    if detail == "invalid_token":
        return f"the token is not Guardian's freqai_api_token; write that into the file that {_TOKEN_FILE} names"
    return f"it is not Guardian that speaks so{_shown(detail, token)}; see whether a proxy wants to be logged in to"


def _outage(detail: str | None) -> str:
    if detail == "settings_unavailable":
        return "Guardian's settings.json has values that are not valid; correct it there"
    return "it may pass; if it does not, see Guardian's log"


def _refused_because(status: int) -> str:
    if status in (404, 405):
        return "see whether freqai_ext.guardian.url is the address of Guardian's FreqAI bridge"
    return "sending it again is of no use; see whether the versions of Guardian and freqai_ext go together"


def _host(url: str, location: str | None) -> str:
    try:
        return (
            repr(urlsplit(urljoin(url, location)).netloc.rpartition("@")[2][:_LONGEST_DETAIL]) if location else "none"
        )
    except ValueError:
        return "no valid address"


def _detail(body: bytes) -> str | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return detail if isinstance(detail, str) else None


def _shown(detail: str | None, token: SecretStr | None) -> str:
    if detail is None:
        return ""
    # Hidden before it is cut, or half a token would stay.
    text = repr(without_token(detail, token))
    return f" ({text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + '...'})"
