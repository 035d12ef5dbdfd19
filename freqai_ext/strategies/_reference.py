"""Candles of the reference pair (usually BTC) for cross-asset features, wherever FreqAI runs."""

from typing import Any

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from freqai_ext.config import lacks_training_history


def reference_pair(config: dict[str, Any], configured: str | None) -> str | None:
    """Return the pair to compare with: the configured one, else the first correlated pair of FreqAI's section.

    ``None`` where neither is given; the strategy then has no cross-asset features.
    """
    if configured:
        return configured
    correlated = config.get("freqai", {}).get("feature_parameters", {}).get("include_corr_pairlist") or [None]
    return str(correlated[0]) if correlated[0] else None


def require_reference_history(config: dict[str, Any], pair: str | None) -> None:
    """Raise where a live bot would keep too few candles of the reference pair to train with it.

    Raises
    ------
    OperationalException
        With the setting's path and the remedy. Backtests read whole histories and may name any pair.
    """
    live = config.get("runmode") in (RunMode.LIVE, RunMode.DRY_RUN)
    if live and pair and lacks_training_history(config, pair):
        raise OperationalException(
            f"freqai_ext.features.reference_pair: '{pair}' is neither in exchange.pair_whitelist nor in "
            "freqai.feature_parameters.include_corr_pairlist, so a live bot keeps about a thousand candles of it, and "
            "training rows before these would be dropped; add it to include_corr_pairlist"
        )


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
