"""What a store of news holds: counts, spans, and the share of time with a valid verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from freqai_ext.news.records import Verdict
from freqai_ext.news.store import NewsStore


@dataclass(frozen=True)
class AssetStatistics:
    """What is kept of one asset.

    Attributes
    ----------
    asset
        Base asset.
    articles, verdicts
        How many.
    first_s, last_s
        When the first and the last verdict became available, UTC seconds; ``None`` without any.
    coverage
        Share of the time from the first verdict to the end of the last in which one was valid, 0 to 1.
    tainted
        Share of verdicts whose model may have known what followed.
    sentiments, origins, models
        Verdicts of each.
    mean_impact
        Of the verdicts; 0 without any.
    """

    asset: str
    articles: int
    verdicts: int
    first_s: float | None
    last_s: float | None
    coverage: float
    tainted: float
    sentiments: Mapping[str, int]
    origins: Mapping[str, int]
    models: Mapping[str, int]
    mean_impact: float


@dataclass(frozen=True)
class StoreStatistics:
    """What a store holds.

    Attributes
    ----------
    articles, verdicts
        How many.
    first_seen_s, last_seen_s
        When the first and the last article were seen, UTC seconds; ``None`` without any.
    assets
        Those with verdicts, and those with the most articles besides; most verdicts first.
    allowed, denied
        Decisions by reason.
    judges
        Those who judged, by the name that chooses them, and how many verdicts each made.
    unconfirmed
        This bot's verdicts that the shared memory has not confirmed, 200 at most.
    """

    articles: int
    verdicts: int
    first_seen_s: float | None
    last_seen_s: float | None
    assets: tuple[AssetStatistics, ...]
    allowed: Mapping[str, int]
    denied: Mapping[str, int]
    unconfirmed: int
    judges: Mapping[str, int]


def statistics(store: NewsStore, max_age_s: float, most_assets: int = 20) -> StoreStatistics:
    """Return what ``store`` holds, a verdict being valid for ``max_age_s`` seconds.

    Raises
    ------
    NewsDataError
        If it cannot be read.
    """
    articles, verdicts, decisions = store.articles(), store.verdicts(), store.decisions()
    mentioned = Counter(asset for article in articles for asset in article.assets)
    by_asset: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_asset.setdefault(verdict.asset, []).append(verdict)
    judged = sorted(by_asset, key=lambda asset: (-len(by_asset[asset]), asset))
    named = [*judged, *(asset for asset, _ in mentioned.most_common() if asset not in by_asset)]
    return StoreStatistics(
        articles=len(articles),
        verdicts=len(verdicts),
        first_seen_s=articles[0].first_seen_at_s if articles else None,
        last_seen_s=articles[-1].first_seen_at_s if articles else None,
        assets=tuple(
            _of_asset(asset, mentioned[asset], by_asset.get(asset, ()), max_age_s)
            for asset in named[: max(most_assets, len(judged))]
        ),
        allowed=dict(Counter(decision.reason for decision in decisions if decision.allowed)),
        denied=dict(Counter(decision.reason for decision in decisions if not decision.allowed)),
        unconfirmed=len(store.pending_replication(limit=None)),
        judges=store.judges(),
    )


def _of_asset(asset: str, articles: int, verdicts: Sequence[Verdict], max_age_s: float) -> AssetStatistics:
    times_s = np.array([verdict.available_at_s for verdict in verdicts], dtype=np.float64)
    valid_s = np.minimum(np.diff(times_s), max_age_s).sum() + max_age_s if len(times_s) else 0.0
    span_s = times_s[-1] - times_s[0] + max_age_s if len(times_s) else 0.0
    return AssetStatistics(
        asset=asset,
        articles=articles,
        verdicts=len(verdicts),
        first_s=float(times_s[0]) if len(times_s) else None,
        last_s=float(times_s[-1]) if len(times_s) else None,
        coverage=float(valid_s / span_s) if span_s else 0.0,
        tainted=sum(verdict.tainted for verdict in verdicts) / len(verdicts) if verdicts else 0.0,
        sentiments=dict(Counter(verdict.sentiment for verdict in verdicts)),
        origins=dict(Counter(verdict.origin for verdict in verdicts)),
        models=dict(Counter(verdict.model for verdict in verdicts)),
        mean_impact=sum(verdict.impact_score for verdict in verdicts) / len(verdicts) if verdicts else 0.0,
    )
