"""The faster merge gives what Freqtrade's merge gives, and is dropped where it would not."""

import logging

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from freqai_ext.models import _fast_merge
from freqai_ext.models._fast_merge import merge_features, use_fast_merge


def candles(timeframe, count, start="2025-01-01 00:00", seed=0, missing=(), holes=0):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({"date": pd.date_range(start, periods=count, freq=timeframe.replace("m", "min"), tz="UTC")})
    frame["date"] = frame["date"].dt.as_unit("ms")
    for column in ("open", "high", "low", "close", "volume"):
        frame[column] = generator.normal(size=count)
    frame["%-a"], frame["%-b"] = generator.normal(size=count), generator.integers(0, 5, count)
    frame.loc[generator.integers(0, count, holes), "%-a"] = np.nan
    return frame.drop(index=[row for row in missing if row < count]).reset_index(drop=True)


def freqtrade_merge(*arguments):
    return FreqaiDataKitchen.merge_features(None, *arguments)


@settings(max_examples=60, deadline=None)
@given(
    slow=st.sampled_from(["5m", "15m", "1h", "4h"]),
    main_count=st.integers(2, 200),
    slow_count=st.integers(2, 60),
    offset_minutes=st.integers(-3000, 600).map(lambda minutes: minutes // 5 * 5),
    missing=st.lists(st.integers(1, 59), max_size=5),
    holes=st.integers(0, 5),
)
def test_it_equals_freqtrades_merge(slow, main_count, slow_count, offset_minutes, missing, holes):
    width = pd.Timedelta(slow.replace("m", "min"))
    start = (pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(minutes=offset_minutes)).floor(width)
    main = candles("5m", main_count, seed=1)
    other = candles(slow, slow_count, start=start, seed=2, missing=missing, holes=holes)
    available = other["date"] + width - pd.Timedelta("5min")
    # With no date in common Freqtrade joins nothing, though earlier candles are known; FreqAI's frames always have one.
    assume(available.isin(main["date"]).any())
    expected = freqtrade_merge(main, other, "5m", slow, "x")
    merged = merge_features(main, other, "5m", slow, "x")
    pd.testing.assert_frame_equal(merged, expected, check_exact=True, check_dtype=False)


def test_a_main_row_holds_the_last_slow_candle_that_has_closed():
    main, hourly = candles("5m", 25), candles("1h", 3, start="2024-12-31 23:00")
    merged = merge_features(main, hourly, "5m", "1h", "x")["%-a_x"]
    assert (merged[:11] == hourly["%-a"][0]).all()
    assert (merged[11:23] == hourly["%-a"][1]).all()
    assert (merged[23:] == hourly["%-a"][2]).all()


def test_faster_features_are_refused():
    with pytest.raises(ValueError, match="cannot merge 5m features into 1h candles"):
        merge_features(candles("1h", 5), candles("5m", 5), "1h", "5m", "x")


class Kitchen:
    def __init__(self, merge):
        self.merge_features = merge


def test_the_original_is_asked_once_per_pair_of_timeframes(monkeypatch):
    monkeypatch.setattr(_fast_merge, "_agrees", {})
    calls = []
    kitchen = Kitchen(lambda *arguments: calls.append(arguments) or freqtrade_merge(*arguments))
    use_fast_merge(kitchen)
    for _ in range(3):
        kitchen.merge_features(candles("5m", 50), candles("15m", 20), "5m", "15m", "x")
        kitchen.merge_features(candles("5m", 50), candles("1h", 5), "5m", "1h", "x")
    assert [call[3] for call in calls] == ["15m", "1h"]


def test_a_single_candle_gives_no_verdict(monkeypatch):
    monkeypatch.setattr(_fast_merge, "_agrees", {})
    kitchen = Kitchen(freqtrade_merge)
    use_fast_merge(kitchen)
    kitchen.merge_features(candles("5m", 50).tail(1), candles("1h", 5), "5m", "1h", "x")
    assert _fast_merge._agrees == {}


def test_the_original_is_kept_where_the_results_differ(monkeypatch, caplog):
    monkeypatch.setattr(_fast_merge, "_agrees", {})
    marked = []

    def another_merge(*arguments):
        marked.append(arguments)
        return freqtrade_merge(*arguments).assign(**{"%-new": 1.0})

    kitchen = Kitchen(another_merge)
    use_fast_merge(kitchen)
    with caplog.at_level(logging.WARNING):
        results = [kitchen.merge_features(candles("5m", 50), candles("15m", 20), "5m", "15m", "x") for _ in range(3)]
    assert len(marked) == 3
    assert all("%-new" in result for result in results)
    assert caplog.text.count("differs from Freqtrade's; using Freqtrade's") == 1
