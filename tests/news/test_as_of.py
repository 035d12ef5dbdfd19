import math
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.news.as_of import COLUMNS, VerdictHistory, coverage, tainted_share
from freqai_ext.news.gate import NewsNumbers
from freqai_ext.news.records import SIGN, Article, Verdict
from freqai_ext.news.store import NewsStore
from tests.services.timing import LoopCost

START_S = 1_795_000_200.0
CANDLE_S = 300.0
MAX_AGE_S = 5_400.0
DAY_S = 86_400.0
CLOSE_S = START_S + CANDLE_S


def make_verdict(id, available_at_s, asset="BTC", sentiment="positive", impact_score=0.7, **others):
    given = {"reasoning": "", "model": "m", "prompt_version": "1", "prompt_sha256": id, "article_ids": ()}
    given |= {"origin": "live", "bot": "b", "confidence": 0.6}
    return Verdict(id, asset, available_at_s, impact_score, sentiment, **(given | others))


def candles(count, first_s=START_S, unit="ms"):
    dates = pd.to_datetime((first_s + CANDLE_S * np.arange(count)) * 1e9, unit="ns", utc=True)
    return pd.Series(dates.as_unit(unit), name="date")


def random_verdicts(count, seed=0, every_s=1_800.0, first_s=START_S):
    random = np.random.default_rng(seed)
    times_s = first_s + every_s * np.arange(count) + random.uniform(0.0, every_s, count)
    sentiments = random.choice(list(SIGN), count)
    return [
        make_verdict(f"{seed}-{number}", float(time_s), "BTC", str(sentiment), float(random.uniform()))
        for number, (time_s, sentiment) in enumerate(zip(times_s, sentiments, strict=True))
    ]


@pytest.fixture(scope="module")
def make_store(tmp_path_factory):
    made = []

    def make(verdicts=(), articles=()):
        store = NewsStore(tmp_path_factory.mktemp("store") / "news.sqlite")
        made.append(store)
        for verdict in verdicts:
            store.add_verdict(verdict)
        store.add_articles(articles)
        return store

    yield make
    for store in made:
        store.close()


def columns(store, dates, asset="BTC"):
    return VerdictHistory(store, MAX_AGE_S).columns(asset, dates, CANDLE_S)


@pytest.mark.parametrize(
    ("available_at_s", "valid"),
    [
        (CLOSE_S, 1.0),
        (CLOSE_S + 0.001, 0.0),
        (CLOSE_S - MAX_AGE_S, 1.0),
        (CLOSE_S - MAX_AGE_S - 0.001, 0.0),
    ],
)
def test_a_verdict_counts_from_when_it_was_available_until_it_is_too_old(make_store, available_at_s, valid):
    found = columns(make_store([make_verdict("one", available_at_s)]), candles(1))
    assert found["news-available"].item() == valid
    assert found["news-impact"].item() == 0.7 * valid
    assert found["news-confidence"].item() == 0.6 * valid
    assert found["news-sentiment"].item() == valid
    assert found["news-verdict"].item() == valid
    assert found["news-age_min"].item() == pytest.approx(
        (CLOSE_S - available_at_s) / 60.0 if available_at_s <= CLOSE_S else 90.0
    )


def test_the_newest_verdict_counts_and_of_one_moment_the_one_stored_last(make_store):
    store = make_store(
        [
            make_verdict("late", CLOSE_S - 5.0, sentiment="negative", impact_score=0.2),
            make_verdict("early", CLOSE_S - 60.0),
            make_verdict("correction", CLOSE_S - 5.0, sentiment="neutral", impact_score=0.3),
        ]
    )
    history = VerdictHistory(store, MAX_AGE_S)
    found = history.columns("BTC", candles(1), CANDLE_S)
    assert (found["news-impact"].item(), found["news-sentiment"].item()) == (0.3, 0.0)
    assert history.cited("BTC", found["news-verdict"].item()).id == "correction"
    assert history.newest("BTC", CLOSE_S).id == "correction"
    assert history.newest("BTC", CLOSE_S - 6.0).id == "early"
    assert history.newest("BTC", CLOSE_S - 61.0) is None


def test_a_verdict_that_is_too_old_is_still_the_newest_one(make_store):
    history = VerdictHistory(make_store([make_verdict("one", CLOSE_S)]), MAX_AGE_S)
    history.columns("BTC", candles(1), CANDLE_S)
    assert history.newest("BTC", CLOSE_S + 10 * DAY_S).id == "one"


