"""Which assets' news are wanted, and when each may be looked at."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from freqai_ext._services.backoff import Backoff
from freqai_ext._services.worker import NEVER

STANDS_FOR_S: Final = 900.0
"""A request that could not be served for so long is dropped: its numbers are old, and who still wants it asks again."""

_MOST_ASSETS: Final = 256
_FIRST_RETRY_S: Final = 60.0


@dataclass(frozen=True)
class Numbers:
    """What is told to the judge of the last closed candle; ``None`` where it is not known.

    Attributes
    ----------
    close
        Its closing price.
    change_24h
        Return over the last 24 hours, as a ratio.
    rsi
        RSI, 0 to 100.
    urgent
        Whether a signal waits for the verdict: it is served before those that only come near one.
    """

    close: float | None = None
    change_24h: float | None = None
    rsi: float | None = None
    urgent: bool = False


@dataclass
class _Asset:
    due_s: float = -math.inf
    set_at_s: float = -math.inf
    failed: bool = False
    at_work: bool = False
    asked_s: float = -math.inf
    numbers: Numbers | None = None
    backoff: Backoff | None = None


class Watchlist:
    """Requests, one for each asset, and a rest after each look. Methods may be called from any thread.

    Parameters
    ----------
    interval_s
        An asset rests for so long after a success; after failures 60 s, doubling, but no longer than this.
    clock
        UTC seconds.
    delay_s
        Told an asset that is newly wanted and the time; returns for how many seconds it is not looked at yet.
    """

    def __init__(
        self,
        interval_s: float,
        clock: Callable[[], float] = time.time,
        delay_s: Callable[[str, float], float] = lambda _name, _now_s: 0.0,
    ) -> None:
        self._interval_s, self._clock, self._delay_s = interval_s, clock, delay_s
        self._assets: dict[str, _Asset] = {}
        self._changing = threading.Lock()

    def __len__(self) -> int:
        with self._changing:
            return sum(asset.numbers is not None for asset in self._assets.values())

    def request(self, name: str, numbers: Numbers) -> bool:
        """Want news of an asset; the newest numbers count.

        Returns
        -------
        bool
            Whether there is something new to plan: False while the asset rests or is being looked at, and where the
            list is full.
        """
        now_s = self._clock()
        with self._changing:
            asset = self._assets.get(name)
            if asset is None:
                if len(self._assets) >= _MOST_ASSETS and not self._make_room(now_s):
                    return False
                asset = self._assets[name] = _Asset()
            self._follow_the_clock(asset, now_s)
            is_due = now_s >= asset.due_s
            is_new = asset.numbers is None
            if asset.at_work or not (is_due or asset.failed or not is_new):
                return False
            if is_due:
                # And it stays so where the clock is set back before it is taken.
                asset.due_s = asset.set_at_s = -math.inf
                if is_new and (delay_s := self._delay_s(name, now_s)) > 0:
                    asset.due_s, asset.set_at_s = now_s + delay_s, now_s
            asset.numbers, asset.asked_s = numbers, now_s
            return is_new or is_due

    def take(self) -> tuple[str, Numbers] | None:
        """Return an asset to look at now, urgent ones first, then those that wait longest; ``None`` for none.

        It is at work until :meth:`rest` or :meth:`fail` is called.
        """
        now_s = self._clock()
        with self._changing:
            best: tuple[bool, float, str] | None = None
            for name, asset in self._assets.items():
                if not self._is_wanted(asset, now_s) or now_s < asset.due_s or asset.numbers is None:
                    continue
                rank = (not asset.numbers.urgent, asset.asked_s, name)
                best = rank if best is None else min(best, rank)
            if best is None:
                return None
            asset = self._assets[best[2]]
            numbers, asset.numbers, asset.at_work = asset.numbers or Numbers(), None, True
            return best[2], numbers

    def rest(self, name: str, until_s: float) -> None:
        """Leave an asset alone until ``until_s`` (UTC seconds), the interval at most: it went well."""
        now_s = self._clock()
        with self._changing:
            asset = self._assets[name]
            asset.at_work, asset.failed, asset.backoff = False, False, None
            asset.set_at_s, asset.due_s = now_s, min(until_s, now_s + self._interval_s)

    def fail(self, name: str, numbers: Numbers, at_least_s: float = 0.0) -> float:
        """Put an asset back, to be looked at again after a while without being requested again.

        Returns
        -------
        float
            Seconds until then: ``at_least_s`` or more, but no more than the interval, or an hour where that is longer.
        """
        now_s = self._clock()
        with self._changing:
            asset = self._assets[name]
            asset.backoff = asset.backoff or Backoff(_FIRST_RETRY_S, self._interval_s)
            wait_s = max(asset.backoff.next(), min(at_least_s, max(self._interval_s, 3600.0)))
            asset.at_work, asset.failed = False, True
            asset.set_at_s, asset.due_s = now_s, now_s + wait_s
            asset.numbers, asset.asked_s = numbers, now_s
            return wait_s

    def due_s(self) -> float:
        """Return when the next request may be served (UTC seconds), :data:`NEVER` where none waits."""
        now_s = self._clock()
        with self._changing:
            return min((each.due_s for each in self._assets.values() if self._is_wanted(each, now_s)), default=NEVER)

    def _is_wanted(self, asset: _Asset, now_s: float) -> bool:
        if asset.at_work or asset.numbers is None:
            return False
        self._follow_the_clock(asset, now_s)
        if now_s - asset.asked_s > STANDS_FOR_S:
            asset.numbers = None
            return False
        return True

    def _make_room(self, now_s: float) -> bool:
        idle = [
            name
            for name, asset in self._assets.items()
            if asset.numbers is None and not asset.at_work and now_s >= asset.due_s
        ]
        for name in idle:
            del self._assets[name]
        return bool(idle)

    @staticmethod
    def _follow_the_clock(asset: _Asset, now_s: float) -> None:
        # A clock that was set back must not put off what was due by the old one.
        if now_s < asset.set_at_s:
            asset.due_s -= asset.set_at_s - now_s
            asset.set_at_s = now_s
        asset.asked_s = min(asset.asked_s, now_s)
