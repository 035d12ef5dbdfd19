"""What is taken from candles beside the features is known at the row's close."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqai_ext.labels import trailing_volatility
from freqai_ext.models._market import LEAST_VOLATILITY, close_times_ns, run_starts, volatility

CANDLE_NS = 300 * 1_000_000_000


def closes(rows: int = 400, seed: int = 0) -> pd.Series:
    return pd.Series(100.0 * np.exp(np.cumsum(0.002 * np.random.default_rng(seed).normal(size=rows))))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_candle_closes_one_length_after_its_date_whatever_the_unit_of_the_dates(unit):
    dates = pd.Series(pd.date_range("2025-01-01", periods=3, freq="5min", tz="UTC").as_unit(unit))
    found = close_times_ns(pd.DataFrame({"date": dates}), CANDLE_NS)
    assert pd.DatetimeIndex(found, tz="UTC").tolist() == list(dates + pd.Timedelta("5min"))
    assert found.dtype == np.int64


def test_volatility_is_the_root_mean_square_of_the_last_returns():
    close = closes()
    returns = np.diff(np.log(close))
    found = volatility(close, 50)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(abs(returns[0]))
    assert found[10] == pytest.approx(np.sqrt(np.mean(returns[:10] ** 2)))
    assert found[399] == pytest.approx(np.sqrt(np.mean(returns[-50:] ** 2)))


def test_volatility_is_that_of_the_labels_once_there_are_candles_enough():
    candles = pd.DataFrame({"close": closes()})
    expected = trailing_volatility(candles, 50).to_numpy()
    known = np.isfinite(expected)
    np.testing.assert_allclose(volatility(candles["close"], 50)[known], expected[known], rtol=1e-9)


@given(st.integers(1, 399), st.integers(0, 50))
def test_volatility_of_a_row_does_not_depend_on_later_candles(row, seed):
    close = closes(seed=seed)
    changed = close.copy()
    changed.iloc[row + 1 :] = 1e6
    np.testing.assert_array_equal(volatility(changed, 48)[: row + 1], volatility(close, 48)[: row + 1])
    np.testing.assert_array_equal(volatility(close.iloc[: row + 1], 48), volatility(close, 48)[: row + 1])


def test_a_flat_market_has_the_least_volatility_and_a_missing_close_does_not_spread_beyond_the_window():
    assert volatility(pd.Series(np.full(20, 5.0)), 12)[1:].tolist() == [LEAST_VOLATILITY] * 19
    close = closes(60)
    close[30] = np.nan
    found = volatility(close, 12)
    assert np.isfinite(found[1:]).all()
    np.testing.assert_allclose(found[45:], volatility(closes(60), 12)[45:])


def starts_of(minutes: list[int], incomplete: tuple[int, ...] = ()) -> list[int]:
    complete = np.ones(len(minutes), dtype=bool)
    complete[list(incomplete)] = False
    return run_starts(np.array(minutes) * 60 * 1_000_000_000, complete, CANDLE_NS).tolist()


def test_a_run_begins_at_the_first_row_and_after_a_gap():
    assert starts_of([5, 10, 15, 25, 30, 60]) == [0, 0, 0, 3, 3, 5]


def test_an_incomplete_row_is_a_run_of_its_own_and_the_next_begins_anew():
    assert starts_of([5, 10, 15, 20, 25], (2,)) == [0, 0, 2, 3, 3]
    assert starts_of([5, 10, 15, 20], (0, 1)) == [0, 1, 2, 2]
    assert starts_of([5, 10, 15], (2,)) == [0, 0, 2]


def test_no_rows_have_no_runs():
    assert starts_of([]) == []
