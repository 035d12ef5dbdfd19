"""Lets pushes through once Guardian was looked at, and again after every outage."""

import logging
from dataclasses import dataclass

from freqai_ext.errors import GuardianDeniedError, GuardianError, GuardianRefusedError
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.inspection import Inspection, inspect
from freqai_ext.guardian.journal_reader import Outcome
from freqai_ext.guardian.payload import SOURCE, Thresholds
from freqai_ext.guardian.settings import GuardianSettings

logger = logging.getLogger("freqai_ext.guardian.publisher")


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
    """

    def __init__(self, client: GuardianClient, settings: GuardianSettings) -> None:
        self.thresholds = Thresholds()
        self._client, self._settings = client, settings
        self._open = False
        self._network_known = settings.network is None
        self._warned: tuple[str, ...] = ()

    def close(self) -> None:
        """Look again before the next push: Guardian may have been restarted, with other settings."""
        self._open = False

    async def trouble(self, *, hurried: bool = False) -> Trouble | None:
        """Look at Guardian unless the gate is open, and return what speaks against a push.

        With ``hurried`` it does not look again at one whose network it knows.
        """
        if self._open or (hurried and self._network_known):
            return None
        found = await inspect(self._client, self._settings)
        if found.unreachable is not None:
            # A set that poisons Guardian makes /health fail until the next good push, so that one must get through.
            return None if self._network_known else Trouble("failed", found.unreachable)
        if found.faults:
            self._network_known = self._settings.network is None
            return Trouble(_outcome(found), "; ".join(found.faults))
        self._open = self._network_known = True
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
