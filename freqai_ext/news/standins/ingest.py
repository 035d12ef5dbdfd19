"""The ingest of a Graphiti server: a queue in memory and one worker that survives no error: contract, section 1.3."""

import re
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

_GROUP: Final = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Episode:
    """A message that can be read.

    Attributes
    ----------
    uuid
        The server's own name of it.
    group, name, content, source
        As they were sent; ``content`` with what the server puts before it.
    valid_at_s
        The message's own time, UTC seconds.
    created_at_s
        When it was taken in, UTC seconds.
    """

    uuid: str
    group: str
    name: str
    content: str
    source: str
    valid_at_s: float
    created_at_s: float


@dataclass(frozen=True)
class Message:
    """A message that waits.

    Attributes
    ----------
    group, name, content, source
        As they were sent; ``content`` as it will be read.
    valid_at_s
        Its own time, UTC seconds.
    update
        The episode that is to be updated; ``None`` for a new one.
    fatal
        Whether something fails while it is taken in.
    """

    group: str
    name: str
    content: str
    source: str
    valid_at_s: float
    update: str | None = None
    fatal: bool = False


class Ingest:
    """Takes messages in one after the other.

    It has no thread: :meth:`settle` does what is due, so that a clock that is set decides what can be read.
    """

    def __init__(self) -> None:
        self.alive = True
        self.accepted = 0
        self._waiting: deque[tuple[float, Message]] = deque()
        self._busy_until_s = float("-inf")
        self._episodes: defaultdict[str, list[Episode]] = defaultdict(list)

    @property
    def waiting(self) -> int:
        """How many messages are in the queue."""
        return len(self._waiting)

    def accept(self, message: Message, now_s: float, ingest_s: float) -> None:
        """Put a message into the queue, dead worker or not; it can be read ``ingest_s`` after those before it."""
        self.accepted += 1
        self._busy_until_s = max(self._busy_until_s, now_s) + ingest_s
        self._waiting.append((self._busy_until_s, message))

    def keep(self, message: Message, now_s: float) -> None:
        """Take a message in at once, whatever it is; the worker has no part in it."""
        self.accepted += 1
        self._store(message, now_s)

    def settle(self, now_s: float) -> None:
        """Take in what is due; the first message that fails ends it for ever."""
        while self.alive and self._waiting and self._waiting[0][0] <= now_s:
            due_s, message = self._waiting.popleft()
            self._take_in(message, due_s)

    def episodes(self, group: str) -> tuple[Episode, ...]:
        """Return what can be read of a group, the oldest message first."""
        return tuple(sorted(self._episodes[group], key=lambda episode: episode.valid_at_s))

    def groups(self) -> dict[str, int]:
        """Return how many episodes each group has."""
        return {group: len(episodes) for group, episodes in self._episodes.items() if episodes}

    def restart(self) -> None:
        """Lose the queue and live again; what was taken in stays."""
        self.alive = True
        self._waiting.clear()
        self._busy_until_s = float("-inf")

    def _take_in(self, message: Message, now_s: float) -> None:
        known = {episode.uuid for episode in self._episodes[message.group]}
        unknown = message.update is not None and message.update not in known
        if message.fatal or unknown or not is_group(message.group):
            self.alive = False
            return
        self._store(message, now_s)

    def _store(self, message: Message, now_s: float) -> None:
        number = message.update or str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.accepted}:{now_s}:{message}"))
        episode = Episode(
            number, message.group, message.name, message.content, message.source, message.valid_at_s, now_s
        )
        kept = [one for one in self._episodes[message.group] if one.uuid != number]
        self._episodes[message.group] = [*kept, episode]


def is_group(name: str) -> bool:
    """Return whether the library takes a group of that name: letters, digits, ``_`` and ``-``."""
    return _GROUP.fullmatch(name) is not None
