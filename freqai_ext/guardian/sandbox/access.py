"""Who may talk to Guardian: contract, section 2."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from freqai_ext.guardian.sandbox.settings import SandboxSettings


@dataclass(frozen=True)
class Denial:
    """Why a request is refused: the status and the ``detail`` of the answer."""

    status: int
    detail: str


def denial(settings: SandboxSettings, headers: Mapping[str, str]) -> Denial | None:
    """Return why a request with these headers (lower-case names) is refused; ``None`` for one that may pass."""
    if not settings.valid:
        return Denial(503, "settings_unavailable")
    token = settings.as_read().token
    wanted = token.get_secret_value().strip() if token else ""
    if not wanted:
        return None
    sent = headers.get("x-api-token", "").strip() or _bearer(headers.get("authorization", ""))
    if not sent:
        return Denial(401, "missing_token")
    matches = wanted.isascii() and hmac.compare_digest(sent.encode(), wanted.encode())
    return None if matches else Denial(403, "invalid_token")


def _bearer(header: str) -> str:
    scheme, _, value = header.strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
