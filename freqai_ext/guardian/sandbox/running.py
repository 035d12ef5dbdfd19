"""Runs a reference Guardian in a process of its own, for tests and commands."""

from collections.abc import Sequence
from typing import Any

from freqai_ext._services.loopback.child import ControlledServer
from freqai_ext.errors import GuardianUnavailableError
from freqai_ext.guardian.sandbox.faults import SERVICE, Fault
from freqai_ext.guardian.sandbox.push_log import PushRecord
from freqai_ext.guardian.sandbox.settings import SandboxSettings


class Sandbox(ControlledServer):
    """A running reference Guardian.

    Parameters
    ----------
    settings
        What it is; by default a synthetic market on the wall clock, without a token.
    faults
        In place from the start.

    Examples
    --------
    >>> with Sandbox(SandboxSettings(token="secret", clock="sim")) as guardian:  # doctest: +SKIP
    ...     guardian.add_fault(Fault(kind="error_500", route="/features"))
    ...     client = GuardianClient(GuardianSettings(url=guardian.url, token="secret"))

    Notes
    -----
    The server ends with this process, even if that is killed. Its ``state`` has what is ``stored`` as
    ``GET /predictions`` shows it, and ``change`` takes what an edit of Guardian's settings file can change, such as
    ``token`` or ``network``. Entering the context raises GuardianUnavailableError when a port is in use or the server
    does not start, and GuardianDataError if there are no candles where the settings name some.
    """

    module = "freqai_ext.guardian.sandbox"
    name = "guardian sandbox"
    error = GuardianUnavailableError

    def __init__(self, settings: SandboxSettings | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__()
        self.settings = settings or SandboxSettings()
        self._faults = tuple(faults)

    @property
    def url(self) -> str:
        """Guardian's address."""
        return self._address(SERVICE)

    def log(self, since: int = 0) -> tuple[PushRecord, ...]:
        """Return what was pushed after push number ``since``."""
        return tuple(PushRecord(**record) for record in self._ask("GET", "/_sim/log", params={"since": since}))

    def add_fault(self, fault: Fault) -> int:
        """Put a fault in place and return its number."""
        return self._add_fault(fault)

    def restart(self, down_s: float = 0.0) -> None:
        """Restart Guardian; it is not there for ``down_s`` seconds of its clock."""
        self._ask("POST", "/_sim/restart", params={"down_s": down_s})

    def _order(self) -> dict[str, Any]:
        settings = self.settings.model_dump(mode="json", exclude={"token"}, exclude_none=True)
        if self.settings.token is not None:
            settings["token"] = self.settings.token.get_secret_value()
        return {"settings": settings, "faults": [fault.model_dump(mode="json") for fault in self._faults]}
