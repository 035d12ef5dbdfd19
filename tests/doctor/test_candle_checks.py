"""Checks of the stored candles."""

import pandas as pd
import pytest

from freqai_ext.doctor import Level
from freqai_ext.doctor.candles import check_candles
from freqai_ext.doctor.sample_candles import random_walk

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
TIMEFRAMES = ("5m", "15m", "1h")
START, END = pd.Timestamp("2026-01-01", tz="UTC"), pd.Timestamp("2026-02-01", tz="UTC")


@pytest.fixture
def market(setup):
    """A data directory with a month of candles of all pairs and timeframes."""
    for pair in PAIRS:
        for timeframe in TIMEFRAMES:
            store(setup, pair, timeframe, random_walk(START, END, timeframe, seed=1))
    return setup


def file_of(setup, pair, timeframe):
    return setup.userdir / "data" / "bybit" / f"{pair.replace('/', '_')}-{timeframe}.feather"


def store(setup, pair, timeframe, candles):
    file_of(setup, pair, timeframe).parent.mkdir(parents=True, exist_ok=True)
    candles.to_feather(file_of(setup, pair, timeframe))


def problems(setup, **options):
    return [finding for finding in setup.run(check_candles, **options) if finding.level is not Level.OK]


def test_complete_candles_are_in_order(market):
    (finding,) = market.run(check_candles)
    assert finding.level is Level.OK
    assert finding.message == ("9 of 9 series are stored; all of them cover 2026-01-01 00:00 to 2026-02-01 00:00")


def test_missing_files_are_named_with_the_download_command(market):
    file_of(market, "ETH/USDT", "15m").unlink()
    (finding,) = problems(market)
    assert finding.level is Level.WARNING
    assert finding.message.endswith("data/bybit: no candles of ETH/USDT 15m")
    assert finding.remedy.startswith("freqtrade download-data --userdir ")
    assert "--timeframes 5m 15m 1h --days 60; or run" in finding.remedy


def test_missing_files_are_a_failure_for_a_backtest(market):
    file_of(market, "ETH/USDT", "15m").unlink()
    (finding,) = problems(market, timerange="20260120-20260125")
    assert finding.level is Level.FAILURE


def test_gaps_are_counted_and_the_longest_is_dated(market):
    candles = random_walk(START, END, "5m", seed=1)
    store(market, "SOL/USDT", "5m", candles.drop(index=[100, 200, 201, 202]))
    (finding,) = problems(market)
    assert finding.level is Level.WARNING
    assert finding.message == ("SOL/USDT 5m: 4 candles are missing in 2 gaps, the longest (3) before 2026-01-01 16:55")


def test_an_unreadable_file_is_named(market):
    file_of(market, "BTC/USDT", "1h").write_bytes(b"not a feather file")
    (finding,) = problems(market)
    assert finding.level is Level.FAILURE
    assert finding.message == "BTC/USDT 1h: the file holds no readable candles"
    assert finding.remedy.startswith("delete it, then: freqtrade download-data ")


def test_a_range_that_training_and_backtest_fit_into_is_in_order(market):
    # 15 days of training and 24 candles of 1h before the 17th.
    assert problems(market, timerange="20260117-20260201") == []


def test_a_range_without_history_for_training_is_a_failure(market):
    (finding,) = problems(market, timerange="20260116-20260201")
    assert finding.level is Level.FAILURE
    assert "BTC/USDT 1h begins 2026-01-01, needed from 2025-12-31 00:00" in finding.message
    assert finding.remedy.endswith("--timerange 20251231- --prepend")


def test_a_range_beyond_the_last_candle_is_a_failure(market):
    (finding,) = problems(market, timerange="20260120-20260203")
    assert "ETH/USDT 5m ends 2026-02-01 00:00, needed to 2026-02-03" in finding.message


def test_candles_shorter_than_training_are_reported_without_a_range(market):
    market.change(freqai__train_period_days=31)
    (finding,) = problems(market)
    assert finding.level is Level.WARNING
    assert "BTC/USDT 1h is shorter than training and warm-up together, 32.0 days" in finding.message


def test_the_reference_pair_needs_candles(market):
    market.change(freqai_ext__features={"reference_pair": "XRP/USDT"})
    (finding,) = problems(market)
    assert "no candles of XRP/USDT 5m, XRP/USDT 15m, XRP/USDT 1h" in finding.message


def test_futures_need_mark_and_funding_rate_candles(market):
    futures = [f"{pair}:USDT" for pair in PAIRS]
    market.change(trading_mode="futures", margin_mode="isolated", exchange__pair_whitelist=futures)
    market.change(freqai__feature_parameters__include_corr_pairlist=[], freqai_ext={})
    for pair in PAIRS:
        for timeframe in TIMEFRAMES:
            file = file_of(market, pair, timeframe)
            target = file.parent / "futures" / f"{pair.replace('/', '_')}_USDT-{timeframe}-futures.feather"
            target.parent.mkdir(exist_ok=True)
            file.rename(target)
    assert [finding.message for finding in problems(market)] == [
        f"no {kind} candles of {', '.join(futures)}: a backtest books no funding fees"
        for kind in ("mark", "funding_rate")
    ]
