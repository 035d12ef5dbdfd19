"""The port of a service, which is closed while a fault says so and during a restart."""

import asyncio
from collections import Counter
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from freqai_ext._services.loopback.port import Port
from freqai_ext.errors import FreqaiExtError


class Door:
    """A port and what is behind it.

    Parameters
    ----------
    app
        The service.
    number
        Of the port; 0 takes a free one.
    clock
        UTC seconds.
    refuses
        Whether a fault has it closed at a time of the clock.
    on_restart
        Forgets what the service has in memory only.
    error
        Raised when the port is in use or not allowed.

    Attributes
    ----------
    counts
        Requests by method and path, as ``"GET /health"``, those that met a fault included.
    """

    def __init__(
        self,
        app: ASGIApp,
        number: int,
        *,
        clock: Callable[[], float],
        refuses: Callable[[float], bool],
        on_restart: Callable[[], None],
        error: type[FreqaiExtError],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._clock, self._refuses, self._on_restart = clock, refuses, on_restart
        self._port = Port(self._counted(app), number, error)
        self._down_until_s = float("-inf")
        # Opening takes a turn of the loop, in which another request may want the same.
        self._settling = asyncio.Lock()

    @property
    def number(self) -> int:
        """Number of the port."""
        return self._port.number

    @property
    def is_open(self) -> bool:
        """Whether it takes connections."""
        return self._port.is_open

    async def settle(self) -> None:
        """Open or close the port as the faults in place say."""
        async with self._settling:
            now_s = self._clock()
            if now_s >= self._down_until_s:
                # A restart that is over stays so when the clock is set back.
                self._down_until_s = float("-inf")
            if now_s < self._down_until_s or self._refuses(now_s):
                self._port.close()
            else:
                await self._port.open()

    async def restart(self, down_s: float) -> None:
        """Close the port for so many seconds of the clock, and forget what is in memory only."""
        async with self._settling:
            self._port.close()
            self._on_restart()
            self._down_until_s = self._clock() + down_s
        await self.settle()

    def release(self) -> None:
        """Close the port for good."""
        self._port.release()

    def _counted(self, app: ASGIApp) -> ASGIApp:
        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.counts[f"{scope['method']} {scope['path']}"] += 1
            await app(scope, receive, send)

        return counting
