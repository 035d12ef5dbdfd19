"""Serves until the parent process ends, while faults open and close what is served."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from freqai_ext._services.loopback.parent import say, when_it_ends
from freqai_ext._services.loopback.port import HOST, Port

_LOOK_S: Final = 0.02


async def serve(control: Port, ports: Mapping[str, int], settle: Callable[[], Awaitable[None]]) -> None:
    """Open the control port, say where everything listens, and settle the doors until the parent ends.

    Parameters
    ----------
    control
        The control port.
    ports
        Numbers of the other ports by name.
    settle
        Opens and closes them as the faults in place say; called fifty times a second.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    await control.open()
    await settle()
    when_it_ends(lambda: loop.call_soon_threadsafe(ended.set))
    say({"host": HOST, "ports": {**ports, "control": control.number}})
    while not ended.is_set():
        await settle()
        try:
            await asyncio.wait_for(ended.wait(), _LOOK_S)
        except TimeoutError:
            continue
