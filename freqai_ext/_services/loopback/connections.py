"""The connections of a port, so that one can be torn from inside a request."""

import asyncio
import socket
import struct
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS: Final = "connections"
"""Where a request's ``state`` has the transports, by the client's address."""

Transports = dict[tuple[str, int], asyncio.Transport]

_RESET_AT_ONCE: Final = struct.pack("ii", 1, 0)


class TrackedProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn that notes the transport of each connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note it."""
        super().connection_made(transport)
        self._peer = transport.get_extra_info("peername")[:2]
        self._transports()[self._peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._transports().pop(self._peer, None)
        super().connection_lost(exc)

    def _transports(self) -> Transports:
        transports: Transports = self.app_state[CONNECTIONS]
        return transports


def tear(scope: Scope) -> None:
    """Reset the connection of a request; does nothing where it is not served by this package."""
    state: dict[str, Any] = scope.get("state") or {}
    transport = state.get(CONNECTIONS, {}).get(tuple(scope.get("client") or ()))
    if transport is not None:
        reset(transport)


def reset(transport: asyncio.Transport) -> None:
    """Reset a connection: what is not sent yet is lost, and the other side sees an error."""
    connected = transport.get_extra_info("socket")
    if connected is not None and connected.fileno() >= 0:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()
