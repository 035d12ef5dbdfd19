"""A reference Guardian: the contract as a server on this machine, its traps included.

:class:`Sandbox` runs it in a process of its own, with a second port that sets clock, faults and settings;
:func:`create_app` serves a :class:`GuardianState` in this one. It decides no trades and connects to no exchange.
"""

from freqai_ext.guardian.sandbox.faults import Fault, parse_fault
from freqai_ext.guardian.sandbox.push_log import PushRecord
from freqai_ext.guardian.sandbox.running import Sandbox
from freqai_ext.guardian.sandbox.server import create_app
from freqai_ext.guardian.sandbox.settings import SandboxSettings
from freqai_ext.guardian.sandbox.snapshot import Hourly, MarketRow, SnapshotSource
from freqai_ext.guardian.sandbox.state import GuardianState

__all__ = [
    "Fault",
    "GuardianState",
    "Hourly",
    "MarketRow",
    "PushRecord",
    "Sandbox",
    "SandboxSettings",
    "SnapshotSource",
    "create_app",
    "parse_fault",
]
