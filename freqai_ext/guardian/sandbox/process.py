"""The process a sandbox runs in: started, watched and ended by the one that wants it."""

import asyncio
import logging
from functools import partial

from freqai_ext._services.loopback.clock import clock_of
from freqai_ext._services.loopback.door import Door
from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._services.loopback.parent import read_order, say_fault
from freqai_ext._services.loopback.port import Port, keep_quiet_of_cut_answers
from freqai_ext._services.loopback.serving import serve
from freqai_ext._services.scratch import scratch_folder
from freqai_ext.errors import FreqaiExtError, GuardianUnavailableError
from freqai_ext.guardian.sandbox.control import create_control_app
from freqai_ext.guardian.sandbox.faults import SERVICE, Fault
from freqai_ext.guardian.sandbox.server import create_app
from freqai_ext.guardian.sandbox.settings import SandboxSettings
from freqai_ext.guardian.sandbox.state import GuardianState


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="guardian sandbox: %(levelname)s: %(message)s")
    keep_quiet_of_cut_answers()
    order = read_order()
    with scratch_folder() as scratch:
        try:
            settings = SandboxSettings.model_validate({"folder": scratch} | order["settings"])
            faults = FaultPlan[Fault]()
            for fault in order["faults"]:
                faults.add(Fault.model_validate(fault))
            asyncio.run(_serve(settings, faults))
        except FreqaiExtError as error:
            say_fault(error)
            return 2
    return 0


async def _serve(settings: SandboxSettings, faults: FaultPlan[Fault]) -> None:
    state = GuardianState(settings, clock_of(settings.clock, settings.now))
    door = Door(
        create_app(state, faults),
        settings.port,
        clock=state.clock,
        refuses=partial(faults.refusing, SERVICE),
        on_restart=state.restart,
        error=GuardianUnavailableError,
    )
    try:
        control = Port(create_control_app(state, faults, door), settings.control_port, GuardianUnavailableError)
        try:
            await serve(control, {SERVICE: door.number}, door.settle)
        finally:
            control.release()
    finally:
        door.release()
