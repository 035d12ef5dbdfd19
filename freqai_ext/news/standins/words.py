"""Words by which the stand-ins write headlines and their language model judges them."""

import re
from typing import Final, NamedTuple

POSITIVE: Final = frozenset(
    {
        "adopts", "adoption", "approval", "approves", "approved", "bullish", "gain", "gains", "growth", "inflows",
        "jump", "jumps", "partnership", "rallies", "rally", "rebound", "rebounds", "record", "soar", "soars",
        "surge", "surged", "surges", "surpasses", "upgrade",
    }
)  # fmt: skip

NEGATIVE: Final = frozenset(
    {
        "ban", "bankruptcy", "bans", "bearish", "crash", "crashes", "delisting", "drains", "drop", "drops", "exploit",
        "fraud", "hack", "hacked", "lawsuit", "liquidations", "loses", "outage", "outflows", "plunge", "plunged",
        "plunges", "scam", "selloff", "slump", "slumps", "stolen", "tumbles",
    }
)  # fmt: skip

_WORD: Final = re.compile(r"[a-z]+")


class Tone(NamedTuple):
    """How many words of a text are good and how many bad news."""

    positive: int
    negative: int


def tone(text: str) -> Tone:
    """Count the words of a text that are in :data:`POSITIVE` and :data:`NEGATIVE`.

    Examples
    --------
    >>> tone("Bitcoin rallies to a record despite a lawsuit")
    Tone(positive=2, negative=1)
    """
    words = _WORD.findall(text.lower())
    return Tone(sum(word in POSITIVE for word in words), sum(word in NEGATIVE for word in words))
