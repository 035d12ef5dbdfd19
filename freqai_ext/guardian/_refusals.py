"""What an answer that is not 200 means: contract, sections 2, 3, 4 and 6."""

from typing import Final

from pydantic import SecretStr

from freqai_ext._services.reply import ErrorTypes, Reply, redirect_host, shown
from freqai_ext.errors import (
    GuardianAnswerError,
    GuardianDeniedError,
    GuardianError,
    GuardianRefusedError,
    GuardianUnavailableError,
)

DENIED: Final = frozenset({401, 403})

_TOKEN_FILE: Final = "freqai_ext.guardian.token_file"  # noqa: S105


def refusal(reply: Reply, token: SecretStr | None) -> GuardianError:
    """Return the error for an answer that is not 200.

    Parameters
    ----------
    reply
        The answer; only what its JSON says is wrong is shown.
    token
        What was sent; it is cut out of whatever the other side repeats.
    """
    secrets = () if token is None else (token.get_secret_value(),)
    if reply.status in DENIED:
        return GuardianDeniedError(f"{reply.call}: answered {reply.status}; {_denial(reply.detail, secrets)}")
    said = f"{reply.call}: answered {reply.status}{shown(reply.detail, secrets)}"
    if reply.passing:
        return unavailable(f"{said}; {_outage(reply.detail)}", reply.status)
    if 300 <= reply.status < 400:
        return GuardianRefusedError(
            f"{reply.call}: answered {reply.status}, which points to {redirect_host(reply, secrets)}; it was not "
            "followed and nothing was sent there; set freqai_ext.guardian.url to where Guardian itself answers"
        )
    if reply.status < 300:
        return GuardianAnswerError(f"{said}, where Guardian answers 200; another service may have its port")
    return GuardianRefusedError(f"{said}; {_refused_because(reply.status)}")


def unavailable(
    text: str,
    status: int | None = None,
    retry_after_s: float | None = None,  # noqa: ARG001 - Guardian asks for none
    unsent: bool = False,  # noqa: ARG001 - a push may always be repeated
) -> GuardianUnavailableError:
    """Return an error with the attribute ``status``: of the answer, or ``None`` where there was none."""
    error = GuardianUnavailableError(text)
    error.status = status
    return error


GUARDIAN_ERRORS: Final = ErrorTypes(unavailable, GuardianRefusedError, GuardianAnswerError)


def _denial(detail: str | None, secrets: tuple[str, ...]) -> str:
    if not secrets:
        return (
            f"Guardian wants a token and none is set; write its freqai_api_token into the file that {_TOKEN_FILE} names"
        )
    if detail == "missing_token":
        return "the token was sent and did not arrive; see whether a proxy in between drops the header X-API-Token"
    if detail == "invalid_token":
        return f"the token is not Guardian's freqai_api_token; write that into the file that {_TOKEN_FILE} names"
    return f"it is not Guardian that speaks so{shown(detail, secrets)}; see whether a proxy wants to be logged in to"


def _outage(detail: str | None) -> str:
    if detail == "settings_unavailable":
        return "Guardian's settings.json has values that are not valid; correct it there"
    return "it may pass; if it does not, see Guardian's log"


def _refused_because(status: int) -> str:
    if status in (404, 405):
        return "see whether freqai_ext.guardian.url is the address of Guardian's FreqAI bridge"
    return "sending it again is of no use; see whether the versions of Guardian and freqai_ext go together"
