"""What FreqAI keeps and saves as the model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.pipeline import QuietPipeline
from freqai_ext.signals import Signal
from freqai_ext.signals.continuous import ContinuousSignal


class TrainedSignal:
    """A signal, and how FreqAI's frames become its design. FreqAI pickles it, and sets attributes of its own on it.

    Parameters
    ----------
    signal
        What was learnt.
    labels
        The strategy's targets.
    classes
        For each target of class names its classes.
    features
        Columns that go into the pipeline; under shared names where ``pooled``.
    pooled
        Whether it was learnt from several pairs.
    pair_codes
        The code of each pair, where the pair is a feature.
    pipeline
        Feature pipeline, fitted.
    history_rows
        Number of rows before a row that its prediction looks at.
    """

    def __init__(
        self,
        *,
        signal: Signal,
        labels: Sequence[str],
        classes: Mapping[str, Sequence[str]],
        features: Sequence[str],
        pooled: bool,
        pair_codes: Mapping[str, int] | None,
        pipeline: QuietPipeline,
        history_rows: int,
    ) -> None:
        self.signal = signal
        self.labels = tuple(labels)
        self.classes = dict(classes)
        self.features = tuple(features)
        self.pooled = pooled
        self.pair_codes = pair_codes
        self.pipeline = pipeline
        self.history_rows = history_rows
        # Pairs whose intervals were read from disk since this object was made or loaded.
        self.restored: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "restored": set()}

    @property
    def continuous(self) -> list[ContinuousSignal]:
        """The continuous targets that have intervals."""
        return [each for each in self.signal.targets.values() if isinstance(each, ContinuousSignal)]

    def outcomes(self, context: pd.DataFrame, first: int, count: int, candle_ns: int) -> dict[str, pd.Series]:
        """Return the labels of continuous targets by close, up to ``count`` rows of ``context`` from ``first`` on."""
        longest = max((each.horizon_candles for each in self.continuous), default=0)
        known = context.iloc[max(0, first - 2 * longest) : first + count]
        made_at = pd.DatetimeIndex(known["date"]) + pd.Timedelta(candle_ns, unit="ns")
        return {
            each.name: pd.Series(known[each.name].to_numpy(dtype=np.float64), index=made_at)
            for each in self.continuous
            if each.name in known
        }

    @property
    def feature_names_(self) -> tuple[str, ...]:
        """Features after the pipeline."""
        return self.signal.feature_names

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """How much each of :attr:`feature_names_` mattered; sum 1."""
        return self.signal.feature_importances_

    def describe(self) -> str:
        """Return a phrase for the log."""
        pairs = f"{len(self.signal.pairs)} pairs together, " if self.pooled else ""
        return f"{pairs}{len(self.feature_names_)} features, {len(self.signal.targets)} targets"


class SharedFit:
    """The panel's fits, by the end of their training window.

    A backtest keeps one for each window, since it goes through the windows pair by pair. A live bot keeps the newest:
    a pair takes it over while it is fresh, unless it has had it before, and is then due for a new one.
    """

    def __init__(self) -> None:
        self._fits: dict[pd.Timestamp, TrainedSignal] = {}
        self._given: dict[pd.Timestamp, set[str]] = {}

    def get(self, pair: str, stop: pd.Timestamp, sharing_time: pd.Timedelta) -> TrainedSignal | None:
        """Return the fit of the window that ends at ``stop``, or a fresh one that the pair has not had."""
        if stop in self._fits:
            return self._of(pair, stop)
        if not self._fits or sharing_time <= pd.Timedelta(0):
            return None
        newest = max(self._fits)
        if stop - newest >= sharing_time or pair in self._given[newest]:
            return None
        fit = self._of(pair, newest)
        if fit is not None:
            self._given[newest].add(pair)
        return fit

    def put(self, fit: TrainedSignal, stop: pd.Timestamp, *, keep_all: bool) -> None:
        """Add the fit of a window; without ``keep_all`` it replaces the others."""
        if not keep_all:
            self._fits.clear()
            self._given.clear()
        self._fits[stop] = fit
        self._given[stop] = set()

    def given(self, pair: str, stop: pd.Timestamp) -> None:
        """Note that a pair has the fit of a window."""
        if stop in self._given:
            self._given[stop].add(pair)

    def _of(self, pair: str, stop: pd.Timestamp) -> TrainedSignal | None:
        fit = self._fits[stop]
        return fit if pair in fit.signal.pairs else None
