import math
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import GuardianAnswerError, GuardianDataError
from freqai_ext.guardian.answers import FeaturesAnswer
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow, flatten
from freqai_ext.guardian.history import COLUMNS, FeatureHistory, share
from freqai_ext.guardian.schema import SCHEMA
from tests.services.timing import LoopCost

NAMES = [column.name for column in SCHEMA]
START_S = 1_760_000_000.0
CANDLE_S = 300.0
DAY_S = 86_400.0
PRICES = ("hourly_last_close", "hourly_ema_fast", "hourly_ema_slow", "hourly_recent_high", "hourly_recent_low")


def row(symbol="BTCUSDT", **numbers):
    return FeatureRow(symbol, tuple(float(numbers.get(name, math.nan)) for name in NAMES))


def candles(count, first_s=START_S, unit="ms"):
    dates = pd.to_datetime((first_s + CANDLE_S * np.arange(count)) * 1e9, unit="ns", utc=True)
    return pd.Series(dates.as_unit(unit), name="date")


def random_rows(count, seed=0, every_s=CANDLE_S, first_s=START_S):
    random = np.random.default_rng(seed)
    values = random.lognormal(size=(count, len(SCHEMA)))
    values[random.random(values.shape) < 0.1] = np.nan
    times_s = first_s + every_s * np.arange(count) + random.uniform(0.0, every_s / 2, count)
    return [
        (time_s, FeatureRow("BTCUSDT", tuple(map(float, value)))) for time_s, value in zip(times_s, values, strict=True)
    ]


@pytest.fixture
def make_store(tmp_path):
    made = []

    def make(rows=()):
        store = FeatureStore(tmp_path / f"{len(made)}.sqlite")
        made.append(store)
        for time_s, each in rows:
            store.append([each], time_s)
        return store

    yield make
    for store in made:
        store.close()


def columns(store, dates, pair="BTC/USDT", max_age_min=30.0):
    return FeatureHistory(store, max_age_min).columns(pair, dates, CANDLE_S)


def only(store, name, **options):
    """The value of a column for the one candle that opens at ``START_S``."""
    return columns(store, candles(1), **options)[f"guardian-{name}"].item()


@pytest.mark.parametrize(
    ("known_at_s", "available"),
    [
        (START_S + CANDLE_S, 1.0),
        (START_S + CANDLE_S + 0.001, 0.0),
        (START_S + CANDLE_S - 1800.0, 1.0),
        (START_S + CANDLE_S - 1800.001, 0.0),
    ],
)
def test_a_row_counts_from_when_it_was_known_until_it_is_too_old(make_store, known_at_s, available):
    found = columns(make_store([(known_at_s, row(hourly_rsi=75.0))]), candles(1))
    assert found["guardian-available"].item() == available
    assert found["guardian-hourly_rsi"].item() == 0.5 * available
    age_min = (START_S + CANDLE_S - known_at_s) / 60.0 if available else 30.0
    assert found["guardian-age_min"].item() == pytest.approx(age_min, abs=1e-6)


def test_the_newest_of_several_rows_counts_even_where_it_says_less(make_store):
    store = make_store([(START_S, row(hourly_rsi=75.0, change_pct=5.0)), (START_S + 60.0, row(change_pct=-5.0))])
    assert only(store, "hourly_rsi") == 0.0
    assert only(store, "change_pct") == pytest.approx(math.log(0.95))


@pytest.mark.parametrize("pair", ["ETH/USDT", "ETH/BTC", "BTC/EUR", "odd"])
def test_a_pair_without_rows_is_neutral(make_store, pair):
    found = columns(make_store([(START_S, row(hourly_rsi=75.0))]), candles(3), pair)
    assert tuple(found.columns) == COLUMNS
    assert (found["guardian-age_min"] == 30.0).all()
    assert (found.drop(columns="guardian-age_min") == 0.0).all(axis=None)


def test_a_perpetual_has_the_features_of_the_spot_pair(make_store):
    store = make_store([(START_S, row(hourly_rsi=75.0))])
    assert only(store, "hourly_rsi", pair="BTC/USDT:USDT") == 0.5


