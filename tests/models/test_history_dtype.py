"""Live retraining under pandas 3.1: dates from disk are brought to the exchange's dtype."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pandas as pd
from freqtrade.data.converter import ohlcv_to_dataframe

from freqai_ext.models._history_dtype import exchange_date_dtype, repair_history_dates


def from_disk(count=3):
    dates = pd.Series(pd.date_range("2025-01-01", periods=count, freq="5min", tz=ZoneInfo("UTC"))).dt.as_unit("ms")
    return pd.DataFrame({"date": dates, "close": range(count)})


def from_exchange(count=3):
    start = 1_735_690_500_000
    rows = [[start + 300_000 * i, 1.0, 1.0, 1.0, 1.0, 1.0] for i in range(count)]
    return ohlcv_to_dataframe(rows, "5m", "BTC/USDT", fill_missing=False, drop_incomplete=False)


def test_the_dtype_is_what_freqtrade_gives_candles_from_an_exchange():
    assert from_exchange()["date"].dtype == exchange_date_dtype()


def test_candles_from_disk_and_exchange_concatenate_to_dates():
    drawer = SimpleNamespace(historic_data={})

    def load_all_pair_histories(timerange, dk):
        drawer.historic_data["BTC/USDT"] = {"5m": from_disk(), "1h": from_disk()}

    drawer.load_all_pair_histories = load_all_pair_histories
    repair_history_dates(drawer)
    drawer.load_all_pair_histories(None, None)
    for frame in drawer.historic_data["BTC/USDT"].values():
        joined = pd.concat([frame, from_exchange()], ignore_index=True)
        assert isinstance(joined["date"].dtype, pd.DatetimeTZDtype)
        assert joined["date"].dt.minute.tolist()[:3] == [0, 5, 10]


def test_empty_histories_are_left_alone():
    empty = pd.DataFrame({"date": [], "close": []})
    drawer = SimpleNamespace(historic_data={"BTC/USDT": {"5m": empty}}, load_all_pair_histories=lambda *_: None)
    repair_history_dates(drawer)
    drawer.load_all_pair_histories(None, None)
    assert drawer.historic_data["BTC/USDT"]["5m"] is empty
