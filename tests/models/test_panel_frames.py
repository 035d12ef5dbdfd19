"""Feature names that pairs share, and fits that they share."""

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from freqai_ext.models._panel import shared_features
from freqai_ext.models._trained_signal import SharedFit, TrainedSignal
from freqai_ext.pipeline import QuietPipeline
from freqai_ext.signals import Signal, SignalSettings

HOUR = pd.Timedelta("1h")


def frame_of(*names: str) -> pd.DataFrame:
    """Return a frame whose columns hold the position of their name."""
    return pd.DataFrame({name: [float(number)] for number, name in enumerate(names)})


def values_of(frame: pd.DataFrame) -> dict[str, float]:
    return frame.iloc[0].to_dict()


def test_the_pair_in_its_own_features_gives_way_to_a_shared_name():
    names = ["%-rsi-period_10_ETH/USDT_5m", "%-rsi-period_10_shift-1_ETH/USDT_1h", "%-hour"]
    found = shared_features(frame_of(*names), names, "ETH/USDT", [])
    assert values_of(found) == {
        "%-rsi-period_10_PAIR_5m": 0.0,
        "%-rsi-period_10_shift-1_PAIR_1h": 1.0,
        "%-hour": 2.0,
    }


def test_features_of_correlated_pairs_keep_their_names():
    names = ["%-rsi_ETH/USDT_5m", "%-rsi_BTC/USDT_5m"]
    found = shared_features(frame_of(*names), names, "ETH/USDT", ["BTC/USDT"])
    assert values_of(found) == {"%-rsi_PAIR_5m": 0.0, "%-rsi_BTC/USDT_5m": 1.0}


def test_a_correlated_pair_gets_copies_of_its_own_features_so_that_it_has_those_of_all_pairs():
    own, other = ["%-rsi_BTC/USDT_5m", "%-hour"], ["%-rsi_ETH/USDT_5m", "%-hour", "%-rsi_BTC/USDT_5m"]
    found = shared_features(frame_of(*own), own, "BTC/USDT", ["BTC/USDT"])
    assert values_of(found) == {"%-rsi_PAIR_5m": 0.0, "%-hour": 1.0, "%-rsi_BTC/USDT_5m": 0.0}
    beside = shared_features(frame_of(*other), other, "ETH/USDT", ["BTC/USDT"])
    assert set(found) == set(beside)


def test_two_correlated_pairs_have_each_other_and_themselves():
    names = ["%-rsi_BTC/USDT_5m", "%-rsi_ETH/USDT_5m"]
    found = shared_features(frame_of(*names), names, "BTC/USDT", ["BTC/USDT", "ETH/USDT"])
    assert values_of(found) == {"%-rsi_PAIR_5m": 0.0, "%-rsi_ETH/USDT_5m": 1.0, "%-rsi_BTC/USDT_5m": 0.0}


def test_futures_pairs_are_named_without_their_colon_as_freqai_does():
    names = ["%-rsi_ETH/USDTUSDT_5m", "%-rsi_BTC/USDTUSDT_5m"]
    found = shared_features(frame_of(*names), names, "ETH/USDT:USDT", ["BTC/USDT:USDT"])
    assert values_of(found) == {"%-rsi_PAIR_5m": 0.0, "%-rsi_BTC/USDTUSDT_5m": 1.0}
    own = shared_features(frame_of(names[1]), names[1:], "BTC/USDT:USDT", ["BTC/USDT:USDT"])
    assert values_of(own) == {"%-rsi_PAIR_5m": 0.0, "%-rsi_BTC/USDTUSDT_5m": 0.0}


def test_a_pair_whose_name_ends_like_another_is_not_taken_for_it():
    names = ["%-rsi_1BTC/USDT_5m", "%-rsi_BTC/USDT_5m"]
    found = shared_features(frame_of(*names), names, "1BTC/USDT", ["BTC/USDT"])
    assert values_of(found) == {"%-rsi_PAIR_5m": 0.0, "%-rsi_BTC/USDT_5m": 1.0}


