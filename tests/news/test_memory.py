import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.news.as_of import VerdictHistory
from freqai_ext.news.memory import COLUMNS, Memory
from freqai_ext.news.records import Verdict
from freqai_ext.news.store import NewsStore

CANDLE_S = 300.0
HORIZON_S = 1_200.0
START_S = 1_795_000_800.0
MAX_AGE_S = 5_400.0


def make_verdict(id, available_at_s, sentiment="positive", asset="BTC", made_at_s=None):
    origin = "live" if made_at_s is None else "shared"
    given = (0.7, sentiment, 0.6, "", "m", "1", str(id), (), origin, "b")
    return Verdict(str(id), asset, available_at_s, *given, made_at_s=made_at_s)


def candles(prices, first_s=START_S):
    dates = pd.to_datetime((first_s + CANDLE_S * np.arange(len(prices))) * 1e9, unit="ns", utc=True)
    return pd.Series(dates), pd.Series(prices, dtype=float)


def close_s(candle):
    return START_S + (candle + 1) * CANDLE_S


@pytest.fixture(scope="module")
def make_history(tmp_path_factory):
    made = []

    def make(verdicts):
        store = NewsStore(tmp_path_factory.mktemp("store") / "news.sqlite")
        made.append(store)
        store.add_verdicts(verdicts)
        return VerdictHistory(store, MAX_AGE_S)

    yield make
    for store in made:
        store.close()


def columns(history, prices, **options):
    dates, close = candles(prices)
    options = {"window_s": 86_400.0, "prior_count": 0.0} | options
    return Memory(history, HORIZON_S, **options).columns("BTC", dates, close, CANDLE_S)


def test_an_outcome_counts_from_the_close_at_which_its_horizon_ends(make_history):
    history = make_history([make_verdict("old", close_s(2)), make_verdict("new", close_s(4))])
    found = columns(history, [100.0, 100.0, 100.0, 105.0, 105.0, 105.0, 110.0, 120.0])
    assert list(found["news-memory_count"]) == [0, 0, 0, 0, 0, 0, 1, 1]
    assert found["news-memory_bps"].tolist() == pytest.approx([0, 0, 0, 0, 0, 0, 1_000, 1_000])


def test_a_verdict_within_a_candle_begins_with_the_close_of_it(make_history):
    history = make_history([make_verdict("old", close_s(1) + 1.0)])
    found = columns(history, [100.0, 50.0, 100.0, 1.0, 1.0, 1.0, 90.0, 1.0])
    assert found["news-memory_bps"].tolist() == pytest.approx([0] * 6 + [-1_000, -1_000])


def test_the_mean_is_above_0_where_verdicts_were_right(make_history):
    falling = np.linspace(100.0, 50.0, 12)
    right = columns(make_history([make_verdict("one", close_s(1), "negative")]), falling)
    wrong = columns(make_history([make_verdict("one", close_s(1), "positive")]), falling)
    assert right["news-memory_bps"].iloc[-1] > 0 > wrong["news-memory_bps"].iloc[-1]
    assert right["news-memory_bps"].iloc[-1] == pytest.approx(-wrong["news-memory_bps"].iloc[-1])


def test_only_verdicts_of_the_same_sentiment_count(make_history):
    history = make_history([make_verdict("old", close_s(1), "negative"), make_verdict("new", close_s(6), "positive")])
    found = columns(history, np.linspace(100.0, 50.0, 10))
    assert list(found["news-memory_count"]) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_of_a_swarm_of_verdicts_one_in_each_slot_counts(make_history):
    swarm = [make_verdict(number, close_s(0) + 10.0 * number) for number in range(100)]
    found = columns(make_history(swarm), [100.0] * 40)
    assert found["news-memory_count"].max() <= 2.0


def test_few_outcomes_are_shrunk_towards_0(make_history):
    history = make_history([make_verdict("old", close_s(1))])
    prices = [100.0] * 4 + [110.0] * 6
    alone, shrunk = columns(history, prices), columns(history, prices, prior_count=4.0)
    assert shrunk["news-memory_bps"].iloc[-1] == pytest.approx(alone["news-memory_bps"].iloc[-1] / 5.0)
    assert shrunk["news-memory_count"].iloc[-1] == 1.0


def test_verdicts_older_than_the_window_are_forgotten(make_history):
    history = make_history([make_verdict("old", close_s(1)), make_verdict("new", close_s(12))])
    found = columns(history, [100.0] * 14, window_s=2_400.0)
    assert found["news-memory_count"].iloc[9] == 1.0
    assert found["news-memory_count"].iloc[10] == 0.0


def test_without_a_valid_verdict_nothing_is_remembered(make_history):
    found = columns(make_history([]), [100.0] * 3)
    assert tuple(found.columns) == COLUMNS
    assert (found == 0.0).all(axis=None)
    assert columns(make_history([]), []).shape == (0, 2)


