"""Compares verdicts with what became known only after publication: votes and labels of readers.

Agreement that no text explains is a leak. Each verdict is compared with the sum over its articles and with its newest
article alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.errors import NewsDataError
from freqai_ext.news.archives.containers import container_of, records
from freqai_ext.news.records import SIGN, Verdict
from freqai_ext.news.settings import NewsImportSettings

LEAST_ARTICLES: Final = 30
MOST_AGREEMENT: Final = 0.95
MOST_KAPPA: Final = 0.9
MOST_CORRELATION: Final = 0.9

FloatArray = npt.NDArray[np.float64]

_SIGNS: Final = {"bullish": 1.0, "positive": 1.0, "bearish": -1.0, "negative": -1.0, "neutral": 0.0}


@dataclass(frozen=True)
class Aftermath:
    """What readers made of an article.

    Attributes
    ----------
    positive, negative
        Votes.
    label
        +1, 0 or -1; NaN where there is none.
    """

    positive: float
    negative: float
    label: float


@dataclass(frozen=True)
class Match:
    """A likeness that text does not explain.

    Attributes
    ----------
    what
        In words.
    verdicts, articles
        How many were compared.
    """

    what: str
    verdicts: int
    articles: int


def read_aftermath(path: Path) -> dict[str, Aftermath]:
    """Return what a file, such as JSON lines, tells of each article: ``id``, ``votes`` and ``sentiment_label``.

    Raises
    ------
    NewsDataError
        If the file cannot be read, or holds nothing of the kind.
    """
    found: dict[str, Aftermath] = {}
    limits = NewsImportSettings()
    for entry in records(path, container_of(path, limits), limits):
        if isinstance(entry, str):
            continue
        votes = entry.get("votes")
        votes = votes if isinstance(votes, dict) else {}
        label = _SIGNS.get(str(entry.get("sentiment_label")).lower(), np.nan)
        if entry.get("id") is not None and (votes or not np.isnan(label)):
            found[str(entry["id"])] = Aftermath(_number(votes.get("positive")), _number(votes.get("negative")), label)
    if not found:
        raise NewsDataError(
            f"{path}: no line with an id and votes or a sentiment_label; write JSON lines such as "
            '{"id": "a1", "votes": {"positive": 3, "negative": 0}, "sentiment_label": "bullish"}'
        )
    return found


def matches(verdicts: Sequence[Verdict], aftermath: Mapping[str, Aftermath]) -> tuple[Match, ...]:
    """Return in which ways the verdicts follow what became known afterwards; fewer than 30 articles prove nothing."""
    ways: tuple[tuple[str, Callable[[Sequence[str]], list[Aftermath]]], ...] = (
        ("all articles", lambda ids: _known(ids, aftermath)),
        ("the newest article", lambda ids: _known(ids[:1], aftermath)),
    )
    found: list[Match] = []
    for way, pick in ways:
        compared = [(verdict, known) for verdict in verdicts if (known := pick(verdict.article_ids))]
        ids = {id for verdict, _ in compared for id in verdict.article_ids if _known([id], aftermath)}
        if len(ids) >= LEAST_ARTICLES and len(compared) >= LEAST_ARTICLES:
            texts = _likenesses(_table(compared))
            found += [Match(f"{text} of {way}", len(compared), len(ids)) for text in texts]
    return tuple(found)


def _known(ids: Sequence[str], aftermath: Mapping[str, Aftermath]) -> list[Aftermath]:
    # Articles of a vendor's are stored as "cryptopanic:123" where the vendor says "123".
    found = (aftermath.get(id) or aftermath.get(id.partition(":")[2]) for id in ids)
    return [known for known in found if known is not None]


def _table(compared: Sequence[tuple[Verdict, Sequence[Aftermath]]]) -> pd.DataFrame:
    rows = []
    for verdict, known in compared:
        positive, negative = sum(each.positive for each in known), sum(each.negative for each in known)
        labels = [each.label for each in known if not np.isnan(each.label)]
        rows.append(
            {
                "sentiment": float(SIGN[verdict.sentiment]),
                "impact": verdict.impact_score,
                "confidence": verdict.confidence,
                "label": np.sign(sum(labels)) if labels else np.nan,
                "majority of votes": np.sign(positive - negative),
                "net votes": positive - negative,
                "number of votes": positive + negative,
                "size of the net votes": abs(positive - negative),
                "share of positive votes": positive / (positive + negative) if positive + negative else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    table["direction"] = table["sentiment"] * table["impact"]
    return table


def _likenesses(table: pd.DataFrame) -> list[str]:
    found = []
    for known in ("label", "majority of votes"):
        both = table[["sentiment", known]].dropna()
        agreement, kappa = _agreement(both["sentiment"].to_numpy(), both[known].to_numpy())
        if len(both) >= LEAST_ARTICLES and agreement >= MOST_AGREEMENT and kappa >= MOST_KAPPA:
            found.append(f"the sentiment is the {known} in {agreement:.1%} of cases,")
    for name in ("direction", "impact", "confidence"):
        for known in ("net votes", "number of votes", "size of the net votes", "share of positive votes"):
            both = table[[name, known]].dropna()
            if len(both) >= LEAST_ARTICLES and both[name].nunique() > 1 and both[known].nunique() > 1:
                ranks = both.rank()
                correlation = float(np.corrcoef(ranks[name], ranks[known])[0, 1])
                if abs(correlation) > MOST_CORRELATION:
                    found.append(f"the {name} ranks like the {known} (correlation {correlation:+.2f})")
    return found


def _agreement(ours: FloatArray, theirs: FloatArray) -> tuple[float, float]:
    """Return the share of equal signs, and the same beyond chance (Cohen's kappa), 0 where that cannot be told."""
    if not len(ours):
        return 0.0, 0.0
    agreement = float(np.mean(ours == theirs))
    chance = sum(float(np.mean(ours == sign) * np.mean(theirs == sign)) for sign in (-1.0, 0.0, 1.0))
    return agreement, (agreement - chance) / (1.0 - chance) if chance < 1.0 else 0.0


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, int | float) else 0.0
