"""Which features mattered, and whether the same ones did from training to training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from freqai_ext.models._panel import OWN
from freqai_ext.walkforward import Window
from freqai_ext.walkforward.diagnostics import WindowRecord


@dataclass(frozen=True)
class FeatureShare:
    """One feature over all trainings; ``mean`` and ``deviation`` are of its share of the importance."""

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class WindowStability:
    """Rank correlation of the features' shares with those in the pair's training before, unused features included."""

    pair: str
    start: str
    rank_correlation: float


@dataclass(frozen=True)
class Importance:
    """Importance of features over the trainings of all pairs.

    Attributes
    ----------
    trainings
        That told; those without a record do not count.
    features
        The most important first. A pair's own name in a feature is written ``PAIR``, so that pairs add up.
    windows
        Stability of each training whose pair was trained before.
    stability
        Mean of theirs: 1 where the order of the features stays, about 0 where each training finds another; NaN without
        any.
    """

    trainings: int
    features: tuple[FeatureShare, ...]
    windows: tuple[WindowStability, ...]
    stability: float


def summarise_importance(records: Mapping[Window, WindowRecord]) -> Importance | None:
    """Return the importance over the recorded trainings; ``None`` where none told."""
    told = {window: _shared_names(window, record) for window, record in sorted(records.items()) if record.importance}
    if not told:
        return None
    shares = pd.DataFrame(list(told.values())).fillna(0.0)
    mean, deviation = shares.mean(), shares.std(ddof=0)
    order = mean.sort_values(ascending=False, kind="stable").index
    windows = _stability({window: records[window] for window in told}, shares)
    known = [each.rank_correlation for each in windows if np.isfinite(each.rank_correlation)]
    return Importance(
        trainings=len(told),
        features=tuple(FeatureShare(str(name), float(mean[name]), float(deviation[name])) for name in order),
        windows=windows,
        stability=float(np.mean(known)) if known else float("nan"),
    )


def _shared_names(window: Window, record: WindowRecord) -> dict[str, float]:
    own = f"_{window.pair.replace(':', '')}_"
    return {name.replace(own, f"_{OWN}_"): share for name, share in record.importance.items()}


def _stability(records: Mapping[Window, WindowRecord], shares: pd.DataFrame) -> tuple[WindowStability, ...]:
    windows, found = list(records), []
    for row in range(1, len(windows)):
        if windows[row].pair != windows[row - 1].pair:
            continue
        before, after = shares.iloc[row - 1], shares.iloc[row]
        record = records[windows[row]]
        features = record.columns_trained or record.columns_given
        start = pd.Timestamp(windows[row].start, unit="s", tz="UTC").strftime("%Y-%m-%d %H:%M")
        found.append(WindowStability(windows[row].pair, start, _rank_correlation(before, after, features)))
    return tuple(found)


def _rank_correlation(before: pd.Series, after: pd.Series, features: int) -> float:
    """Return the rank correlation over all features; those that no training used are not among the shares."""
    unused = np.zeros(max(0, features - len(before)))
    first, second = (pd.Series(np.concatenate([each.to_numpy(), unused])).rank() for each in (before, after))
    if len(first) < 2 or first.nunique() < 2 or second.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