def test_a_verdict_that_arrives_late_has_the_past_it_was_made_in_and_counts_from_its_arrival(make_history):
    prices = [100.0, 100.0, 100.0, 110.0, 110.0, 110.0, 120.0, 130.0, 140.0, 150.0]
    history = make_history(
        [make_verdict("late", close_s(7), made_at_s=close_s(0)), make_verdict("now", close_s(5), "positive")]
    )
    found = columns(history, prices)
    # Known from candle 4 on to its maker, and here from candle 7 on, when it arrived.
    assert list(found["news-memory_count"]) == [0, 0, 0, 0, 0, 0, 0, 1, 1, 2]
    assert found["news-memory_bps"].iloc[7] == pytest.approx(1_000)
    told = Memory(history, HORIZON_S).outcomes("BTC", *candles(prices), CANDLE_S)
    assert [(each.verdict.id, each.followed_by) for each in told] == [
        ("now", pytest.approx(150.0 / 110.0 - 1.0)),
        ("late", pytest.approx(0.1)),
    ]


def test_what_arrives_late_never_takes_the_place_of_what_counted_before(make_history):
    own = [make_verdict("own", close_s(1) + 10.0), make_verdict("new", close_s(8))]
    late = make_verdict("late", close_s(7), made_at_s=close_s(1) + 1.0)
    prices = [100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 110.0, 110.0, 110.0, 110.0]
    pd.testing.assert_frame_equal(columns(make_history(own), prices), columns(make_history([*own, late]), prices))


def test_what_arrives_after_it_would_be_forgotten_never_counts(make_history):
    verdicts = [make_verdict("late", close_s(12), made_at_s=close_s(0)), make_verdict("now", close_s(12) - 1.0)]
    found = columns(make_history(verdicts), [100.0] * 16, window_s=2_400.0)
    assert (found["news-memory_count"] == 0.0).all()


def test_a_price_that_is_missing_leaves_its_outcome_out(make_history):
    history = make_history([make_verdict("old", close_s(1))])
    found = columns(history, [100.0, 100.0, np.nan, 100.0, 100.0, np.nan, 100.0])
    assert (found == 0.0).all(axis=None)


def test_outcomes_are_told_newest_first_and_never_of_the_present(make_history):
    history = make_history([make_verdict(name, close_s(candle)) for name, candle in (("a", 1), ("b", 4), ("c", 7))])
    dates, close = candles([100.0, 100.0, 100.0, 100.0, 100.0, 110.0, 110.0, 110.0])
    memory = Memory(history, HORIZON_S)
    told = memory.outcomes("BTC", dates, close, CANDLE_S)
    assert [(outcome.verdict.id, outcome.followed_by) for outcome in told] == [("b", None), ("a", pytest.approx(0.1))]
    assert [outcome.verdict.id for outcome in memory.outcomes("BTC", dates, close, CANDLE_S, limit=1)] == ["b"]
    assert memory.outcomes("BTC", dates[:0], close[:0], CANDLE_S) == ()


@pytest.mark.parametrize("wrong", [(0.0, 10.0, 1.0), (20.0, 10.0, 1.0), (5.0, 10.0, -1.0)])
def test_settings_that_make_no_sense_are_refused(make_history, wrong):
    with pytest.raises(ValueError, match="must be above 0"):
        Memory(make_history([]), *wrong)


@settings(max_examples=15, deadline=None)
@given(
    delays_s=st.lists(
        st.tuples(
            st.floats(0.0, 60 * CANDLE_S),
            st.sampled_from(["positive", "negative"]),
            st.sampled_from([0.0, 600.0, 3_000.0]),
        ),
        max_size=30,
    ),
    cut=st.integers(1, 59),
    seed=st.integers(0, 9),
)
def test_cutting_store_and_candles_changes_nothing_before_the_cut(make_history, delays_s, cut, seed):
    prices = 100.0 * np.exp(np.random.default_rng(seed).normal(0.0, 0.01, 60).cumsum())
    verdicts = [
        make_verdict(number, START_S + delay_s, sentiment, made_at_s=START_S + delay_s - late_s if late_s else None)
        for number, (delay_s, sentiment, late_s) in enumerate(delays_s)
    ]
    whole = columns(make_history(verdicts), prices)
    known = make_history([verdict for verdict in verdicts if verdict.available_at_s <= close_s(cut)])
    pd.testing.assert_frame_equal(whole.iloc[: cut + 1], columns(known, prices[: cut + 1]))
    # What comes after a close can be anything.
    other = np.concatenate([prices[: cut + 1], prices[cut + 1 :] * 3.0])
    pd.testing.assert_frame_equal(whole.iloc[: cut + 1], columns(make_history(verdicts), other).iloc[: cut + 1])
