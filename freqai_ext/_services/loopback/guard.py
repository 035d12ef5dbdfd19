"""Which requests a server on the loopback address takes: those of programs on this machine, not of web pages.

A page that is open in a browser on this machine can send requests to the loopback address: by a form, by a script, or,
where its own name is made to point here (DNS rebinding), as if the server were its own. None of these has a ``Host`` of
the loopback address, no ``Origin``, and a header of ours, all at once.
"""

from collections.abc import Iterator
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from freqai_ext._services.loopback.answer import json_response

CONTROL_HEADER: Final = "X-Freqai-Ext-Control"
CONTROL_HEADERS: Final = {CONTROL_HEADER: "1"}
"""What a request must have that changes something on a control route."""

CONTROL_HINT: Final = f"What changes something needs the header '{CONTROL_HEADER}: 1'."
"""For people who ask by hand."""

CONTROL_PREFIX: Final = "/_sim/"
"""Begins the paths of control routes."""

_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_READING: Final = ("GET", "HEAD")
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_FORBIDDEN: Final = 403
_UNSUPPORTED: Final = 415


class LocalRequestsOnly:
    """Middleware that refuses requests from web pages, with 403 or 415 and ``{"error": ...}``.

    Parameters
    ----------
    app
        What is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            for status, reason in _refusals(scope["method"], scope["path"], Headers(scope=scope)):
                await json_response({"error": reason}, status)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusals(method: str, path: str, headers: Headers) -> Iterator[tuple[int, str]]:
    hosts = headers.getlist("host")
    if not hosts or not all(_name(host) in _NAMES for host in hosts):
        yield _FORBIDDEN, f"Host: {', '.join(hosts) or 'missing'}; ask by http://127.0.0.1 and this port"
    site = headers.get("sec-fetch-site", "none")
    if headers.get("origin") is not None or site not in _OWN_SITES:
        yield _FORBIDDEN, "Origin: web pages may not use this server; ask from a program, such as curl"
    if method in _READING or not path.startswith(CONTROL_PREFIX):
        return
    if headers.get(CONTROL_HEADER) != CONTROL_HEADERS[CONTROL_HEADER]:
        yield (
            _FORBIDDEN,
            f"{CONTROL_HEADER}: missing; send the header '{CONTROL_HEADER}: 1' with what changes something",
        )
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (has_body or kind) and kind != "application/json":
        yield _UNSUPPORTED, f"Content-Type: {kind or 'missing'}; send JSON as application/json"


def _name(host: str) -> str:
    """Return a host without its port, in lower case."""
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdigit() else host.strip().lower()
