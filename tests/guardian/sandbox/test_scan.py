"""``GET /features``: contract, sections 4, 5 and 9."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.guardian.sandbox import Hourly
from freqai_ext.guardian.sandbox.hourly_signal import hourly_signal
from freqai_ext.guardian.sandbox.scan import minimum_change_pct
from freqai_ext.guardian.sandbox.symbols import scanned_symbol

FLIPPED = {
    "directional_change_pct",
    "multiframe_change_pct",
    "depth_imbalance",
    "order_flow_ratio",
    "top_depth_imbalance",
}
SOUGHT = {"sentiment_score", "news_heat", "macro_regime_score"} | {
    f"deepseek_{name}" for name in ("score", "stop_loss", "take_profit")
}
MEASURED = {"turnover_log", "volatility_pct", "volatility_ratio", "volume_impulse", "volume_trend", "spread_bps"}
OTHERS = {"correlation_strength", "session_hour_sin", "session_hour_cos", "holding_period_minutes"}
MODEL = {f"model.{name}" for name in FLIPPED | SOUGHT | MEASURED | OTHERS}


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTC/USDT", "BTCUSDT"),
        ("btc-usdt", "BTCUSDT"),
        ("btc_usdt", "BTCUSDT"),
        ("BTCUSDT", "BTCUSDT"),
        ("ADA", "ADAUSDT"),
        ("BTC", None),
        ("ETH", None),
        ("USDT", None),
        ("BTC/USDC", "BTCUSDT"),
        ("ETH/BTC", None),
        ("BTC/EUR", None),
        ("BTC/USDT:USDT", "BTCUSDTUSDT"),
        ("", None),
    ],
)
def test_symbol_forms_of_the_whitelist(text, symbol):
    assert scanned_symbol(text) == symbol


@pytest.mark.parametrize("limit", ["abc", "", "2.5"])
def test_a_limit_that_is_no_integer_is_refused(guardian_of, limit):
    status, answer = guardian_of().get("features", limit=limit)
    assert status == 422
    assert answer["detail"][0]["type"] == "type_error.integer"


@pytest.mark.parametrize(
    ("settings", "limit", "count"),
    [
        ({}, None, 25),
        ({}, "10", 10),
        ({}, "100", 40),
        ({}, "0", 40),
        ({}, "-3", 40),
        ({"freqai_feature_limit": 0}, "100", 60),
        ({"freqai_feature_limit": 0}, "0", 25),
        ({"network": "testnet"}, "10", 50),
        ({"network": "testnet"}, "999999999999", 50),
    ],
)
def test_the_limit_is_capped_by_the_setting_and_not_honoured_on_testnet(guardian_of, row_of, settings, limit, count):
    rows = [row_of(f"C{number}USDT") for number in range(60)]
    listed = ",".join(row.symbol for row in rows)
    query = {"whitelist": listed} | ({} if limit is None else {"limit": limit})
    answer = guardian_of(rows, **settings).get("features", **query)[1]
    assert len(answer["pairs"]) == answer["count"] == count


def test_a_whitelist_adds_and_does_not_filter(guardian_of, row_of):
    rows = [row_of("BTCUSDT"), row_of("ETHUSDT", 0.1), row_of("ADAUSDT", 0.1)]
    guardian = guardian_of(rows, usdc_bases=())
    assert guardian.scanned().keys() == {"BTCUSDT"}
    assert guardian.scanned(whitelist="ADA,NOSUCH").keys() == {"BTCUSDT", "ADAUSDT"}


def test_a_forced_setting_works_as_the_whitelist(guardian_of, row_of):
    guardian = guardian_of([row_of("ADAUSDT", 0.1)], ai_force_include=("ADA",))
    assert guardian.scanned().keys() == {"ADAUSDT"}


@pytest.mark.parametrize(
    "changes",
    [
        {"change_pct": 0.4},
        {"change_pct": None},
        {"change_pct": 40.0},
        {"change_pct": -2.0, "rising": True},
        {"turnover": 9e5},
        {"volume": 0.0},
        {"bid": 99.0},
        {"change_pct": 0.55},
        {"last": 103.0, "change_pct": -1.0, "rising": True},
    ],
    ids=["calm", "unknown", "surge", "unconfirmed fall", "turnover", "volume", "spread", "poor", "overbought"],
)
def test_what_nobody_asked_for_is_filtered(guardian_of, row_of, changes):
    guardian = guardian_of([row_of("ADAUSDT", **changes)])
    assert guardian.scanned() == {}
    assert guardian.scanned(whitelist="ADAUSDT").keys() == {"ADAUSDT"}


def test_only_the_head_of_the_list_has_a_best_bid_and_so_survives_unasked(guardian_of, row_of):
    rows = [row_of(f"C{number}USDT") for number in range(15)]
    guardian = guardian_of(rows)
    assert set(guardian.scanned(limit="40")) == {f"C{number}USDT" for number in range(12)}
    forced = guardian.scanned(limit="40", whitelist="C14")["C14USDT"]
    assert "spread_bps" not in forced["features"]
    assert forced["features"]["model.spread_bps"] == 0.0


def test_being_asked_for_changes_the_trend(guardian_of, row_of):
    row = row_of("ADAUSDT", 1.6, rising=False)
    guardian = guardian_of([row])
    unforced = guardian.scanned()["ADAUSDT"]
    forced = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    assert (unforced["trend"], unforced["actionable"]) == ("wait", False)
    assert (forced["trend"], forced["actionable"]) == ("buy", True)


def test_a_sell_flips_what_depends_on_the_direction(guardian_of, row_of):
    guardian = guardian_of([row_of("ADAUSDT", -2.0, rising=False), row_of("SOLUSDT", 2.0)])
    pairs = guardian.scanned()
    falls, rises = pairs["ADAUSDT"]["features"], pairs["SOLUSDT"]["features"]
    assert (pairs["ADAUSDT"]["trend"], pairs["SOLUSDT"]["trend"]) == ("sell", "buy")
    assert falls["change_pct"] == -2.0
    assert falls["model.directional_change_pct"] == rises["model.directional_change_pct"] == 2.0
    assert falls["model.depth_imbalance"] == -rises["model.depth_imbalance"] == -0.5
    assert falls["depth_imbalance"] == 0.5
    assert falls["gross_ev_bps"] == rises["gross_ev_bps"] == 200.0


def test_a_wait_pair_with_a_falling_price_has_a_negative_expected_value(guardian_of, row_of):
    guardian = guardian_of([row_of("ADAUSDT", -0.3)])
    pair = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    assert pair["trend"] == "wait"
    assert pair["ev_bps"] < -30


def test_actionable_pairs_stand_before_listed_ones_and_push_them_out(guardian_of, row_of):
    rows = [row_of("ADAUSDT", 0.2), row_of("BTCUSDT", 1.5), row_of("SOLUSDT", 3.0)]
    guardian = guardian_of(rows, usdc_bases=())
    answer = guardian.get("features", limit="2", whitelist="ADA")[1]
    assert [pair["symbol"] for pair in answer["pairs"]] == ["SOLUSDT", "BTCUSDT"]


def test_a_usdc_row_is_a_second_pair_of_the_same_name(guardian_of, row_of):
    guardian = guardian_of([row_of("BTCUSDT")])
    guardian.push({"predictions": {"BTC/USDC": {"probability": 0.11}}})
    pairs = guardian.get("features")[1]["pairs"]
    assert [pair["symbol"] for pair in pairs] == ["BTCUSDT", "BTCUSDT"]
    first, second = sorted(pairs, key=lambda pair: pair["features"]["turnover_usd"], reverse=True)
    assert second["features"]["turnover_usd"] < first["features"]["turnover_usd"]
    assert (first["freqai"], second["probability"]) == (None, 0.11)


def test_a_stored_prediction_overrides_and_its_age_does_not_matter(guardian_of, row_of, clock):
    guardian = guardian_of([row_of("ADAUSDT", 2.0)])
    before = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    entry = {"probability": 0.31, "ev_bps": 40.0, "confidence": 0.9, "generated_at": clock.now_s - 864_000}
    guardian.push({"source": "freqtrade", "horizon_minutes": 60, "predictions": {"ADA/USDT": entry}})
    after = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    assert (after["probability"], after["ev_bps"], after["score"]) == (0.31, 40.0, 31.0)
    assert (after["features"]["score"], after["features"]["ev_bps"]) == (31.0, 40.0)
    assert after["features"]["gross_ev_bps"] == before["features"]["gross_ev_bps"]
    assert after["trend"] == before["trend"] == "buy"
    block = after["freqai"]
    assert (block["symbol"], block["canonical"], block["confidence_pct"]) == ("ADA/USDT", "ADAUSDT", 90.0)
    assert block["logistic_probability"] == before["probability"]
    assert block["logistic_ev_bps"] == before["ev_bps"]


def test_what_a_prediction_lacks_is_guardians_own(guardian_of, row_of):
    guardian = guardian_of([row_of("ADAUSDT", 2.0)])
    before = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    guardian.push({"predictions": {"ADA/USDT": {"ev_bps": 40.0, "score": 3.0}}})
    after = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    assert (after["probability"], after["score"], after["ev_bps"]) == (before["probability"], before["score"], 40.0)
    assert after["freqai"]["probability"] == before["probability"]


def test_a_low_expected_value_vetoes_a_pair_that_nobody_asked_for(guardian_of, row_of):
    guardian = guardian_of([row_of("ADAUSDT", 2.0)])
    guardian.push({"predictions": {"ADA/USDT": {"probability": 0.9, "ev_bps": 11.0}}})
    assert guardian.scanned() == {}
    guardian.push({"predictions": {"ADA/USDT": {"probability": 0.9, "ev_bps": 12.0}}})
    assert guardian.scanned().keys() == {"ADAUSDT"}


def test_what_is_not_known_has_no_key(guardian_of, row_of):
    features = guardian_of([row_of("ADAUSDT", None, hours=10)]).scanned(whitelist="ADA")["ADAUSDT"]["features"]
    assert None not in features.values()
    assert features.keys().isdisjoint({"change_pct", "ev_bps", "gross_ev_bps", "hourly_signal", "rsi_hourly"})
    assert {name for name in features if name.startswith("model.")} == MODEL
    assert features["correlations"] == {}


def test_the_hourly_signal_needs_a_move_and_55_candles(guardian_of, row_of):
    rows = [row_of("AUSDT", 2.0, hours=55), row_of("BUSDT", 2.0, hours=54), row_of("CUSDT", 0.3, hours=80)]
    pairs = guardian_of(rows).scanned(whitelist="A,B,C")
    assert ["hourly_signal" in pairs[name]["features"] for name in ("AUSDT", "BUSDT", "CUSDT")] == [True, False, False]
    signal = pairs["AUSDT"]["features"]["hourly_signal"]
    assert signal["ema_fast_above"] is True
    # Guardian calls what has only risen neutral.
    assert signal["rsi"] == pairs["AUSDT"]["features"]["rsi_hourly"] == 50.0
    assert signal["momentum_pct"] == pytest.approx(
        (signal["last_close"] / signal["last_close"] * 1.0009264 - 1) * 100, 1e-3
    )


def hourly_of(closes, highs=None, lows=None, missing=()):
    """Return hourly candles that ended at midnight, UTC, without those at the places that are ``missing``."""
    closes = np.asarray(closes, dtype=float)
    columns = (np.arange(480_000 - len(closes), 480_000), closes if highs is None else highs)
    columns = (*columns, closes if lows is None else lows, closes, np.ones(len(closes)))
    return Hourly(*(np.delete(np.asarray(column), list(missing)) for column in columns))


@pytest.mark.parametrize(
    ("change_pct", "rsi", "gain", "loss"),
    [
        (2.8, 52.8, 0.028, None),
        (-2.8, 47.2, None, 0.028),
        (97.0, 97.98, 0.97, None),
        (0.0, None, None, None),
        (None, None, None, None),
    ],
)
def test_overbought_gains_are_ratios_and_null_where_there_is_none(guardian_of, row_of, change_pct, rsi, gain, loss):
    pair = guardian_of([row_of("ADAUSDT", change_pct)]).scanned(whitelist="ADA")["ADAUSDT"]
    found = pair["features"]["overbought_indicators"]
    assert found["rsi"] == (None if rsi is None else pytest.approx(rsi, abs=0.01))
    assert (found["avg_gain"], found["avg_loss"]) == (gain and pytest.approx(gain), loss and pytest.approx(loss))


def daily_moves_of(*moves, days=10):
    """Return hourly candles whose daily closes move by each of ``moves`` in turn."""
    factors = [1.0 + moves[day % len(moves)] for day in range(days)]
    return hourly_of(100.0 * np.repeat(np.cumprod(factors), 24))


def test_the_least_change_is_0_6_times_the_mean_daily_move(guardian_of, row_of):
    hourly = [daily_moves_of(0.04, -0.04), daily_moves_of(0.02, -0.02)]
    assert minimum_change_pct([row_of("AUSDT", hourly=hourly[0])]) == pytest.approx(2.4)
    names = {"AUSDT": 1.7, "BUSDT": 1.9, "CUSDT": -1.7, "DUSDT": -1.9}
    rows = [row_of(name, change, hourly=hourly[place % 2]) for place, (name, change) in enumerate(names.items())]
    # 0.6 x 3 %, which is the 1.8 % of the contract: what moved by less has no trend and no hourly block.
    assert minimum_change_pct(rows) == pytest.approx(1.8)
    pairs = guardian_of(rows).scanned(whitelist="A,B,C,D")
    assert [pairs[name]["trend"] for name in names] == ["wait", "buy", "wait", "sell"]
    for name, moved in zip(names, (False, True, False, True), strict=True):
        features = pairs[name]["features"]
        assert ("hourly_signal" in features, "rsi_hourly" in features, pairs[name]["actionable"]) == (moved,) * 3


def test_the_least_change_goes_by_the_first_20_symbols_the_last_30_days_and_is_half_a_percent_without_candles(row_of):
    quiet, wild = daily_moves_of(0.01, -0.01), daily_moves_of(0.09)
    rows = [row_of(f"C{number:02}USDT", hourly=quiet) for number in range(20)]
    others = [row_of("ZUSDT", hourly=wild), row_of("AUSDC", hourly=wild)]
    assert minimum_change_pct([*others, *rows]) == pytest.approx(0.6)
    long_ago = hourly_of(np.concatenate([daily_moves_of(0.09, days=20).close, daily_moves_of(0.01, days=31).close]))
    assert minimum_change_pct([row_of(hourly=long_ago)]) == pytest.approx(0.6)
    for hourly in (hourly_of([]), hourly_of([100.0] * 20), hourly_of([100.0] * 200)):
        assert minimum_change_pct([row_of(hourly=hourly)]) == 0.5
    assert minimum_change_pct([]) == 0.5


def test_the_hourly_rsi_is_wilders_over_all_candles():
    closes = 100.0 + np.cumsum(np.where(np.arange(100) % 2, 2.0, -1.0))
    moves = pd.Series(closes).diff().fillna(0.0)
    gain, loss = (
        (part.ewm(alpha=1 / 14, adjust=False).mean()).iloc[-1] for part in (moves.clip(lower=0), -moves.clip(upper=0))
    )
    found = hourly_signal(hourly_of(closes))["rsi"]
    assert found == pytest.approx(100.0 - 100.0 / (1.0 + gain / loss))
    # Of the last 14 moves alone it would be this.
    assert found != pytest.approx(100.0 * 2.0 / 3.0, abs=0.5)


def test_a_cross_is_one_of_the_last_six_candles():
    falling = np.linspace(200.0, 100.0, 150)
    for after in range(1, 12):
        closes = np.concatenate([falling, np.full(after, 400.0)])
        found = hourly_signal(hourly_of(closes))
        wanted = ("bullish", after - 1) if after <= 6 else (None, None)
        assert (found["ema_cross"], found["ema_cross_bars_ago"]) == wanted
        assert found["ema_fast_above"] is True


def test_recent_high_and_low_are_of_180_hours_the_newest_candle_included():
    closes = np.full(250, 100.0)
    highs, lows = closes + 1.0, closes - 1.0
    highs[-1 - 181], highs[-1 - 180], lows[-1] = 150.0, 140.0, 90.0
    found = hourly_signal(hourly_of(closes, highs, lows))
    assert (found["recent_high"], found["recent_low"]) == (140.0, 90.0)
    # Hours that are missing leave fewer candles, not older ones.
    found = hourly_signal(hourly_of(closes, highs, lows, missing=range(200, 230)))
    assert found["recent_high"] == 140.0
    highs[:] = closes * 1.0009
    found = hourly_signal(hourly_of(closes, highs, lows))
    assert (found["breakout"], found["breakdown"]) == (True, False)


def test_the_change_over_several_frames_is_that_of_a_day_on_genuine_tickers(guardian_of, row_of):
    features = guardian_of([row_of("ADAUSDT", 2.5)]).scanned(whitelist="ADA")["ADAUSDT"]["features"]
    assert features["model.multiframe_change_pct"] == features["model.directional_change_pct"] == 2.5


def test_fallback_features_are_there_until_a_model_is_trained(guardian_of, row_of):
    guardian = guardian_of([row_of("ADAUSDT", 6.0)], trained_model=False)
    pair = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    assert sum(name.startswith("fallback.") for name in pair["features"]) == 17
    assert pair["score"] > 100
    guardian.state.change({"trained_model": True})
    pair = guardian.scanned(whitelist="ADA")["ADAUSDT"]
    assert not any(name.startswith("fallback.") for name in pair["features"])
    assert pair["score"] == pytest.approx(100 * pair["probability"])


def test_an_enriched_market_has_what_the_exchange_does_not_send(guardian_of, row_of):
    features = guardian_of([row_of("ADAUSDT")], enriched=True).scanned(whitelist="ADA")["ADAUSDT"]["features"]
    assert features["volume_impulse"] == {"1h": 0.0, "4h": 0.0, "24h": 0.0}
    assert set(features["volatility_windows"]) == {"1h", "4h", "24h"}
    assert -1 <= features["order_flow_ratio"] <= 1


def test_a_snapshot_is_used_for_300_seconds(guardian_of, row_of, clock):
    guardian = guardian_of([row_of("ADAUSDT")])
    start_s = clock.now_s
    for clock.now_s in (start_s, start_s + 299, start_s - 9_000, start_s + 300):
        guardian.scanned()
    # A clock that was set back leaves a snapshot of the future, which stays valid.
    assert guardian.market.asked == [start_s, start_s + 300]


def test_without_a_snapshot_it_fails(guardian_of, row_of, clock):
    guardian = guardian_of([row_of("ADAUSDT")], exchange_reachable=False)
    assert guardian.get("features") == (500, b"Internal Server Error")
    guardian.state.change({"exchange_reachable": True})
    guardian.scanned()
    guardian.state.change({"exchange_reachable": False})
    assert guardian.get("features")[0] == 200
    clock.now_s += 300
    assert guardian.get("features")[0] == 500
    assert guardian.get("health")[0] == 200


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
def test_the_path_of_the_journal_tells_the_network(guardian_of, network):
    answer = guardian_of(network=network).get("features")[1]
    assert answer["executions_path"].endswith(f"pnl/executions.{network}.jsonl")
