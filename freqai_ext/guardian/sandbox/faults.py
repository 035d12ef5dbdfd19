"""Faults that can be injected between Guardian and who asks it."""

import random
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, model_validator

from freqai_ext._settings import Settings, parse_settings
from freqai_ext.errors import SettingsError

FaultKind = Literal[
    "refuse",
    "hang",
    "error_500",
    "error_503",
    "denied_401",
    "denied_403",
    "slow",
    "truncated",
    "reset",
    "not_json",
    "huge",
    "wrong_types",
]

UNHEARD: Final = frozenset({"hang", "error_500", "error_503", "denied_401", "denied_403"})
"""Faults in which Guardian does not come to see the request. In the others it does as asked, and its answer suffers."""


class Fault(Settings):
    """What goes wrong, where and when.

    Attributes
    ----------
    kind
        ``refuse`` closes the listening socket; ``hang`` never answers; ``error_`` and ``denied_`` answer with that
        status; ``slow`` waits ``seconds``; ``truncated`` ends in the middle of the answer, ``reset`` tears the
        connection there; ``not_json``, ``huge`` and ``wrong_types`` answer 200 with something else.
    route
        Only on this path, such as ``"/features"``.
    method
        Only for this method, such as ``"POST"``.
    start_s, end_s
        Only from the one until just before the other, UTC seconds of the sandbox's clock.
    probability
        How likely a request meets it; for ``refuse``, the whole window.
    seed
        Of that chance.
    seconds
        How long ``slow`` waits, in real seconds whatever the clock.
    megabytes
        How large ``huge`` is.
    """

    kind: FaultKind
    route: Literal["/health", "/features", "/predictions"] | None = None
    method: Literal["GET", "POST"] | None = None
    start_s: float | None = None
    end_s: float | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    seconds: float = Field(default=5.0, ge=0)
    megabytes: float = Field(default=64.0, gt=0, le=1_024)

    @model_validator(mode="after")
    def _refuse_is_for_all(self) -> "Fault":
        if self.kind == "refuse" and (self.route or self.method):
            raise ValueError("a closed socket refuses all; remove route and method, or choose another kind")
        return self

    def active(self, now_s: float) -> bool:
        """Return whether ``now_s`` (UTC seconds) is in its window."""
        return (self.start_s is None or now_s >= self.start_s) and (self.end_s is None or now_s < self.end_s)


class FaultPlan:
    """The faults that are in place."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._asked: dict[int, int] = {}
        self._next = 1

    def add(self, fault: Fault) -> int:
        """Put one in place, before those that are there, and return its number."""
        number = self._next
        self._next += 1
        self._faults = {number: fault} | self._faults
        return number

    def remove(self, number: int | None = None) -> None:
        """Take one away, or all.

        Raises
        ------
        SettingsError
            If there is none of that number.
        """
        if number is None:
            self._faults = {}
        elif self._faults.pop(number, None) is None:
            raise SettingsError(
                f"fault {number}: there is none; there are {sorted(self._faults) or 'no faults at all'}"
            )

    def listed(self) -> Mapping[int, Fault]:
        """Return all, by number."""
        return dict(self._faults)

    def refusing(self, now_s: float) -> bool:
        """Return whether the listening socket is to be closed."""
        return any(
            fault.kind == "refuse" and fault.active(now_s) and _happens(fault, number, 0)
            for number, fault in self._faults.items()
        )

    def hanging(self, number: int, now_s: float) -> bool:
        """Return whether a fault of that number is still in place."""
        fault = self._faults.get(number)
        return fault is not None and fault.active(now_s)

    def meet(self, method: str, path: str, now_s: float) -> tuple[int, Fault] | None:
        """Return the fault that a request meets, and its number."""
        for number, fault in self._faults.items():
            if fault.kind == "refuse" or not fault.active(now_s):
                continue
            if fault.route not in (None, path) or fault.method not in (None, method):
                continue
            self._asked[number] = self._asked.get(number, 0) + 1
            if _happens(fault, number, self._asked[number]):
                return number, fault
        return None


def parse_fault(raw: object) -> Fault:
    """Return the fault that a JSON object describes.

    Raises
    ------
    SettingsError
        If it describes none.
    """
    return parse_settings(Fault, raw, "fault")


def _happens(fault: Fault, number: int, time: int) -> bool:
    return random.Random(f"{fault.seed}:{number}:{time}").random() < fault.probability  # noqa: S311