@pytest.mark.parametrize(
    ("made_at_s", "available_at_s", "valid"),
    [
        (CLOSE_S - 3_600.0, CLOSE_S - 60.0, 1.0),
        (CLOSE_S - MAX_AGE_S, CLOSE_S - 60.0, 1.0),
        (CLOSE_S - MAX_AGE_S - 0.001, CLOSE_S - 60.0, 0.0),
        (CLOSE_S - 3_600.0, CLOSE_S + 0.001, 0.0),
    ],
)
def test_a_verdict_ages_from_when_it_was_made_and_counts_from_when_it_was_available(
    make_store, made_at_s, available_at_s, valid
):
    found = columns(make_store([make_verdict("one", available_at_s, made_at_s=made_at_s)]), candles(1))
    assert found["news-available"].item() == valid
    assert found["news-age_min"].item() == pytest.approx(
        (CLOSE_S - made_at_s) / 60.0 if available_at_s <= CLOSE_S else 90.0
    )


def test_a_verdict_made_earlier_that_arrives_later_does_not_replace_one_made_later(make_store):
    store = make_store([make_verdict("own", CLOSE_S - 600.0, impact_score=0.3)])
    history = VerdictHistory(store, MAX_AGE_S)
    history.columns("BTC", candles(1), CANDLE_S)
    store.add_verdict(make_verdict("late", CLOSE_S - 60.0, made_at_s=CLOSE_S - 3_600.0, origin="shared"))
    store.add_verdict(make_verdict("fresh", CLOSE_S, made_at_s=CLOSE_S - 500.0, origin="shared"))
    assert history.newest("BTC", CLOSE_S - 1.0).id == "own"
    assert history.newest("BTC", CLOSE_S).id == "fresh"
    found = history.columns("BTC", candles(1), CANDLE_S)
    assert history.cited("BTC", found["news-verdict"].item()).id == "fresh"
    pd.testing.assert_frame_equal(found, columns(store, candles(1)))


def test_of_verdicts_made_at_one_moment_the_one_available_last_counts(make_store):
    verdicts = [make_verdict(name, CLOSE_S - ago_s, made_at_s=CLOSE_S - 900.0) for name, ago_s in (("b", 5), ("a", 60))]
    history = VerdictHistory(make_store(verdicts), MAX_AGE_S)
    assert history.newest("BTC", CLOSE_S).id == "b"


def test_a_verdict_made_by_a_clock_that_is_ahead_ages_from_when_it_was_available(make_store):
    store = make_store([make_verdict("ahead", CLOSE_S - 120.0, made_at_s=CLOSE_S + 600.0)])
    assert columns(store, candles(1))["news-age_min"].item() == pytest.approx(2.0)


def test_without_news_there_are_the_same_columns(make_store):
    for dates in (candles(3), candles(0)):
        found = columns(make_store(), dates)
        assert tuple(found.columns) == COLUMNS
        assert found.index.equals(dates.index)
        assert (found.drop(columns="news-age_min") == 0.0).all(axis=None)
        assert (found["news-age_min"] == 90.0).all()


def test_another_asset_has_its_own_verdicts(make_store):
    store = make_store([make_verdict("one", CLOSE_S, "ETH")])
    assert coverage(columns(store, candles(1))) == 0.0
    assert coverage(columns(store, candles(1), "ETH")) == 1.0


def test_articles_of_the_last_24_hours_are_counted_for_their_asset(make_store):
    seen = [CLOSE_S - DAY_S, CLOSE_S - DAY_S + 1.0, CLOSE_S, CLOSE_S + 1.0]
    articles = [Article(str(number), "t", "", "", ("BTC",), None, at_s) for number, at_s in enumerate(seen)]
    found = columns(make_store((), articles), candles(2))
    assert list(found["news-count_24h"]) == [2.0, 3.0 - 1.0]


