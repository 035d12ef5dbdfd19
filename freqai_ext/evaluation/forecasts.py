"""What a contender has forecast, beside what happened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext._silence import silence
from freqai_ext.config import load_ext_settings
from freqai_ext.errors import MarketDataError
from freqai_ext.evaluation.configuration import load_session
from freqai_ext.labels import forward_return
from freqai_ext.models._return_targets import ReturnTargets
from freqai_ext.models._target_trial import TargetTrial, try_targets
from freqai_ext.walkforward import Window, pair_windows
from freqai_ext.walkforward.cache import PredictionCache
from freqai_ext.walkforward.diagnostics import WindowRecord, read_record
from freqai_ext.walkforward.session import BacktestSession

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Forecasts:
    """The out-of-sample forecasts of all pairs, a row for each pair and candle.

    Attributes
    ----------
    rows
        ``pair``, ``date`` (candle open, UTC), ``do_predict`` and the columns of the prediction.
    actual
        The strategy's targets of the same rows, under their own names. They are computed from all candles up to the
        end of the time range, and missing where the outcome lies beyond it.
    forward
        Returns of the closes after the same rows; a column for each horizon in candles.
    windows
        All windows; those without predictions are in ``missing``.
    records
        Of the windows whose training was recorded.
    untraded
        Number of forecasts left out because there was no trade in their candle, or in the one that ends the horizon:
        Freqtrade fills gaps with candles of the last close, whose returns of zero anybody can forecast.
    returns
        The targets that are returns, on which one can bet, as the models decide it; ``None`` where it is not known, and
        every number counts as one.
    """

    rows: "DataFrame"
    actual: "DataFrame"
    forward: "DataFrame"
    windows: tuple[Window, ...]
    missing: tuple[Window, ...]
    records: dict[Window, WindowRecord]
    untraded: int = 0
    returns: tuple[str, ...] | None = None

    def on(self, keys: pd.MultiIndex) -> "Forecasts":
        """Return the rows whose pair and date are among ``keys``."""
        chosen = self.keys.isin(keys)
        rows, actual, forward = (each[chosen].reset_index(drop=True) for each in (self.rows, self.actual, self.forward))
        return replace(self, rows=rows, actual=actual, forward=forward)

    @property
    def keys(self) -> pd.MultiIndex:
        """Pair and date of each row."""
        return pd.MultiIndex.from_arrays([self.rows["pair"], pd.DatetimeIndex(self.rows["date"]).as_unit("ns")])


def collect_forecasts(config: dict[str, Any], horizons_candles: Sequence[int]) -> Forecasts:
    """Return what the prediction cache of ``config`` holds, beside what happened.

    Parameters
    ----------
    config
        Of a contender that was walked forward.
    horizons_candles
        Horizons of the forward returns.

    Raises
    ------
    MarketDataError
        Where the strategy sets no target.
    """
    session = load_session(config)
    cache = PredictionCache(config)
    parts: list[tuple[DataFrame, DataFrame, DataFrame]] = []
    windows: list[Window] = []
    missing: list[Window] = []
    records: dict[Window, WindowRecord] = {}
    untraded = 0
    returns: tuple[str, ...] | None = None
    for pair in session.pairs:
        candles = session.candles(pair)
        if candles.empty:
            continue
        labelled, outcomes, forward = _outcomes(session, pair, candles, horizons_candles)
        if returns is None:
            returns = _returns(session, pair, labelled, tuple(map(str, outcomes)))
        traded = _traded(candles, horizon_candles(config))
        for window in pair_windows(session.config, pair):
            windows.append(window)
            if (predictions := cache.read(window)) is None:
                missing.append(window)
                continue
            if record := read_record(cache.folder, window):
                records[window] = record
            position = pd.Index(candles["date"]).get_indexer(pd.Index(predictions["date"]))
            predictions, position = predictions[position >= 0], position[position >= 0]
            scored = traded[position]
            untraded += int((~scored).sum())
            predictions, position = predictions[scored], position[scored]
            parts.append((_kept(predictions, pair), outcomes.iloc[position], forward.iloc[position]))
    rows, actual, forward = (
        pd.concat([part[place] for part in parts], ignore_index=True) if parts else pd.DataFrame() for place in range(3)
    )
    return Forecasts(rows, actual, forward, tuple(windows), tuple(missing), records, untraded, returns)


def horizon_candles(config: Mapping[str, Any]) -> int:
    """Return the label horizon of a configuration in candles, at least 1."""
    return max(1, int(config["freqai"]["feature_parameters"].get("label_period_candles") or 0))


def common_keys(forecasts: Iterable[Forecasts]) -> pd.MultiIndex:
    """Return pair and date of the rows that all have forecast: means over other pairs or times are not comparable."""
    first, *others = (each.keys for each in forecasts)
    for each in others:
        first = first[first.isin(each)]
    return first


def _traded(candles: "DataFrame", horizon: int) -> NDArray[np.bool_]:
    """Return for each candle whether there was a trade in it and in the one that ends its horizon, if it is there."""
    traded = candles["volume"].to_numpy() > 0.0
    if not traded.any():
        # Mark prices and some vendors' candles carry no volume at all, which says nothing about trading.
        return np.ones(len(candles), dtype=np.bool_)
    later = np.ones(len(candles), dtype=np.bool_)
    later[:-horizon] = traded[horizon:]
    return np.asarray(traded & later, dtype=np.bool_)


def _kept(predictions: "DataFrame", pair: str) -> "DataFrame":
    """Return the predictions without the user's columns and FreqAI's statistics, which nobody scores."""
    columns = [
        name
        for name in predictions.columns
        if not name.startswith("%%")
        and not (name.endswith(("_mean", "_std")) and name.rpartition("_")[0] in predictions)
    ]
    return predictions[columns].assign(pair=pair)


def _outcomes(
    session: BacktestSession, pair: str, candles: "DataFrame", horizons_candles: Sequence[int]
) -> tuple["DataFrame", "DataFrame", "DataFrame"]:
    """Return the candles with targets, the targets alone, and the forward returns."""
    with silence():
        labelled = _labelled(session, pair, candles)
    labelled.columns = labelled.columns.str.replace(":", "")
    targets = [name for name in labelled.columns if "&" in name]
    if not targets:
        raise MarketDataError(
            f"strategy {session.config['strategy']}: set_freqai_targets sets no column that starts with '&'; "
            "there is nothing to score"
        )
    timeframe = session.config["timeframe"]
    forward = {horizon: forward_return(candles, horizon, timeframe).values for horizon in horizons_candles}
    return labelled, labelled[targets].reset_index(drop=True), pd.DataFrame(forward).reset_index(drop=True)


def _returns(session: BacktestSession, pair: str, labelled: "DataFrame", targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets that are returns, decided as the models do."""
    horizon = int(session.config["freqai"]["feature_parameters"].get("label_period_candles") or 0)

    def trial() -> TargetTrial:
        return try_targets(session.strategy, pair, labelled, session.config["timeframe"], horizon)

    named = load_ext_settings(session.config).signal.return_targets
    declared = getattr(getattr(session.strategy, "freqai", None), "return_targets", ())
    with silence():
        return ReturnTargets(named, horizon).among(targets, declared, labelled, trial)


def _labelled(session: BacktestSession, pair: str, candles: "DataFrame") -> "DataFrame":
    """Return the candles with the strategy's targets, with its features first where the targets are made of them."""
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    metadata = {"pair": pair}
    try:
        labelled: DataFrame = session.strategy.set_freqai_targets(candles.copy(), metadata=metadata)
    except KeyError:
        dk = FreqaiDataKitchen(session.config, live=False, pair=pair)
        frame = dk.use_strategy_to_populate_indicators(session.strategy, prediction_dataframe=candles.copy(), pair=pair)
        labelled = session.strategy.set_freqai_targets(frame, metadata=metadata)
    if len(labelled) != len(candles) or not np.array_equal(labelled["date"], candles["date"]):
        raise MarketDataError(
            f"strategy {session.config['strategy']}: set_freqai_targets returns other rows than it was given; "
            "keep all of them, and leave unknown targets empty"
        )
    return labelled
