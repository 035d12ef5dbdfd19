"""A port that can be closed and opened again while the process goes on."""

import asyncio
import functools
import logging
import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from freqai_ext._services.loopback.connections import CONNECTIONS, TrackedProtocol, Transports, reset
from freqai_ext.errors import FreqaiExtError

HOST: Final = "127.0.0.1"

_BACKLOG: Final = 256


class Port:
    """Serves an application on the loopback address. It keeps its number while it is closed.

    Parameters
    ----------
    app
        The application.
    number
        0 takes a free one.
    error
        Raised when the port is in use or not allowed.
    """

    def __init__(self, app: ASGIApp, number: int, error: type[FreqaiExtError]) -> None:
        self._config = uvicorn.Config(app, http=TrackedProtocol, ws="none", lifespan="off", log_config=None)
        self._config.access_log = False
        self._config.load()
        self._state = ServerState()
        self._state.default_headers = self._config.encoded_headers
        self._transports: Transports = {}
        self._error = error
        self._bound = bound_socket(number, error)
        self.number: Final[int] = self._bound.getsockname()[1]
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether it takes connections."""
        return self._server is not None

    async def open(self) -> None:
        """Take connections; does nothing where it does already."""
        if self._server is not None:
            return
        protocol = functools.partial(
            TrackedProtocol,
            config=self._config,
            server_state=self._state,
            app_state={CONNECTIONS: self._transports},
        )
        self._server = await asyncio.get_running_loop().create_server(protocol, sock=self._bound, backlog=_BACKLOG)

    def close(self) -> None:
        """Refuse connections, and reset those that there are; does nothing where it is closed."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for transport in tuple(self._transports.values()):
            reset(transport)
        # Bound and not listening: the number stays ours, and who connects is refused.
        self._bound = bound_socket(self.number, self._error)

    def release(self) -> None:
        """Close it for good."""
        self.close()
        self._bound.close()


def keep_quiet_of_cut_answers() -> None:
    """Have the server's log leave out answers that are cut off on purpose or by the end, which are errors to it."""
    logging.getLogger("uvicorn.error").addFilter(_is_fault_of_ours)


def _is_fault_of_ours(record: logging.LogRecord) -> bool:
    by_the_end = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not by_the_end and "ASGI callable returned without" not in record.getMessage()


def bound_socket(number: int, error: type[FreqaiExtError], backlog: int | None = None) -> socket.socket:
    """Return a socket that is bound to a loopback port, 0 for a free one, and listens where it has a ``backlog``.

    Raises
    ------
    FreqaiExtError
        Of the kind ``error``, when the port is in use or not allowed.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, number))
        if backlog is not None:
            bound.listen(backlog)
    except (OSError, OverflowError) as fault:
        bound.close()
        raise error(
            f"cannot listen on {HOST}:{number} ({fault}); stop what uses the port, or choose another, 0 for a free one"
        ) from fault
    return bound
