"""Where a set of opinions waits to be sent: room for one, the newest."""

import threading
from collections import deque
from dataclasses import dataclass
from uuid import uuid4

from freqai_ext.guardian.opinion import OpinionSet

_MOST_SUPERSEDED = 1_000


def new_push_id() -> str:
    """Return a name for a push that no other has."""
    return uuid4().hex[:16]


@dataclass(frozen=True)
class Offer:
    """A set and the name under which it is to be pushed."""

    push_id: str
    opinions: OpinionSet


@dataclass(frozen=True)
class Superseded:
    """What is kept of an offer in whose place came a newer one before it was taken.

    Attributes
    ----------
    push_id
        Its name.
    created_at_s
        When the set was made, UTC seconds.
    pairs
        How many pairs its universe had.
    """

    push_id: str
    created_at_s: float
    pairs: int


class Slot:
    """Latest wins. :meth:`put` may be called from any thread and never waits for more than a swap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offer: Offer | None = None
        self._superseded: deque[Superseded] = deque(maxlen=_MOST_SUPERSEDED)
        self._forgotten = 0

    @property
    def filled(self) -> bool:
        """Whether an offer waits."""
        return self._offer is not None

    def put(self, opinions: OpinionSet) -> None:
        """Offer a set in place of the one that waits."""
        offer = Offer(new_push_id(), opinions)
        with self._lock:
            if self._offer is not None:
                self._supersede(self._offer)
            self._offer = offer

    def take(self) -> tuple[Offer | None, tuple[Superseded, ...], int]:
        """Return the newest offer, those it took the place of since the last call, and how many more are forgotten."""
        with self._lock:
            taken = self._offer, tuple(self._superseded), self._forgotten
            self._offer, self._forgotten = None, 0
            self._superseded.clear()
        return taken

    def _supersede(self, offer: Offer) -> None:
        self._forgotten += len(self._superseded) == _MOST_SUPERSEDED
        self._superseded.append(superseded(offer))


def superseded(offer: Offer) -> Superseded:
    """Return what is kept of an offer that is not sent."""
    return Superseded(offer.push_id, offer.opinions.created_at_s, len(offer.opinions.universe))
