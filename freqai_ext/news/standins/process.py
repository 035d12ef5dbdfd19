"""The process that the stand-ins run in: started, watched and ended by the one that wants them."""

import asyncio
import logging

from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._services.loopback.parent import read_order, say_fault
from freqai_ext._services.loopback.port import Port, keep_quiet_of_cut_answers
from freqai_ext._services.loopback.serving import serve
from freqai_ext.errors import FreqaiExtError, NewsUnavailableError
from freqai_ext.news.standins.control import create_control_app
from freqai_ext.news.standins.faults import Fault
from freqai_ext.news.standins.services import StandIns
from freqai_ext.news.standins.settings import StandInSettings


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="news stand-ins: %(levelname)s: %(message)s")
    keep_quiet_of_cut_answers()
    order = read_order()
    try:
        settings = StandInSettings.model_validate(order["settings"])
        faults = FaultPlan[Fault]()
        for fault in order["faults"]:
            faults.add(Fault.model_validate(fault))
        asyncio.run(_serve(settings, faults))
    except FreqaiExtError as error:
        say_fault(error)
        return 2
    return 0


async def _serve(settings: StandInSettings, faults: FaultPlan[Fault]) -> None:
    standins = StandIns(settings, faults)
    try:
        control = Port(create_control_app(standins), settings.control_port, NewsUnavailableError)
        try:
            ports: dict[str, int] = {service: door.number for service, door in standins.doors.items()}
            await serve(control, ports, standins.settle)
        finally:
            control.release()
    finally:
        standins.release()
