"""Pairs that Guardian leaves out of its answers, and when to ask for them in a call of their own.

Contract, section 4: an answer is cut by rank at ``freqai_feature_limit``, so that pairs which nobody asked for can take
the places of some that were. Asked for alone, these come.
"""

from collections.abc import Collection
from typing import Final

_AGAIN_AFTER_S: Final = 3_600.0


class MissingPairs:
    """Remembers pairs that stay missing even when they are asked for alone: those are asked for once an hour."""

    def __init__(self) -> None:
        self._asked_s: dict[str, float] = {}

    def worth_asking(self, missing: Collection[str], now_s: float) -> tuple[str, ...]:
        """Return those to ask for alone at ``now_s`` (UTC seconds), in alphabetical order."""
        return tuple(sorted(symbol for symbol in missing if self._due(symbol, now_s)))

    def asked_alone(self, symbols: Collection[str], came: Collection[str], now_s: float) -> None:
        """Take note of what came of asking for ``symbols`` alone."""
        self._asked_s |= dict.fromkeys(set(symbols).difference(came), now_s)
        self.came(came)

    def came(self, symbols: Collection[str]) -> None:
        """Take note of pairs that are not missing."""
        for symbol in symbols:
            self._asked_s.pop(symbol, None)

    def _due(self, symbol: str, now_s: float) -> bool:
        asked_s = self._asked_s.get(symbol)
        # A clock that was set back must not put off for long what was asked for by the old one.
        return asked_s is None or not 0.0 <= now_s - asked_s < _AGAIN_AFTER_S