def test_verdicts_of_a_model_that_may_have_known_the_outcome_are_marked(make_store):
    store = make_store(
        [
            make_verdict("one", CLOSE_S, trained_until_s=CLOSE_S + DAY_S),
            make_verdict("two", CLOSE_S + CANDLE_S, trained_until_s=CLOSE_S - DAY_S),
        ]
    )
    found = columns(store, candles(2))
    assert list(found["news-tainted"]) == [1.0, 0.0]
    assert tainted_share(found) == 0.5
    assert tainted_share(columns(make_store(), candles(2))) == 0.0


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_dates_may_have_any_resolution(make_store, unit):
    store = make_store([make_verdict("one", CLOSE_S)])
    assert list(columns(store, candles(2, unit=unit))["news-age_min"]) == [0.0, 5.0]


def test_what_is_stored_later_is_there_at_once(make_store):
    store = make_store([make_verdict("one", CLOSE_S)])
    history = VerdictHistory(store, MAX_AGE_S)
    history.columns("BTC", candles(10), CANDLE_S)
    store.add_verdict(make_verdict("three", CLOSE_S + 900.0, impact_score=0.9))
    store.add_verdict(make_verdict("two", CLOSE_S + 300.0, impact_score=0.2))
    store.add_verdict(make_verdict("two", CLOSE_S + 600.0, impact_score=0.5))
    store.add_verdict(make_verdict("far", CLOSE_S + 600.0, "ETH"))
    store.add_articles([Article("a", "t", "", "", ("BTC", "ETH"), None, CLOSE_S)])
    assert [history.newest("BTC", CLOSE_S + after_s).id for after_s in (0.0, 300.0, 899.0, 900.0)] == [
        "one",
        "two",
        "two",
        "three",
    ]
    pd.testing.assert_frame_equal(history.columns("BTC", candles(10), CANDLE_S), columns(store, candles(10)))
    assert history.newest("ETH", CLOSE_S + 600.0).id == "far"


def test_earlier_candles_may_be_asked_for_later(make_store):
    verdicts = random_verdicts(100)
    store = make_store(verdicts)
    history = VerdictHistory(store, MAX_AGE_S)
    history.columns("BTC", candles(10, START_S + 2 * DAY_S), CANDLE_S)
    pd.testing.assert_frame_equal(history.columns("BTC", candles(300), CANDLE_S), columns(store, candles(300)))


def test_a_number_that_names_no_verdict_cites_none(make_store):
    history = VerdictHistory(make_store([make_verdict("one", CLOSE_S)]), MAX_AGE_S)
    assert history.cited("BTC", 1.0) is None
    history.columns("BTC", candles(1), CANDLE_S)
    assert [history.cited("BTC", number) is None for number in (0.0, math.nan, 2.0, 1.0)] == [True, True, True, False]


def test_it_is_not_sent_to_another_process(make_store):
    with pytest.raises(TypeError, match="make one there from its store"):
        pickle.dumps(VerdictHistory(make_store(), MAX_AGE_S))


def test_readers_see_whole_records_while_verdicts_come(make_store):
    store = make_store()
    history = VerdictHistory(store, MAX_AGE_S)
    history.columns("BTC", candles(1), CANDLE_S)
    verdicts = random_verdicts(80, seed=4, every_s=10.0)
    writer = threading.Thread(target=lambda: [store.add_verdict(verdict) for verdict in verdicts])
    writer.start()
    while writer.is_alive():
        found = history.columns("BTC", candles(20), CANDLE_S)
        for number, impact in zip(found["news-verdict"], found["news-impact"], strict=True):
            if number:
                assert history.cited("BTC", number).impact_score == impact
    writer.join()
    pd.testing.assert_frame_equal(history.columns("BTC", candles(20), CANDLE_S), columns(store, candles(20)))


@settings(max_examples=15, deadline=None)
@given(
    delays_s=st.lists(st.floats(0.0, 40 * CANDLE_S), min_size=1, max_size=25),
    cut=st.integers(0, 39),
)
def test_cutting_the_store_changes_nothing_before_the_cut(make_store, delays_s, cut):
    verdicts = [
        make_verdict(str(number), START_S + delay_s, impact_score=number / 25)
        for number, delay_s in enumerate(delays_s)
    ]
    articles = [
        Article(str(number), "t", "", "", ("BTC",), None, START_S + delay_s) for number, delay_s in enumerate(delays_s)
    ]
    cut_s = START_S + (cut + 1) * CANDLE_S
    whole = columns(make_store(verdicts, articles), candles(40))
    known = make_store(
        [verdict for verdict in verdicts if verdict.available_at_s <= cut_s],
        [article for article in articles if article.first_seen_at_s <= cut_s],
    )
    without = [name for name in COLUMNS if name != "news-verdict"]
    pd.testing.assert_frame_equal(
        whole.iloc[: cut + 1][without], columns(known, candles(40)).iloc[: cut + 1][without], check_exact=True
    )


