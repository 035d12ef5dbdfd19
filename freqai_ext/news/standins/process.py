"""The process that the stand-ins run in: started, watched and ended by the one that wants them.

It reads its settings from standard input, writes one line of JSON when it listens (or why it cannot), and ends when
standard input closes, which the system does when the parent dies, however it dies.
"""

import asyncio
import json
import logging
import sys
import threading
from typing import Any, Final, TextIO

from freqai_ext.errors import FreqaiExtError
from freqai_ext.news.standins.control import create_control_app
from freqai_ext.news.standins.faults import Fault, FaultPlan
from freqai_ext.news.standins.port import HOST, Port, keep_quiet_of_cut_answers
from freqai_ext.news.standins.services import StandIns
from freqai_ext.news.standins.settings import StandInSettings

_LOOK_S: Final = 0.02


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="news stand-ins: %(levelname)s: %(message)s")
    keep_quiet_of_cut_answers()
    order = json.loads(sys.stdin.readline())
    try:
        settings = StandInSettings.model_validate(order["settings"])
        faults = FaultPlan()
        for fault in order["faults"]:
            faults.add(Fault.model_validate(fault))
        return asyncio.run(_serve(settings, faults))
    except FreqaiExtError as error:
        _say({"error": type(error).__name__, "message": str(error)})
        return 2


async def _serve(settings: StandInSettings, faults: FaultPlan) -> int:
    standins = StandIns(settings, faults)
    try:
        control = Port(create_control_app(standins), settings.control_port)
        try:
            await control.open()
            await standins.settle()
            ended = asyncio.Event()
            end = (sys.stdin, asyncio.get_running_loop(), ended)
            threading.Thread(target=_wait_for_end, args=end, daemon=True).start()
            ports = {service: door.number for service, door in standins.doors.items()}
            _say({"host": HOST, "ports": ports | {"control": control.number}})
            await _until(ended, standins)
        finally:
            control.release()
    finally:
        standins.release()
    return 0


async def _until(ended: asyncio.Event, standins: StandIns) -> None:
    while not ended.is_set():
        await standins.settle()
        try:
            await asyncio.wait_for(ended.wait(), _LOOK_S)
        except TimeoutError:
            continue


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _wait_for_end(pipe: TextIO, loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    pipe.read()
    loop.call_soon_threadsafe(ended.set)
