"""No feature looks ahead, and the check that says so finds planted leaks."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import ContractError
from freqai_ext.features import (
    FAMILIES,
    Candles,
    FeatureFamily,
    assert_no_lookahead,
    cross_asset_features,
    lookahead,
)

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_no_feature_changes_when_later_candles_change(make_candles, all_features, seed):
    reference = make_candles(seed + 1)
    assert_no_lookahead(lambda candles: all_features(candles, reference), make_candles(seed), relative_tolerance=0.0)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, row=st.integers(100, 398))
def test_no_feature_changes_when_later_reference_candles_change(make_candles, seed, row):
    candles, reference = make_candles(seed), make_candles(seed + 1)
    other = reference.copy()
    other.loc[row + 1 :, "close"] *= 1.5
    before = cross_asset_features(candles, reference, (6, 24)).iloc[: row + 1]
    pd.testing.assert_frame_equal(cross_asset_features(candles, other, (6, 24)).iloc[: row + 1], before)
    cut = cross_asset_features(candles, reference.iloc[: row + 1], (6, 24)).iloc[: row + 1]
    pd.testing.assert_frame_equal(cut, before)


def test_a_planted_leak_in_a_family_is_caught(make_candles):
    def leaking(candles: Candles, window: int) -> dict[str, np.ndarray]:
        columns = dict(FAMILIES["momentum"].compute(candles, window))
        columns["next_momentum"] = np.append(columns["momentum"][1:], np.nan)
        return columns

    family = FeatureFamily("leaking", "period", leaking, lambda window: window)

    def compute(candles: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(family.columns(Candles(candles), (6,)), index=candles.index)

    with pytest.raises(
        ContractError, match=r"^'next_momentum' looks ahead: its value at candle \d+ \(2025-01-01 .*cut off"
    ):
        assert_no_lookahead(compute, make_candles())


@pytest.mark.parametrize(
    "leak",
    [
        pytest.param(lambda c: c[["close"]].shift(-1), id="next close"),
        pytest.param(lambda c: c[["close"]].rolling(5, center=True).mean(), id="centred mean"),
        pytest.param(lambda c: (c[["close"]] - c[["close"]].mean()) / c[["close"]].std(), id="z-score of the whole"),
        pytest.param(lambda c: c[["close"]].pct_change(20).bfill(), id="filled backward"),
        pytest.param(lambda c: c[["volume"]] / c["volume"].max(), id="over the overall maximum"),
        pytest.param(lambda c: c[["close"]].shift(-1).fillna(0.0), id="next close, its end filled"),
    ],
)
def test_every_usual_leak_is_caught(make_candles, leak):
    with pytest.raises(ContractError, match="looks ahead"):
        assert_no_lookahead(leak, make_candles())


def test_a_leak_that_cutting_off_does_not_show_is_caught_by_other_candles(make_candles):
    close = np.linspace(200.0, 100.0, 100)
    falling = make_candles(rows=100).assign(open=close, high=close, low=close, close=close)
    with pytest.raises(ContractError, match=r"'high' looks ahead: .* are replaced by others"):
        assert_no_lookahead(lambda c: (c[["high"]].shift(-1) > c[["high"]]).astype(float), falling)


def test_the_check_names_the_first_leaking_candle(make_candles):
    candles = make_candles(rows=100, still_share=0.0)

    def leak_from_candle_70_on(frame: pd.DataFrame) -> pd.DataFrame:
        ahead = frame["close"].shift(-1).fillna(0.0)
        return pd.DataFrame({"sound": frame["open"], "leaks": frame["close"].where(frame.index < 70, ahead)})

    with pytest.raises(ContractError, match=r"^'leaks' looks ahead: its value at candle (7|8)\d "):
        assert_no_lookahead(leak_from_candle_70_on, candles)


def test_the_check_refuses_a_column_without_any_value(make_candles):
    with pytest.raises(ContractError, match="'close' is missing at all 50 candles, so nothing is checked"):
        assert_no_lookahead(lambda c: c[["close"]].rolling(60).mean(), make_candles(rows=50))


def test_the_check_refuses_features_that_lose_rows(make_candles):
    with pytest.raises(ContractError, match="return one row per candle and always the same columns"):
        assert_no_lookahead(lambda c: c[["close"]].pct_change().dropna(), make_candles(rows=50))


def test_the_example_in_the_documentation_runs():
    results = doctest.testmod(lookahead, optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0
