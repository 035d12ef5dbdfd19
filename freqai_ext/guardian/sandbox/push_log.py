"""What was pushed to the sandbox, whether or not it was heard."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_MOST_RECORDS: Final = 20_000
_LONGEST_ID: Final = 80


@dataclass(frozen=True)
class PushRecord:
    """One ``POST /predictions``.

    Attributes
    ----------
    number
        From 1 in the order in which they came.
    at_s
        By the sandbox's clock, UTC seconds.
    status
        Of the answer that Guardian gave, or would have; ``None`` where it gave none.
    symbols
        How many pairs were stored; ``None`` where the set was left as it was.
    push_id, kind
        What the sender calls it, from its ``meta``.
    size_bytes
        Of the body.
    fault
        The injected fault that it met; after one, the sender may not know what became of it.
    """

    number: int
    at_s: float
    status: int | None
    symbols: int | None
    push_id: str | None
    kind: str | None
    size_bytes: int
    fault: str | None


class PushLog:
    """The newest 20,000 records."""

    def __init__(self) -> None:
        self.total = 0
        self._records: deque[PushRecord] = deque(maxlen=_MOST_RECORDS)

    def add(
        self, at_s: float, body: bytes, status: int | None, symbols: int | None = None, fault: str | None = None
    ) -> None:
        """Note a push."""
        self.total += 1
        meta = _meta(body)
        push_id, kind = _short_text(meta.get("push_id")), _short_text(meta.get("kind"))
        self._records.append(PushRecord(self.total, at_s, status, symbols, push_id, kind, len(body), fault))

    def since(self, number: int = 0) -> tuple[PushRecord, ...]:
        """Return the records after ``number``, oldest first."""
        return tuple(record for record in self._records if record.number > number)


def _meta(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    meta = content.get("meta") if isinstance(content, dict) else None
    return meta if isinstance(meta, dict) else {}


def _short_text(value: object) -> str | None:
    return value[:_LONGEST_ID] if isinstance(value, str) else None
