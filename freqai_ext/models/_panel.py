"""Frames of all whitelisted pairs, for a model that learns from them together."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.models._fast_merge import use_fast_merge

if TYPE_CHECKING:
    from freqtrade.configuration import TimeRange
    from freqtrade.freqai.data_drawer import FreqaiDataDrawer
    from freqtrade.strategy import IStrategy

OWN = "PAIR"

Frame = pd.DataFrame


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
