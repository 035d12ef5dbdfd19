"""Lets pushes through once Guardian was looked at, and again after every outage."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from freqai_ext.errors import GuardianDeniedError, GuardianError, GuardianRefusedError
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.inspection import Inspection, inspect
from freqai_ext.guardian.journal_reader import Outcome
from freqai_ext.guardian.payload import SOURCE, Thresholds
from freqai_ext.guardian.settings import GuardianSettings

logger = logging.getLogger("freqai_ext.guardian.publisher")

_OPEN_FOR_S: Final = 900.0


@dataclass(frozen=True)
class Trouble:
    """Why nothing can be sent now, and what to note as the outcome."""

    outcome: Outcome
    reason: str

    @classmethod
    def of(cls, error: GuardianError) -> "Trouble":
        """Return what an error means."""
        if isinstance(error, GuardianDeniedError):
            return cls("denied", str(error))
        if isinstance(error, GuardianRefusedError):
            return cls("refused", str(error))
        return cls("failed", str(error))


class Gate:
    """What is known of the Guardian on the other side.

    Parameters
    ----------
    client
        The connection to it.
    settings
        ``freqai_ext.guardian``.
    clock
        UTC seconds.
    """

    def __init__(self, client: GuardianClient, settings: GuardianSettings, clock: Callable[[], float]) -> None:
        self.thresholds = Thresholds()
        self._client, self._settings, self._clock = client, settings, clock
        self._open_until_s = -math.inf
        self._network_known = settings.network is None
        self._warned: tuple[str, ...] = ()

    def close(self) -> None:
        """Look again before the next push: Guardian may have been restarted, with other settings."""
        self._open_until_s = -math.inf

    async def trouble(self, *, hurried: bool = False) -> Trouble | None:
        """Look at Guardian unless the gate is open, and return what speaks against a push.

        It stays open for a quarter of an hour: a Guardian that is back within seconds, on another network or without
        its token, is not noticed otherwise.

        With ``hurried`` it does not look again at one whose network it knows.
        """
        now_s = self._clock()
        is_open = self._open_until_s - _OPEN_FOR_S <= now_s < self._open_until_s
        if is_open or (hurried and self._network_known):
            return None
        found = await inspect(self._client, self._settings)
        if found.unreachable is not None:
            # A set that poisons Guardian makes /health fail until the next good push, so that one must get through.
            return None if self._network_known else Trouble("failed", found.unreachable)
        if found.faults:
            self._network_known = self._settings.network is None
            return Trouble(_outcome(found), "; ".join(found.faults))
        self._open_until_s, self._network_known = now_s + _OPEN_FOR_S, True
        self._learn(found)
        return None

    async def pairs_of_ours(self) -> int:
        """Return how many pairs Guardian holds an opinion of that came from here.

        Raises
        ------
        GuardianError
            If it does not say.
        """
        stored = await self._client.predictions()
        return len(stored.entries) if stored.source == SOURCE else 0

    def _learn(self, found: Inspection) -> None:
        if found.health is not None:
            buy, sell = found.health.buy_threshold, found.health.sell_threshold
            default = Thresholds()
            self.thresholds = Thresholds(default.buy if buy is None else buy, default.sell if sell is None else sell)
        if found.warnings != self._warned:
            self._warned = found.warnings
            for warning in found.warnings:
                logger.warning("%s: %s", self._settings.url, warning)


def _outcome(found: Inspection) -> Outcome:
    if found.health is not None:
        return "refused"
    # An answer that is not Guardian's may come from what stands in its place while it is restarted.
    return "failed" if found.open_bridge is None else "denied"