def test_columns_and_index_are_always_the_same(make_store):
    store = make_store([(START_S + CANDLE_S, row(hourly_rsi=75.0))])
    for dates in (candles(0), candles(4), candles(4)[2:], candles(4)[::-1]):
        found = columns(store, dates)
        assert tuple(found.columns) == COLUMNS
        assert found.index.equals(dates.index)
        assert (found.dtypes == np.float64).all()
    assert len(set(COLUMNS)) == len(COLUMNS) <= 45
    assert all(name.startswith("guardian-") for name in COLUMNS)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_resolution_of_the_dates_does_not_matter(make_store, unit):
    store = make_store(random_rows(50))
    pd.testing.assert_frame_equal(columns(store, candles(50, unit=unit)), columns(store, candles(50)))


def test_the_order_of_the_candles_does_not_matter(make_store):
    store = make_store(random_rows(50))
    pd.testing.assert_frame_equal(columns(store, candles(50)[::-1])[::-1], columns(store, candles(50)))


@pytest.mark.parametrize(
    ("recorded", "name", "value"),
    [
        ({"change_pct": 10.0}, "change_pct", math.log(1.1)),
        ({"change_pct": -100.0}, "change_pct", 0.0),
        ({"spread_bps": math.e - 1}, "spread_bps", 1.0),
        ({"order_flow_ratio": -0.4}, "order_flow_ratio", -0.4),
        ({"hourly_ema_fast": 99.0, "hourly_last_close": 100.0}, "hourly_ema_fast", -0.01),
        ({"hourly_ema_fast": 99.0}, "hourly_ema_fast", 0.0),
        ({"hourly_ema_fast": 99.0, "hourly_last_close": 0.0}, "hourly_ema_fast", 0.0),
        ({"hourly_ema_cross_bars_ago": 3.0}, "hourly_ema_cross_bars_ago", 0.25),
        ({"hourly_ema_fast_above": 0.0}, "hourly_ema_fast_above", -1.0),
        ({"overbought_stochastic_pct": 100.0}, "overbought_stochastic_pct", 1.0),
        ({"model_sentiment_score": -(math.e - 1)}, "model_sentiment_score", -1.0),
        ({"model_volatility_ratio": 0.0}, "model_volatility_ratio", 0.0),
        (
            {"model_deepseek_take_profit": 110.0, "model_deepseek_stop_loss": 110.0 / math.e},
            "model_deepseek_take_profit",
            1.0,
        ),
        ({"order_flow_ratio": 1e308}, "order_flow_ratio", 10.0),
        ({"model_volume_impulse": -1e308}, "model_volume_impulse", -10.0),
    ],
)
def test_a_number_becomes_one_without_a_scale(make_store, recorded, name, value):
    assert only(make_store([(START_S, row(**recorded))]), name) == pytest.approx(value, abs=1e-6)


def test_turnover_is_compared_with_its_own_median_of_seven_days(make_store):
    end_s = START_S + CANDLE_S
    turnovers = [(-7 * DAY_S, 1e12), (-6 * DAY_S, 4.0), (-3 * DAY_S, 2.0), (-2 * DAY_S, 1.0), (0.0, 8.0)]
    store = make_store([(end_s + ago_s, row(turnover_usd=turnover)) for ago_s, turnover in turnovers])
    assert only(store, "turnover_usd") == pytest.approx(math.log(8.0) - (math.log(2.0) + math.log(4.0)) / 2)


def test_the_first_row_is_nothing_special(make_store):
    assert only(make_store([(START_S, row(turnover_usd=8e7))]), "turnover_usd") == 0.0


def test_the_scale_of_prices_and_volumes_is_not_seen(make_store):
    rows = random_rows(40)
    scaled = [name in (*PRICES, "turnover_usd", "top_depth_total_usd", "volume") for name in NAMES]
    factors = np.where(scaled, 1000.0, 1.0)
    larger = [(time_s, FeatureRow("BTCUSDT", tuple(np.array(each.values) * factors))) for time_s, each in rows]
    expected = columns(make_store(rows), candles(40))
    pd.testing.assert_frame_equal(columns(make_store(larger), candles(40)), expected, atol=1e-5)
    assert (expected["guardian-available"] == 1.0).any()


