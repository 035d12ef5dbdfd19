"""Whether Guardian holds what it was last sent: contract, section 7."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Final

from freqai_ext.guardian.answers import StoredEntry, StoredPredictions
from freqai_ext.guardian.payload import SentEntry

_RELATIVE: Final = 1e-9


@dataclass(frozen=True)
class ReadBack:
    """What differs between what was sent and what Guardian holds, by canonical symbol.

    Attributes
    ----------
    missing
        Sent and not there.
    unexpected
        There and not sent.
    different
        There with another probability, expected value or time.
    pairs
        How many were sent.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    different: tuple[str, ...]
    pairs: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.unexpected or self.different)

    def __str__(self) -> str:
        if self.equal:
            return f"Guardian holds {self.pairs} pairs, as they were sent"
        named = {"missing": self.missing, "unexpected": self.unexpected, "different": self.different}
        differences = "; ".join(f"{name}: {', '.join(pairs) or 'none'}" for name, pairs in named.items())
        return f"Guardian does not hold what it was sent; {differences}"


def compare(sent: Mapping[str, SentEntry], stored: StoredPredictions) -> ReadBack:
    """Compare what survives a restart of Guardian: probability, expected value and time under the canonical symbol."""
    held = stored.entries
    return ReadBack(
        missing=tuple(sorted(sent.keys() - held.keys())),
        unexpected=tuple(sorted(held.keys() - sent.keys())),
        different=tuple(sorted(name for name in sent.keys() & held.keys() if not _same(sent[name], held[name]))),
        pairs=len(sent),
    )


def _same(sent: SentEntry, held: StoredEntry) -> bool:
    return (
        _close(sent.probability, held.probability)
        and _close(sent.ev_bps, held.ev_bps)
        and _close(sent.generated_at_s, held.generated_at_s)
    )


def _close(sent: float, held: float | None) -> bool:
    return held is not None and isclose(sent, held, rel_tol=_RELATIVE)