# Made and available, in seconds after the start: rarely in the same order, and often several at one moment.
SHARED = st.lists(st.tuples(st.integers(-20, 80), st.integers(0, 40)), max_size=20)


def shared(times):
    return [
        make_verdict(
            str(number),
            START_S + 300.0 * available,
            impact_score=number / 20,
            made_at_s=START_S + 150.0 * made,
            origin="shared",
        )
        for number, (made, available) in enumerate(times)
    ]


@settings(max_examples=20, deadline=None)
@given(times=SHARED, loaded=st.integers(0, 20))
def test_each_candle_has_the_verdict_made_last_of_those_available_if_it_is_young_enough(make_store, times, loaded):
    verdicts, dates = shared(times), candles(45)
    store = make_store(verdicts[:loaded])
    history = VerdictHistory(store, MAX_AGE_S)
    # From a day before the first verdict on, so that the newest one is known however old.
    history.record("BTC", START_S - DAY_S)
    for verdict in verdicts[loaded:]:
        store.add_verdict(verdict)
    found = history.columns("BTC", dates, CANDLE_S)
    for row in range(45):
        close_s = START_S + CANDLE_S * (row + 1)
        known = [
            (verdict.age_from_s, verdict.available_at_s, number, verdict)
            for number, verdict in enumerate(verdicts)
            if verdict.available_at_s <= close_s
        ]
        expected = max(known)[3] if known else None
        assert history.newest("BTC", close_s) == expected
        is_valid = expected is not None and close_s - expected.age_from_s <= MAX_AGE_S
        cited = history.cited("BTC", found["news-verdict"].iloc[row])
        assert cited == (expected if is_valid else None)
        assert found["news-available"].iloc[row] == is_valid
        if is_valid:
            assert found["news-age_min"].iloc[row] == pytest.approx(NewsNumbers.of(expected, close_s).age_min)
    # Where less is loaded, what is valid is the same.
    pd.testing.assert_frame_equal(found.iloc[20:], columns(store, dates.iloc[20:]))


@settings(max_examples=10, deadline=None)
@given(times=SHARED, cut=st.integers(0, 39))
def test_what_arrives_after_the_cut_changes_nothing_before_it_however_early_it_was_made(make_store, times, cut):
    verdicts, cut_s = shared(times), START_S + (cut + 1) * CANDLE_S
    whole = columns(make_store(verdicts), candles(40))
    known = columns(make_store([each for each in verdicts if each.available_at_s <= cut_s]), candles(40))
    without = [name for name in COLUMNS if name != "news-verdict"]
    pd.testing.assert_frame_equal(whole.iloc[: cut + 1][without], known.iloc[: cut + 1][without], check_exact=True)


@settings(max_examples=10, deadline=None)
@given(delays=st.lists(st.integers(0, 20_000), min_size=1, max_size=20, unique=True))
def test_making_all_verdicts_a_candle_later_moves_the_columns_by_a_candle(make_store, delays):
    def made(extra_s):
        return [
            make_verdict(str(number), START_S + delay + extra_s, impact_score=number / 20)
            for number, delay in enumerate(delays)
        ]

    now, later = columns(make_store(made(0.0)), candles(60)), columns(make_store(made(CANDLE_S)), candles(60))
    pd.testing.assert_frame_equal(now.iloc[:-1].reset_index(drop=True), later.iloc[1:].reset_index(drop=True))


def test_half_a_year_of_five_minute_candles_is_joined_in_time(make_store):
    verdicts = random_verdicts(2_000, every_s=7_800.0)
    history = VerdictHistory(make_store(verdicts), MAX_AGE_S)
    dates = candles(52_128)
    history.columns("BTC", dates, CANDLE_S)
    join, newest = LoopCost(), LoopCost()
    for _ in range(3):
        with join.call():
            history.columns("BTC", dates, CANDLE_S)
    join.check(0.2, longest_wait_s=5.0)
    for number in range(1_000):
        with newest.call():
            history.newest("BTC", START_S + 600.0 * number)
    newest.check(1e-3)
