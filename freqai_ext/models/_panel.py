"""Frames and rows of all whitelisted pairs, for a model that learns from them together."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.models._fast_merge import use_fast_merge
from freqai_ext.models._market import volatilities
from freqai_ext.models._signal_rows import PairRows, pair_rows
from freqai_ext.signals import SignalSettings

if TYPE_CHECKING:
    from freqtrade.configuration import TimeRange
    from freqtrade.freqai.data_drawer import FreqaiDataDrawer
    from freqtrade.strategy import IStrategy

logger = logging.getLogger(__name__)

OWN = "PAIR"

Frame = pd.DataFrame


@dataclass(frozen=True)
class PanelWindow:
    """The half-open training window ``[start, stop)``, and where the frames of the pairs come from.

    The pairs are sorted: learners may depend on the order of their rows, forecasts must not on that of a whitelist.
    """

    start: pd.Timestamp
    stop: pd.Timestamp
    frame_of: Callable[[str, pd.Timestamp], Frame | None]
    pairs: tuple[str, ...]


def panel_pairs(strategy: "IStrategy", config: dict[str, Any]) -> tuple[str, ...]:
    """Return the pairs to learn from together, sorted: the whitelist of the bot or backtest.

    Charts, of FreqUI's webserver and ``plot-dataframe``, have no pairlists; there the configured list stands in.
    """
    try:
        pairs = strategy.dp.current_whitelist()
    except OperationalException:
        pairs = config["exchange"]["pair_whitelist"]
        logger.info("freqai_ext.signal.panel: this command has no pairlist; the panel learns from %s", ", ".join(pairs))
    return tuple(sorted(pairs))


def panel_rows(
    window: PanelWindow, labels: Sequence[str], correlated: Sequence[str], settings: SignalSettings, candle_ns: int
) -> list[PairRows]:
    """Return the rows of every pair that has candles in the window, with the features that all of them have.

    Raises
    ------
    OperationalException
        If no pair has any.
    """
    found: list[tuple[str, Frame, Frame, npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
    for pair in window.pairs:
        frame = window.frame_of(pair, window.stop)
        if frame is None:
            continue
        inside = (frame["date"] >= window.start).to_numpy()
        usual, terms = (each[inside] for each in volatilities(frame["close"], settings))
        frame = frame.loc[inside]
        features = shared_features(frame, [column for column in frame.columns if "%" in column], pair, correlated)
        if len(frame):
            found.append((pair, frame, features, usual, terms))
    if not found:
        raise OperationalException(f"no pair of {', '.join(window.pairs)} has candles before {window.stop}")
    shared = [name for name in found[0][2] if all(name in each[2] for each in found)]
    return [
        pair_rows(pair, frame, features[shared], labels, usual, terms, candle_ns)
        for pair, frame, features, usual, terms in found
    ]


class BacktestFrames:
    """Features of every pair over the whole backtest, made once, and labels as of a window's end.

    Parameters
    ----------
    strategy
        With its data provider.
    config
        Freqtrade's.
    """

    def __init__(self, strategy: "IStrategy", config: dict[str, Any]) -> None:
        self._strategy = strategy
        self._config = config
        self._features: dict[str, Frame | None] = {}

    def __call__(self, pair: str, until: pd.Timestamp) -> Frame | None:
        """Return the candles of ``pair`` before ``until`` with features and labels, or ``None`` without candles."""
        if pair not in self._features:
            self._features[pair] = self._populate(pair)
        features = self._features[pair]
        if features is None:
            return None
        known = features.loc[features["date"] < until]
        if known.empty:
            return None
        return _clean(self._strategy.set_freqai_targets(known.copy(), metadata={"pair": pair}))

    def _populate(self, pair: str) -> Frame | None:
        candles = self._strategy.dp.get_pair_dataframe(pair, self._config["timeframe"])
        if candles.empty:
            return None
        dk = FreqaiDataKitchen(self._config, live=False, pair=pair)
        use_fast_merge(dk)
        frame = dk.use_strategy_to_populate_indicators(self._strategy, prediction_dataframe=candles, pair=pair)
        features = [column for column in frame if column.startswith("%")]
        # Half the memory: all pairs stay at hand for all windows, and learners take single precision.
        compact: Frame = frame.astype(dict.fromkeys(features, "float32"))
        return compact


def live_frames(
    strategy: "IStrategy", config: dict[str, Any], drawer: "FreqaiDataDrawer", timerange: "TimeRange"
) -> Callable[[str, pd.Timestamp], Frame | None]:
    """Return a function that gives a pair's candles of ``timerange`` with features and labels, from FreqAI's history.

    Parameters
    ----------
    timerange
        What FreqAI loads for a training, warm-up included.
    """

    def frame_of(pair: str, until: pd.Timestamp) -> Frame | None:
        if pair not in drawer.historic_data:
            return None
        dk = FreqaiDataKitchen(config, live=True, pair=pair)
        use_fast_merge(dk)
        corr, base = drawer.get_base_and_corr_dataframes(timerange, pair, dk)
        if base[config["timeframe"]].empty:
            return None
        frame: Frame = dk.use_strategy_to_populate_indicators(
            strategy, corr_dataframes=corr, base_dataframes=base, pair=pair
        )
        return frame.loc[frame["date"] < until]

    return frame_of


def shared_features(frame: Frame, features: Iterable[str], pair: str, correlated: Iterable[str]) -> Frame:
    """Return a pair's features under names that all pairs share.

    FreqAI puts the pair into the name of each feature. Its own name gives way to ``PAIR``. Features of the correlated
    pairs keep theirs; a correlated pair itself, to which FreqAI gives no such features, gets copies of its own.
    """
    name = pair.replace(":", "")
    own = {feature: feature.replace(f"_{name}_", f"_{OWN}_") for feature in features}
    renamed = frame[list(own)].rename(columns=own)
    if name not in {each.replace(":", "") for each in correlated}:
        return renamed
    copied = {shared: shared.replace(f"_{OWN}_", f"_{name}_") for shared in own.values() if f"_{OWN}_" in shared}
    return pd.concat([renamed, renamed[list(copied)].rename(columns=copied)], axis=1)


def _clean(frame: Frame) -> Frame:
    return frame.set_axis(frame.columns.str.replace(":", ""), axis=1)
