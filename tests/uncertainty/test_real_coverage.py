import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqai_ext.uncertainty import AdaptiveConformal, Forecasts

HORIZON_CANDLES = 24


@pytest.mark.realdata
@pytest.mark.parametrize("pair", ["BTC_USDT", "ETH_USDT", "SOL_USDT", "XRP_USDT", "DOGE_USDT", "LTC_USDT"])
def test_the_interval_of_a_naive_forecast_covers_80_percent_in_every_month(pair: str) -> None:
    candles = real_candles(pair)
    volatility = np.log(candles["close"]).diff().rolling(288).std() * np.sqrt(HORIZON_CANDLES)
    outcome = candles["close"].shift(-HORIZON_CANDLES) / candles["close"] - 1.0
    made_at = pd.DatetimeIndex(candles["date"] + pd.Timedelta("5min"))
    nothing = np.zeros(len(candles))
    forecasts = Forecasts(made_at, made_at + HORIZON_CANDLES * pd.Timedelta("5min"), nothing, nothing, volatility)
    intervals = AdaptiveConformal().intervals(forecasts, pd.Series(outcome.to_numpy(), index=made_at))
    covered = (outcome >= intervals.lower) & (outcome <= intervals.upper)
    answered = outcome.notna()
    monthly = covered[answered].groupby(candles["date"][answered].dt.month).mean()
    assert monthly.loc[2:6].size == 5
    assert monthly.loc[2:6].between(0.78, 0.82).all(), monthly


def real_candles(pair: str) -> pd.DataFrame:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    file = Path(os.environ.get("FREQAI_EXT_DATA", beside)) / "market" / "binance" / f"{pair}-5m.feather"
    if not file.exists():
        pytest.skip(f"no real candles: {file} does not exist; set FREQAI_EXT_DATA")
    return pd.read_feather(file)
