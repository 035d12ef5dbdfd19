"""The process a sandbox runs in: started, watched and ended by the one that wants it.

It reads its settings from standard input, writes one line of JSON when it listens (or why it cannot), and ends when
standard input closes, which the system does when the parent dies, however it dies.
"""

import asyncio
import json
import logging
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TextIO

from starlette.types import ASGIApp, Receive, Scope, Send

from freqai_ext.errors import FreqaiExtError
from freqai_ext.guardian.sandbox.clock import SettableClock, epoch_s
from freqai_ext.guardian.sandbox.control import create_control_app
from freqai_ext.guardian.sandbox.faults import Fault, FaultPlan
from freqai_ext.guardian.sandbox.port import HOST, Port
from freqai_ext.guardian.sandbox.server import create_app
from freqai_ext.guardian.sandbox.settings import SandboxSettings
from freqai_ext.guardian.sandbox.state import GuardianState

_LOOK_S: Final = 0.02


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="guardian sandbox: %(levelname)s: %(message)s")
    order = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="freqai-ext-guardian-") as scratch:
        try:
            settings = SandboxSettings.model_validate({"folder": scratch} | order["settings"])
            faults = FaultPlan()
            for fault in order["faults"]:
                faults.add(Fault.model_validate(fault))
            return asyncio.run(_serve(settings, faults))
        except FreqaiExtError as error:
            _say({"error": type(error).__name__, "message": str(error)})
            return 2


async def _serve(settings: SandboxSettings, faults: FaultPlan) -> int:
    state = GuardianState(settings, _clock(settings))
    door = GuardianDoor(state, faults)
    control = Port(create_control_app(state, faults, door), settings.control_port)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    await control.open()
    await door.settle()
    threading.Thread(target=_wait_for_end, args=(sys.stdin, loop, ended), daemon=True).start()
    _say({"port": door.number, "control_port": control.number, "host": HOST})
    try:
        await _until(ended, door)
    finally:
        door.release()
        control.release()
    return 0


async def _until(ended: asyncio.Event, door: "GuardianDoor") -> None:
    while not ended.is_set():
        await door.settle()
        try:
            await asyncio.wait_for(ended.wait(), _LOOK_S)
        except TimeoutError:
            continue


class GuardianDoor:
    """Guardian's own port, which is closed while a fault says so and during a restart.

    Parameters
    ----------
    state
        What is served.
    faults
        The plan.
    """

    def __init__(self, state: GuardianState, faults: FaultPlan) -> None:
        self.counts: Counter[str] = Counter()
        self._state = state
        self._faults = faults
        self._port = Port(self._counted(create_app(state, faults)), state.settings.port)
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
            now_s = self._state.clock()
            if now_s >= self._down_until_s:
                # A restart that is over stays so when the clock is set back.
                self._down_until_s = float("-inf")
            if now_s < self._down_until_s or self._faults.refusing(now_s):
                self._port.close()
            else:
                await self._port.open()

    async def restart(self, down_s: float) -> None:
        """Close the port for so many seconds of the sandbox's clock, and forget what is in memory."""
        async with self._settling:
            self._port.close()
            self._state.restart()
            self._down_until_s = self._state.clock() + down_s
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


def _clock(settings: SandboxSettings) -> Callable[[], float]:
    if settings.clock == "wall":
        return time.time
    return SettableClock(epoch_s(settings.now) if settings.now else time.time())


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _wait_for_end(pipe: TextIO, loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    pipe.read()
    loop.call_soon_threadsafe(ended.set)