@given(seed=st.integers(0, 10_000), cut=st.integers(5, 55))
@settings(max_examples=20, deadline=None)
def test_what_comes_later_changes_nothing_before(tmp_path_factory, seed, cut):
    # Rows hours apart, so that the trailing medians lose rows at their far end.
    rows = random_rows(60, seed, every_s=6 * 3600.0)
    cut_s = rows[cut][0]
    planted = [(time_s, each if time_s < cut_s else row(turnover_usd=1e15, hourly_rsi=99.0)) for time_s, each in rows]
    dates = candles(60 * 72)
    frames = []
    for number, history in enumerate((rows, planted, rows[:cut])):
        store = FeatureStore(tmp_path_factory.mktemp("history") / f"{number}.sqlite")
        for time_s, each in history:
            store.append([each], time_s)
        frames.append(columns(store, dates, max_age_min=600.0))
        store.close()
    closes_s = dates.astype("datetime64[ns, UTC]").astype(np.int64) / 1e9 + CANDLE_S
    before = (closes_s < cut_s).to_numpy()
    whole, with_planted, cut_off = frames
    pd.testing.assert_frame_equal(whole[before], with_planted[before])
    pd.testing.assert_frame_equal(whole[before], cut_off[before])
    assert not whole[~before].equals(with_planted[~before])


def test_the_first_candle_asked_for_changes_nothing_after_it(make_store):
    store = make_store(random_rows(60, every_s=6 * 3600.0))
    dates = candles(60 * 72)
    whole = columns(store, dates, max_age_min=600.0)
    pd.testing.assert_frame_equal(columns(store, dates[3000:], max_age_min=600.0), whole[3000:])


def test_rows_that_come_one_by_one_give_what_a_reload_gives(make_store):
    rows = random_rows(400, every_s=3600.0)
    store = make_store(rows[:100])
    history = FeatureHistory(store, 60.0)
    dates = candles(400 * 12)
    history.columns("BTC/USDT", dates, CANDLE_S)
    for time_s, each in rows[100:]:
        store.append([each], time_s)
    grown = history.columns("BTC/USDT", dates, CANDLE_S)
    pd.testing.assert_frame_equal(grown, columns(store, dates, max_age_min=60.0), rtol=1e-6)
    assert share(grown) > 0.9


def test_a_row_stamped_by_a_clock_that_was_set_back_takes_its_place(make_store):
    store = make_store([(START_S + 400.0, row(hourly_rsi=75.0))])
    history = FeatureHistory(store, 30.0)
    history.columns("BTC/USDT", candles(2), CANDLE_S)
    store.append([row(hourly_rsi=25.0)], START_S + 100.0)
    assert history.columns("BTC/USDT", candles(2), CANDLE_S)["guardian-hourly_rsi"].tolist() == [-0.5, 0.5]


def test_an_earlier_candle_asked_for_later_is_served_too(make_store):
    store = make_store([(START_S, row(hourly_rsi=75.0)), (START_S + 40 * DAY_S, row(hourly_rsi=25.0))])
    history = FeatureHistory(store, 30.0)
    late, early = candles(1, START_S + 40 * DAY_S), candles(1)
    assert history.columns("BTC/USDT", late, CANDLE_S)["guardian-hourly_rsi"].item() == -0.5
    assert history.columns("BTC/USDT", early, CANDLE_S)["guardian-hourly_rsi"].item() == 0.5


def test_memory_is_bounded_by_the_window_that_is_asked_for(make_store):
    store = make_store([(START_S, row(change_pct=1.0))])
    history = FeatureHistory(store, 30.0)
    for hour in range(24 * 30):
        at_s = START_S + 3600.0 * (1 + hour)
        store.append([row(change_pct=1.0)], at_s)
        assert history.columns("BTC/USDT", candles(1, at_s), CANDLE_S)["guardian-available"].item() == 1.0
    # Seven days for the medians, two to spare, and room for rows to come.
    assert len(history._records["BTCUSDT"]._rows.times_s) < 24 * 9 + 300


def test_a_recording_keeps_a_few_pairs_in_memory_and_serves_all(make_store, tmp_path):
    symbols = [f"{letter}USDT" for letter in "ABCDEFGHIJKL"]
    make_store().append([row(symbol, hourly_rsi=75.0) for symbol in symbols], START_S)
    history = FeatureHistory(FeatureStore.recorded(tmp_path / "0.sqlite"), 30.0)
    for _ in range(2):
        for symbol in symbols:
            found = history.columns(f"{symbol[0]}/USDT", candles(1), CANDLE_S)
            assert found["guardian-hourly_rsi"].item() == 0.5
    assert len(history._records) < len(symbols)


