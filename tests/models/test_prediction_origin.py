"""Backtest predictions of another origin are set aside, and come back with it."""

import json

import pytest

from freqai_ext.models._prediction_origin import RECORD, SHELF, activate_origin, prediction_origin


def config(model="CatboostRegressor", **freqai):
    return {
        "strategy": "S",
        "freqaimodel": model,
        "timeframe": "5m",
        "freqai": {"identifier": "i", "feature_parameters": {"label_period_candles": 24}, **freqai},
        "freqai_ext": {},
    }


def store(folder, coin, stamp, content):
    prediction = folder / "backtesting_predictions" / f"cb_{coin.lower()}_{stamp}_prediction.feather"
    metadata = folder / f"sub-train-{coin}_{stamp}" / f"cb_{coin.lower()}_{stamp}_metadata.json"
    for path in (prediction, metadata):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return prediction, metadata


def read(*paths):
    return [path.read_text() if path.is_file() else None for path in paths]


def test_predictions_of_the_same_origin_stay(tmp_path):
    activate_origin(tmp_path, prediction_origin(config()))
    paths = store(tmp_path, "BTC", 1740787200, "first")
    activate_origin(tmp_path, prediction_origin(config()))
    assert read(*paths) == ["first", "first"]
    assert not (tmp_path / SHELF).exists()


@pytest.mark.parametrize(
    "other",
    [
        config("CustomRegressor"),
        config(feature_parameters={"label_period_candles": 12}),
        {**config(), "freqai_ext": {"labels": {"buy_threshold": 0.02}}},
        {**config(), "strategy": "T"},
    ],
)
def test_predictions_of_another_origin_are_set_aside_and_come_back(tmp_path, other):
    activate_origin(tmp_path, prediction_origin(config()))
    first = store(tmp_path, "BTC", 1740787200, "first") + store(tmp_path, "1000PEPE", 1740787200, "first")
    activate_origin(tmp_path, prediction_origin(other))
    assert read(*first) == [None] * 4
    store(tmp_path, "BTC", 1740787200, "second")
    activate_origin(tmp_path, prediction_origin(config()))
    assert read(*first) == ["first"] * 4
    activate_origin(tmp_path, prediction_origin(other))
    assert read(*first) == ["second", "second", None, None]


@pytest.mark.parametrize("changed", [{"identifier": "j"}, {"live_retrain_hours": 9}, {"purge_old_models": 4}])
def test_settings_that_change_no_prediction_keep_the_origin(changed):
    assert prediction_origin(config(**changed)) == prediction_origin(config())


@pytest.mark.parametrize(
    "section",
    [
        {"hyper": {"kelly_fraction": 0.5}},
        {"hyper": {"kelly_fraction": None, "max_stake_share": 0.1, "prediction_sets": ["other"]}},
        {"strategy": {"leverage": 3.0}},
        {"strategy": {"max_slippage_ratio": 0.01}},
        {"news": {"policy": "allow"}, "guardian": {"url": "http://127.0.0.1:8099"}},
        {"hyper": {}, "labels": {}},
    ],
)
def test_settings_of_stakes_and_orders_keep_the_origin(section):
    known = {"hyper": {"horizons": [12, 24]}, "strategy": {"targets": ["roi"]}}
    # Beside other settings of the same section, and where there is no such section yet.
    for before in ({}, known):
        after = {name: before.get(name, {}) | section.get(name, {}) for name in before | section}
        origins = [prediction_origin({**config(), "freqai_ext": ext}) for ext in (before, after)]
        assert origins[0] == origins[1]


@pytest.mark.parametrize(
    "section",
    [
        {"hyper": {"horizons": [12, 48]}},
        {"hyper": {"horizons": [12, 24], "label": "mean_forward_return"}},
        {"strategy": {"targets": ["roi"]}},
        {"signal": {"round_trip_cost_bps": 10.0}},
        {"tuning": {"enabled": True}},
    ],
)
def test_settings_that_change_what_is_predicted_change_the_origin(section):
    known = {**config(), "freqai_ext": {"hyper": {"horizons": [12, 24]}}}
    assert prediction_origin({**known, "freqai_ext": known["freqai_ext"] | section}) != prediction_origin(known)


@pytest.mark.parametrize("panel", [False, True])
def test_the_pairs_belong_to_the_origin_where_they_are_trained_together(panel):
    def origin(whitelist, blacklist=()):
        exchange = {"pair_whitelist": whitelist, "pair_blacklist": list(blacklist)}
        return prediction_origin({**config(), "freqai_ext": {"signal": {"panel": panel}}, "exchange": exchange})

    two = origin(["BTC/USDT", "ETH/USDT"])
    assert origin(["ETH/USDT", "BTC/USDT"]) == two
    assert (origin(["BTC/USDT", "ETH/USDT", "SOL/USDT"]) == two) is not panel
    assert (origin(["BTC/USDT", "ETH/USDT"], ["ETH/.*"]) == two) is not panel


def test_predictions_of_unknown_origin_are_set_aside(tmp_path):
    paths = store(tmp_path, "BTC", 1740787200, "stock")
    activate_origin(tmp_path, prediction_origin(config()))
    assert read(*paths) == [None, None]
    shelved = tmp_path / SHELF / "unknown" / "backtesting_predictions" / paths[0].name
    assert shelved.read_text() == "stock"


def test_folders_of_live_models_are_not_touched(tmp_path):
    _, live = store(tmp_path, "BTC", 1740790013, "live")
    (tmp_path / "backtesting_predictions" / "cb_btc_1740790013_prediction.feather").unlink()
    store(tmp_path, "BTC", 1740787200, "stock")
    activate_origin(tmp_path, prediction_origin(config()))
    assert live.read_text() == "live"


def test_a_damaged_record_counts_as_unknown(tmp_path):
    (tmp_path / RECORD).write_text("{")
    paths = store(tmp_path, "BTC", 1740787200, "old")
    activate_origin(tmp_path, prediction_origin(config()))
    assert read(*paths) == [None, None]
    assert json.loads((tmp_path / RECORD).read_text()) == prediction_origin(config())
