"""Candles of the reference pair (usually BTC) for cross-asset features, wherever FreqAI runs."""

from typing import Any

import pandas as pd


def reference_pair(config: dict[str, Any], configured: str | None) -> str | None:
    """Return the pair to compare with: the configured one, else the first correlated pair of FreqAI's section.

    ``None`` where neither is given; the strategy then has no cross-asset features.
    """
    if configured:
        return configured
    correlated = config.get("freqai", {}).get("feature_parameters", {}).get("include_corr_pairlist") or [None]
    return str(correlated[0]) if correlated[0] else None


def reference_candles(strategy: Any, pair: str, timeframe: str, since: pd.Timestamp) -> pd.DataFrame:
    """Return the candles of ``pair`` that FreqAI works with at the moment.

    In backtests these are the data provider's. In live and dry-run the provider holds about a thousand candles, too
    few for a training window, while FreqAI keeps the history that it trains on: that one is taken where the
    provider's candles start after ``since``. Otherwise most rows of the window would lack a reference and be dropped.

    Parameters
    ----------
    since
        Date of the first candle that needs a reference.

    Returns
    -------
    DataFrame
        Candles, possibly empty where the exchange does not know the pair.
    """
    provided: pd.DataFrame = strategy.dp.get_pair_dataframe(pair, timeframe)
    drawer = getattr(strategy.freqai, "dd", None)
    if drawer is None or (len(provided) and provided["date"].iloc[0] <= since):
        return provided
    with drawer.history_lock:
        kept: pd.DataFrame | None = drawer.historic_data.get(pair, {}).get(timeframe)
    return provided if kept is None or kept.empty else kept
