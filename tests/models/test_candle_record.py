"""Predictions of other candles are not taken up; those of the same candles are, when the range grows."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import CandleType

from freqai_ext.models._candle_record import CandleFiles
from freqai_ext.models._prediction_origin import CANDLES, RECORD, SHELF, activate_origin, recorded

STRATEGY = SimpleNamespace(startup_candle_count=10, informative_pairs=lambda: [("SOL/USDT", "5m")])


def write(folder, pair="BTC/USDT", timeframe="5m", start="2025-03-01", days=10, seed=1, change=None):
    rows = int(pd.Timedelta(days=days) / pd.Timedelta(timeframe.replace("m", "min")))
    close = 100 + np.random.default_rng(seed).normal(size=40 * 288).cumsum()
    offset = int((pd.Timestamp(start) - pd.Timestamp("2025-02-20")) / pd.Timedelta("5min"))
    frame = pd.DataFrame(
        {
            "date": pd.date_range(start, periods=rows, freq=timeframe.replace("m", "min"), tz="UTC"),
            **dict.fromkeys(("open", "high", "low", "close"), close[offset : offset + rows]),
            "volume": 1.0,
        }
    )
    if change:
        frame.loc[frame["date"] == pd.Timestamp(change, tz="UTC"), "close"] += 0.01
    folder.mkdir(exist_ok=True)
    frame.to_feather(folder / f"{pair.replace('/', '_')}-{timeframe}.feather")


def files(folder, timerange="20250305-20250307", pairs=("BTC/USDT",), correlated=()):
    config = {
        "datadir": folder,
        "dataformat_ohlcv": "feather",
        "candle_type_def": CandleType.SPOT,
        "trading_mode": "spot",
        "timeframe": "5m",
        "timerange": timerange,
        "exchange": {"pair_whitelist": list(pairs)},
        "freqai": {
            "train_period_days": 2,
            "feature_parameters": {"include_timeframes": ["5m", "15m"], "include_corr_pairlist": list(correlated)},
        },
    }
    return CandleFiles(config, STRATEGY)


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "a")
    return tmp_path / "a"


def test_the_same_candles_agree_wherever_they_lie(data, tmp_path):
    known = files(data).added_to({})
    assert list(known) == ["BTC/USDT 5m"]
    write(tmp_path / "b")
    assert files(tmp_path / "b").differ_from(known) is None
    assert files(tmp_path / "b").added_to(known) == known


def test_candles_that_come_later_and_a_range_that_grows_agree(data):
    known = files(data).added_to({})
    write(data, days=14)
    grown = files(data, "20250305-20250312")
    assert grown.differ_from(known) is None
    longer = grown.added_to(known)
    assert [len(segments) for segments in longer.values()] == [1]
    assert files(data).differ_from(longer) is None
    assert files(data, "20250309-20250311").differ_from(longer) is None


@pytest.mark.parametrize(
    "other",
    [{"seed": 2}, {"change": "2025-03-06 12:00"}, {"change": "2025-03-03 12:00"}, {"start": "2025-03-04", "days": 7}],
    ids=str,
)
def test_other_candles_of_the_backtest_or_its_training_differ(data, tmp_path, other):
    known = files(data).added_to({})
    write(tmp_path / "b", **other)
    assert files(tmp_path / "b").differ_from(known) == "BTC/USDT 5m"


def test_candles_that_are_put_before_differ_if_a_training_would_have_read_them(data):
    known = files(data, "20250302-20250307").added_to({})
    write(data, start="2025-02-26", days=13)
    assert files(data, "20250302-20250307").differ_from(known) == "BTC/USDT 5m"
    known = files(data, "20250305-20250307").added_to({})
    write(data)
    assert files(data, "20250305-20250307").differ_from(known) is None


def test_candles_that_the_backtest_does_not_read_may_change(data):
    known = files(data).added_to({})
    write(data, change="2025-03-08 12:00")
    assert files(data).differ_from(known) is None
    # They count as soon as they are read, beside what is known.
    assert files(data, "20250305-20250310").differ_from(known) is None


@pytest.mark.parametrize(("pair", "timeframe"), [("BTC/USDT", "15m"), ("ETH/USDT", "5m"), ("SOL/USDT", "5m")])
def test_every_file_that_features_are_made_of_counts(data, pair, timeframe):
    write(data, pair, timeframe)
    known = files(data, correlated=["ETH/USDT"]).added_to({})
    assert f"{pair} {timeframe}" in known
    write(data, pair, timeframe, seed=5)
    assert files(data, correlated=["ETH/USDT"]).differ_from(known) == f"{pair} {timeframe}"


def test_a_pair_that_is_added_agrees(data):
    known = files(data).added_to({})
    write(data, "ETH/USDT")
    both = files(data, pairs=("BTC/USDT", "ETH/USDT"))
    assert both.differ_from(known) is None
    assert sorted(both.added_to(known)) == ["BTC/USDT 5m", "ETH/USDT 5m"]


def test_predictions_of_other_candles_are_set_aside_and_come_back_with_them(data, tmp_path, caplog):
    folder, other = tmp_path / "models", tmp_path / "b"
    write(other, seed=2)
    origin = {"freqaimodel": "M"}

    def stored():
        found = [path.read_text() for path in (folder / "backtesting_predictions").glob("*.feather")]
        return found[0] if found else None

    def store(text):
        (folder / "backtesting_predictions").mkdir(exist_ok=True)
        (folder / "backtesting_predictions" / "cb_btc_1740787200_prediction.feather").write_text(text)

    activate_origin(folder, origin, files(data))
    store("of a")
    activate_origin(folder, origin, files(data))
    assert stored() == "of a"
    with caplog.at_level("INFO"):
        activate_origin(folder, origin, files(other))
    assert stored() is None
    assert "made by something else (candles of BTC/USDT 5m); they are kept in" in caplog.text
    store("of b")
    activate_origin(folder, origin, files(data, "20250305-20250308"))
    assert stored() == "of a"
    activate_origin(folder, origin, files(other))
    assert stored() == "of b"
    assert CANDLES in recorded(folder / RECORD)
    assert len(list((folder / SHELF).iterdir())) == 1
