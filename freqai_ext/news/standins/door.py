"""The port of a stand-in, which is closed while a fault says so and during a restart."""

import asyncio
from collections import Counter
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from freqai_ext.news.standins.fault_layer import FaultLayer
from freqai_ext.news.standins.faults import FaultPlan
from freqai_ext.news.standins.port import Port
from freqai_ext.news.standins.settings import Service


class Door:
    """A port and what is behind it.

    Parameters
    ----------
    service
        Which stand-in it is.
    app
        Its application.
    number
        Of the port; 0 takes a free one.
    faults
        The plan.
    clock
        UTC seconds.
    on_restart
        Forgets what the service has in memory only.
    """

    def __init__(
        self,
        service: Service,
        app: ASGIApp,
        number: int,
        faults: FaultPlan,
        clock: Callable[[], float],
        on_restart: Callable[[], None],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._service = service
        self._faults = faults
        self._clock = clock
        self._on_restart = on_restart
        self._port = Port(self._counted(FaultLayer(app, service, faults, clock)), number)
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
            if now_s < self._down_until_s or self._faults.refusing(self._service, now_s):
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
