"""Predictions of other runs: read by date, never ahead of time, refused where they do not fit."""

import json

import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from freqai_ext.strategies._prediction_sets import load_prediction_set

PAIR = "ETH/USDT"
START = pd.Timestamp("2025-01-01", tz="UTC")
FOLDER = "small/backtesting_predictions"


@pytest.fixture
def models(tmp_path):
    (tmp_path / "models" / FOLDER).mkdir(parents=True)
    return tmp_path / "models"


@pytest.fixture
def load(models, make_config):
    config = {**make_config(), "user_data_dir": models.parent}

    def load_set(first=START, rows=6, pair=PAIR, columns=("&-return_12", "p_up", "absent")):
        dates = pd.Series(pd.date_range(first, periods=rows, freq="5min"), index=range(10, 10 + rows))
        return load_prediction_set(config, "small", pair, dates, columns)

    return load_set


def write(models, first=START, rows=3, value=0.01, stamp=None, coin="eth", unit="ns"):
    """Write a window as FreqAI does, by a model trained until ``stamp``."""
    dates = pd.date_range(first, periods=rows, freq="5min")
    frame = pd.DataFrame(
        {"date": dates.as_unit(unit), "&-return_12": value, "p_up": 0.4, "extra": 1.0, "do_predict": 1}
    )
    stamp = int(first.timestamp()) if stamp is None else stamp
    path = models / FOLDER / f"cb_{coin}_{stamp}_prediction.feather"
    frame.to_feather(path)
    return path


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_rows_are_matched_by_date_and_the_others_are_not_trusted(models, load, unit):
    write(models, START + pd.Timedelta("10min"), unit=unit)
    found = load()
    assert list(found) == ["do_predict", "&-return_12", "p_up"]
    assert found.index.tolist() == list(range(10, 16))
    assert found["do_predict"].tolist() == [0, 0, 1, 1, 1, 0]
    assert found["&-return_12"].fillna(-1).tolist() == [-1, -1, 0.01, 0.01, 0.01, -1]


def test_where_windows_overlap_the_newer_model_is_taken(models, load):
    write(models, START, rows=6, value=0.01)
    write(models, START + pd.Timedelta("15min"), rows=3, value=0.02)
    assert load()["&-return_12"].tolist() == [0.01] * 3 + [0.02] * 3


def test_a_file_with_candles_that_its_model_was_trained_on_is_refused(models, load):
    write(models, START, stamp=int((START + pd.Timedelta("5min")).timestamp()))
    with pytest.raises(
        OperationalException, match=r"'small': cb_eth_\d+_prediction\.feather predicts candles that its"
    ):
        load()


def test_a_candle_is_told_what_was_predicted_for_it_whatever_comes_later(models, load):
    write(models, START, rows=3, value=0.01)
    before = load(rows=3)
    write(models, START + pd.Timedelta("15min"), rows=3, value=0.02)
    pd.testing.assert_frame_equal(load().iloc[:3], before)


@pytest.mark.parametrize("pair", ["BTC/USDT", "ETHW/USDT"])
def test_a_run_without_the_pair_is_refused_with_the_remedy(models, load, pair):
    write(models)
    with pytest.raises(OperationalException) as refusal:
        load(pair=pair)
    assert str(refusal.value) == (
        f"freqai_ext.hyper.prediction_sets: 'small' has no predictions of {pair} in small/backtesting_predictions; "
        "make them with freqai-ext walkforward or freqtrade backtesting, with the configuration of that identifier and "
        "the same time range"
    )


def test_a_run_that_is_not_there_is_refused_likewise(tmp_path, make_config):
    config = {**make_config(), "user_data_dir": tmp_path}
    with pytest.raises(OperationalException, match="'small' has no predictions of ETH/USDT"):
        load_prediction_set(config, "small", PAIR, pd.Series([START]), ["p_up"])


@pytest.mark.parametrize("content", [b"", b"ARROW1 and no more"])
def test_half_a_file_is_refused_by_name(models, load, content):
    write(models).write_bytes(content)
    with pytest.raises(OperationalException, match=r"'small': cb_eth_\d+_prediction\.feather is not readable"):
        load()


def test_a_file_without_dates_is_refused(models, load):
    path = write(models)
    pd.read_feather(path).drop(columns="date").to_feather(path)
    with pytest.raises(OperationalException, match="is not readable"):
        load()


@pytest.mark.parametrize(("key", "value"), [("timeframe", "1h"), ("trading_mode", "futures")])
def test_a_run_of_another_market_is_refused(models, load, key, value):
    write(models)
    origin = {"timeframe": "5m", "trading_mode": "spot"}
    (models / "small" / "freqai_ext_origin.json").write_text(json.dumps(origin))
    assert load()["do_predict"].sum() == 3
    (models / "small" / "freqai_ext_origin.json").write_text(json.dumps({**origin, key: value}))
    with pytest.raises(OperationalException, match=f"'small' was made with {key} '{value}', and this run has"):
        load()


def test_nothing_is_written_into_the_other_run(models, load):
    path = write(models)
    before = {each: each.stat().st_mtime_ns for each in (models / "small").rglob("*")}
    content = path.read_bytes()
    load()
    assert {each: each.stat().st_mtime_ns for each in (models / "small").rglob("*")} == before
    assert path.read_bytes() == content


@pytest.mark.parametrize(("pair", "refused"), [(PAIR, False), ("ETH/BTC", True)])
def test_predictions_of_another_pair_of_the_same_coin_are_refused(models, load, pair, refused):
    """FreqAI names its files by the base coin alone; the record says which pairs' candles were read."""
    write(models)
    record = {"timeframe": "5m", "candles": {f"{pair} 5m": [[0, 1, "x"]]}}
    (models / "small" / "freqai_ext_origin.json").write_text(json.dumps(record))
    if not refused:
        assert load()["do_predict"].sum() == 3
        return
    with pytest.raises(
        OperationalException, match="'small' was made without candles of ETH/USDT; make it with that pair"
    ):
        load()