def test_no_recording_at_all_is_neutral(tmp_path):
    found = columns(FeatureStore.recorded(tmp_path / "none.sqlite"), candles(5))
    assert share(found) == 0.0
    assert np.isfinite(found).all(axis=None)


def test_rows_that_cannot_be_read_are_an_error_not_silence(make_store, tmp_path):
    store = make_store()
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE guardian_features")
    with pytest.raises(GuardianDataError, match="no such table"):
        columns(store, candles(1))


def test_strategy_threads_read_while_the_poller_writes(make_store):
    store = make_store(random_rows(5))
    history = FeatureHistory(store, 30.0)
    dates, faults, ended = candles(250), [], threading.Event()

    def read(pair):
        while not ended.is_set():
            found = history.columns(pair, dates, CANDLE_S)
            known = found[found["guardian-available"] == 1.0]
            if not np.isfinite(found).all(axis=None) or (known["guardian-order_flow_ratio"] == 0.0).any():
                faults.append(found)

    threads = [threading.Thread(target=read, args=(pair,)) for pair in ("ETH/USDT", "ETH/USDT:USDT")]
    for thread in threads:
        thread.start()
    for number in range(200):
        store.append([row("ETHUSDT", order_flow_ratio=0.5)], START_S + CANDLE_S * number)
    ended.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert share(history.columns("ETH/USDT", dates, CANDLE_S)) > 0.75


def test_the_share_of_rows_with_features(make_store):
    found = columns(make_store([(START_S + 2 * CANDLE_S, row())]), candles(4), max_age_min=5.0)
    assert share(found) == 0.5
    assert share(found[:0]) == 0.0


def test_half_a_year_of_candles_takes_less_than_a_fifth_of_a_second_and_a_live_call_5_ms(make_store):
    history = FeatureHistory(make_store(random_rows(500)), 30.0)
    for count, most_s in ((52_128, 0.2), (1_000, 0.005)):
        dates = candles(count)
        history.columns("BTC/USDT", dates, CANDLE_S)
        cost = LoopCost()
        for _ in range(5):
            with cost.call():
                history.columns("BTC/USDT", dates, CANDLE_S)
        cost.check(most_s, longest_wait_s=5.0)


NUMBERS = st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.sampled_from(["bullish", "1"])
PATHS = [column.path for column in SCHEMA]
FEATURES = st.dictionaries(
    st.sampled_from([*PATHS, *{path.partition(".")[0] for path in PATHS}]),
    NUMBERS | st.dictionaries(st.sampled_from([path.partition(".")[2] for path in PATHS]), NUMBERS, max_size=6),
    max_size=20,
)
ENTRY = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["BTCUSDT", "btc/usdt", "", 5, None])},
    optional={"trend": st.sampled_from(["buy", "sell", "wait", 1]), "features": FEATURES | NUMBERS},
)
ANSWERS = st.fixed_dictionaries({"pairs": st.lists(ENTRY | NUMBERS, max_size=4)}) | NUMBERS | st.lists(NUMBERS)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    store = FeatureStore(tmp_path_factory.mktemp("fuzz") / "fuzz.sqlite")
    yield store, FeatureHistory(store, 30.0)
    store.close()


@given(raw=ANSWERS, at=st.floats(0.0, 99.0))
@settings(max_examples=200, deadline=None)
def test_whatever_guardian_answers_the_columns_stay_finite(fuzzed, raw, at):
    store, history = fuzzed
    try:
        answer = FeaturesAnswer.parse(raw)
    except GuardianAnswerError:
        return
    store.append([flatten(pair) for pair in answer.pairs], START_S + CANDLE_S * at)
    for source in (history, FeatureHistory(store, 30.0)):
        found = source.columns("BTC/USDT", candles(100), CANDLE_S)
        assert np.isfinite(found).all(axis=None)
        assert (found.drop(columns="guardian-age_min").abs() <= 10.0).all(axis=None)