def test_only_the_features_asked_for_are_taken_and_the_frame_stays_as_it_is():
    frame = frame_of("%-rsi_ETH/USDT_5m", "close", "%-hour")
    found = shared_features(frame, ["%-hour"], "ETH/USDT", [])
    assert list(found) == ["%-hour"]
    assert list(frame) == ["%-rsi_ETH/USDT_5m", "close", "%-hour"]


def fit_of(*pairs: str) -> TrainedSignal:
    return TrainedSignal(
        signal=Signal(SignalSettings(), pairs, ("a",), {}, 300_000_000_000),
        labels=["&-roi"],
        classes={},
        features=["%-a"],
        pooled=True,
        pair_codes=None,
        pipeline=QuietPipeline([]),
        history_rows=0,
    )


def stop(hour: int) -> pd.Timestamp:
    return pd.Timestamp("2025-01-01", tz="UTC") + hour * HOUR


def test_a_backtest_keeps_the_fit_of_each_window_for_all_its_pairs():
    shared, first, second = SharedFit(), fit_of("A", "B"), fit_of("A", "B")
    shared.put(first, stop(0), keep_all=True)
    shared.put(second, stop(1), keep_all=True)
    for pair in ("A", "B"):
        assert shared.get(pair, stop(0), pd.Timedelta(0)) is first
        assert shared.get(pair, stop(1), pd.Timedelta(0)) is second
        assert shared.get(pair, stop(2), pd.Timedelta(0)) is None


def test_a_pair_that_a_fit_has_not_seen_does_not_get_it():
    shared = SharedFit()
    shared.put(fit_of("A", "B"), stop(0), keep_all=True)
    assert shared.get("C", stop(0), pd.Timedelta(0)) is None
    assert shared.get("C", stop(0) + HOUR / 2, HOUR) is None


def test_a_live_pair_takes_over_a_fresh_fit_once_and_is_then_due_for_a_new_one():
    shared, fit = SharedFit(), fit_of("A", "B", "C")
    shared.put(fit, stop(0), keep_all=False)
    shared.given("A", stop(0))
    assert shared.get("B", stop(0) + HOUR / 4, HOUR) is fit
    assert shared.get("B", stop(0) + HOUR / 2, HOUR) is None
    assert shared.get("A", stop(0) + HOUR / 2, HOUR) is None
    # It is no longer fresh.
    assert shared.get("C", stop(1), HOUR) is None


def test_a_live_bot_keeps_the_newest_fit_only():
    shared, first, second = SharedFit(), fit_of("A", "B"), fit_of("A", "B")
    shared.put(first, stop(0), keep_all=False)
    shared.given("A", stop(0))
    shared.put(second, stop(2), keep_all=False)
    assert shared.get("A", stop(2) + HOUR / 2, HOUR) is second
    # The window of the fit that was replaced is unknown, so it is no reason to fail.
    shared.given("B", stop(0))
    assert shared.get("B", stop(2) + HOUR / 2, HOUR) is second


def test_before_the_first_fit_there_is_none_to_share():
    assert SharedFit().get("A", stop(0), HOUR) is None


def test_a_trained_signal_is_described_with_what_it_was_learnt_from():
    assert fit_of("A", "B").describe() == "2 pairs together, 1 features, 0 targets"


@pytest.mark.parametrize("attribute", ["tb_logger"])
def test_a_loaded_signal_has_read_no_intervals_yet_and_keeps_what_freqai_set_on_it(attribute):
    fit = fit_of("A")
    setattr(fit, attribute, "kept")
    fit.restored.add("A")
    loaded = cloudpickle.loads(cloudpickle.dumps(fit))
    assert loaded.restored == set()
    assert getattr(loaded, attribute) == "kept"
    assert fit.restored == {"A"}
    assert loaded.labels == fit.labels
    np.testing.assert_array_equal(loaded.feature_importances_, fit.feature_importances_)
