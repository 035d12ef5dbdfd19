"""This bot's verdicts on their way into the shared memory, and what is known of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from freqai_ext.news.records import Verdict

DEAD_AFTER: Final = 3
"""So many lost verdicts in a row mean that the server stores nothing any more."""

MOST_IN_QUEUE: Final = 8
"""So many verdicts wait at the server at most: it works on one at a time, and each may take a minute."""

_LONGEST_PATIENCE: Final = 16
_SEARCHES: Final = 4


@dataclass
class Sending:
    """A verdict until it is read back.

    Attributes
    ----------
    verdict
        What is sent.
    times
        How often it was.
    is_out
        Whether it may be at the server now, not worked on yet.
    is_sure
        Whether the server said that it took it, and was there all the time since.
    at_s
        When it was sent or put off, in UTC seconds.
    searched_s
        When it was last looked for among all that is there, in UTC seconds.
    """

    verdict: Verdict
    times: int = 0
    is_out: bool = False
    is_sure: bool = False
    at_s: float = float("-inf")
    searched_s: float = float("-inf")


class Outbox:
    """Decides which verdict is sent when, and from when on one counts as lost.

    Newest go first, and only a few at a time. While the server stores nothing it is sent a single one at a time, which
    will tell when it works again. A verdict that was lost before is waited for longer each time, but not from a server
    that stores nothing, or that may have forgotten what it had.

    Parameters
    ----------
    confirm_within_s
        What was accepted and cannot be read back after so long counts as lost; up to 16 times that when it is sent
        again.
    """

    def __init__(self, confirm_within_s: float) -> None:
        self._confirm_within_s = confirm_within_s
        self._sendings: dict[str, Sending] = {}
        self._lost_in_row = 0

    @property
    def waiting(self) -> int:
        """How many verdicts are not read back yet."""
        return len(self._sendings)

    @property
    def ingest_dead(self) -> bool:
        """Whether the server stores nothing any more."""
        return self._lost_in_row >= DEAD_AFTER

    @property
    def assets(self) -> frozenset[str]:
        """What they are about."""
        return frozenset(sending.verdict.asset for sending in self._sendings.values())

    def update(self, pending: Iterable[Verdict]) -> None:
        """Take in what is pending, and forget what is not any more."""
        known = self._sendings
        self._sendings = {verdict.id: known.get(verdict.id) or Sending(verdict) for verdict in pending}

    @property
    def lost_in_row(self) -> int:
        """How many were lost since one was last stored."""
        return self._lost_in_row

    def holds(self, sending: Sending) -> bool:
        """Return whether one is still not read back."""
        return sending.verdict.id in self._sendings

    def about(self, asset: str) -> list[Sending]:
        """Return those about an asset."""
        return [sending for sending in self._sendings.values() if sending.verdict.asset == asset]

    def due(self, now_s: float) -> list[Sending]:
        """Return what may be sent now, newest first."""
        room = (1 if self.ingest_dead else MOST_IN_QUEUE) - sum(each.is_out for each in self._sendings.values())
        due = [each for each in self._sendings.values() if not each.is_out and now_s >= each.at_s]
        return sorted(due, key=lambda each: -each.verdict.available_at_s)[: max(room, 0)]

    def overdue(self, sending: Sending, now_s: float) -> bool:
        """Return whether one that is out should have been read back by now."""
        hurried = self.ingest_dead or not sending.is_sure
        patience = 1 if hurried else min(2 ** max(sending.times - 1, 0), _LONGEST_PATIENCE)
        return sending.is_out and now_s >= sending.at_s + patience * self._confirm_within_s

    def searchable(self, sending: Sending, now_s: float) -> bool:
        """Return whether one that is out, and not among the newest that are there, should be looked for among all."""
        waited_s = now_s - max(sending.at_s, sending.searched_s)
        return sending.is_out and waited_s >= self._confirm_within_s / _SEARCHES

    def sent(self, sending: Sending, now_s: float, *, is_sure: bool) -> None:
        """Note that one was handed over, or may have been."""
        sending.times += 1
        sending.is_out, sending.is_sure, sending.at_s = True, is_sure, now_s

    def put_off(self, sending: Sending, until_s: float) -> None:
        """Note that one is not to be sent before a time."""
        sending.is_out, sending.at_s = False, until_s

    def doubt_all(self) -> None:
        """Note that the server was away: it may have forgotten what it had accepted, and that is no sign of death."""
        for sending in self._sendings.values():
            sending.is_sure = False

    def lost(self, sending: Sending, now_s: float) -> bool:
        """Note that one cannot be read back, to be sent again; returns whether that counts against the server."""
        self.put_off(sending, now_s)
        if sending.is_sure:
            self._lost_in_row += 1
        return sending.is_sure

    def stored(self, sending: Sending) -> bool:
        """Note that one was read back; returns whether the server has come back to life with it."""
        self._sendings.pop(sending.verdict.id, None)
        revived = self.ingest_dead and sending.times > 0
        if sending.times > 0:
            self._lost_in_row = 0
        return revived
