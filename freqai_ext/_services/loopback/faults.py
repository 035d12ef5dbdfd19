"""Which faults are in place between servers on the loopback address and who asks them."""

import random
from collections.abc import Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from freqai_ext.errors import SettingsError

REFUSE: Final = "refuse"
"""The kind of a fault that closes the listening socket."""


class Fault(Protocol):
    """What goes wrong, where and when."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def route(self) -> str | None:
        """Only on this path."""

    @property
    def method(self) -> str | None:
        """Only for this method."""

    @property
    def probability(self) -> float:
        """How likely a request meets it; of one that refuses, for the whole window."""

    @property
    def seed(self) -> int:
        """Of that chance."""

    @property
    def seconds(self) -> float:
        """How long ``slow`` waits, in real seconds."""

    @property
    def megabytes(self) -> float:
        """How large ``huge`` is."""

    def concerns(self, service: str, now_s: float) -> bool:
        """Return whether it is in place for a service at ``now_s`` (UTC seconds)."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return it as JSON can hold it, with ``mode="json"``."""


FaultT = TypeVar("FaultT", bound=Fault)


class FaultPlan(Generic[FaultT]):
    """The faults that are in place."""

    def __init__(self) -> None:
        self._faults: dict[int, FaultT] = {}
        self._asked: dict[tuple[int, str], int] = {}
        self._next = 1

    def add(self, fault: FaultT) -> int:
        """Put one in place, before those that are there, and return its number."""
        number, self._next = self._next, self._next + 1
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
            known = sorted(self._faults) or "no faults at all"
            raise SettingsError(f"fault {number}: there is none; there are {known}")

    def listed(self) -> Mapping[int, FaultT]:
        """Return all, by number."""
        return dict(self._faults)

    def shown(self) -> dict[str, Any]:
        """Return all, by number, as JSON can hold them."""
        return {str(number): fault.model_dump(mode="json") for number, fault in self._faults.items()}

    def refusing(self, service: str, now_s: float) -> bool:
        """Return whether the listening socket of a service is to be closed."""
        return any(
            fault.kind == REFUSE and fault.concerns(service, now_s) and _happens(fault, service, number, 0)
            for number, fault in self._faults.items()
        )

    def lasts(self, service: str, number: int, now_s: float) -> bool:
        """Return whether a fault of that number is still in place."""
        fault = self._faults.get(number)
        return fault is not None and fault.concerns(service, now_s)

    def meet(self, service: str, method: str, path: str, now_s: float) -> tuple[int, FaultT] | None:
        """Return the fault that a request meets, and its number."""
        for number, fault in self._faults.items():
            if fault.kind == REFUSE or not fault.concerns(service, now_s):
                continue
            if fault.route not in (None, path) or fault.method not in (None, method):
                continue
            time = self._asked[number, service] = self._asked.get((number, service), 0) + 1
            if _happens(fault, service, number, time):
                return number, fault
        return None


def _happens(fault: Fault, service: str, number: int, time: int) -> bool:
    chance = random.Random(f"{fault.seed}:{service}:{number}:{time}")  # noqa: S311
    return chance.random() < fault.probability
