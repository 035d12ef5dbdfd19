"""Lets a push through once Guardian was looked at."""

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

_TOKEN_ASKED_EVERY_S: Final = 900.0


@dataclass(frozen=True)
class Trouble:
    """Why nothing can be sent now, and what to note as the outcome.

    With ``other_network`` Guardian is not on the network that is demanded: no forecast is sent there, and what it holds
    of ours may be taken back.
    """

    outcome: Outcome
    reason: str
    other_network: bool = False

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
        self._found: Inspection | None = None
        self._token_due_s = -math.inf
        self._network_known = settings.network is None
        self._warned: tuple[str, ...] = ()

    def close(self) -> None:
        """Ask without the token, too, before the next push: Guardian may have been restarted, with other settings."""
        self._token_due_s = -math.inf

    async def trouble(self, *, hurried: bool = False) -> Trouble | None:
        """Look at Guardian and return what speaks against a push.

        A Guardian that is back within seconds may be on another network, so there is a look before every push. Whether
        it answers without the token is asked every quarter of an hour.

        With ``hurried`` it does not look again at one whose network it knows.
        """
        if hurried and self._network_known:
            return None
        now_s = self._clock()
        asked_of_late = self._token_due_s - _TOKEN_ASKED_EVERY_S <= now_s < self._token_due_s
        found = await inspect(self._client, self._settings, before=self._found if asked_of_late else None)
        if found.unreachable is not None:
            # A set that poisons Guardian makes /health fail until the next good push, so that one must get through.
            return None if self._network_known else Trouble("failed", found.unreachable)
        if found.faults:
            self._network_known = self._settings.network is None
            return Trouble(_outcome(found), "; ".join(found.faults), found.other_network)
        if not asked_of_late:
            self._token_due_s = now_s + _TOKEN_ASKED_EVERY_S
        self._found, self._network_known = found, True
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
