"""What news there are at a time."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from freqai_ext.errors import NewsDataError
from freqai_ext.news.standins.headlines import ArchivedNews, SyntheticNews, asked_asset
from freqai_ext.news.standins.settings import StandInSettings
from freqai_ext.news.standins.words import tone

NOW_S = 1_740_830_400.0
DAY_S = 86_400.0


def synthetic(**settings):
    return SyntheticNews(StandInSettings(**{"headlines_per_hour": 1.5, **settings}))


@pytest.mark.parametrize(
    ("query", "asset"),
    [
        ("Latest BTC (Bitcoin) cryptocurrency NEWS in the last 24 hours", "BTC"),
        ("NEWS about ZZZ coin", "ZZZ"),
        ("USD API ETF", None),
        ("bitcoin", "BTC"),
        ("weather of tomorrow", None),
    ],
)
def test_the_asset_of_a_query_is_its_ticker(query, asset):
    assert asked_asset(query) == asset


def test_cutting_the_time_takes_nothing_of_what_was_before():
    news = synthetic()
    whole = news.about("ETH", NOW_S - DAY_S, NOW_S)
    earlier = news.about("ETH", NOW_S - DAY_S, NOW_S - DAY_S / 2)
    assert earlier == tuple(one for one in whole if one.published_at_s <= NOW_S - DAY_S / 2)
    assert 0 < len(earlier) < len(whole)
    assert [one.published_at_s for one in whole] == sorted((one.published_at_s for one in whole), reverse=True)


def test_news_differ_by_seed_and_asset_and_are_the_same_otherwise():
    def urls(asset, **settings):
        return [one.title for one in synthetic(**settings).about(asset, NOW_S - DAY_S, NOW_S)]

    assert urls("BTC") == urls("BTC")
    assert urls("BTC") != urls("BTC", seed=8)
    assert [title.replace("Ethereum", "Bitcoin") for title in urls("ETH")] != urls("BTC")


def test_moods_change_within_a_week():
    moods = {
        (good > 0) - (bad > 0)
        for hour in range(0, 168, 8)
        for one in synthetic().about("SOL", NOW_S + 3_600 * hour, NOW_S + 3_600 * (hour + 8))
        for good, bad in [tone(f"{one.title} {one.text}")]
    }
    assert moods == {-1, 0, 1}


def test_hostile_headlines_give_orders():
    titles = [one.title for one in synthetic(hostile_share=1.0).about("XRP", NOW_S - DAY_S, NOW_S)]
    assert titles
    assert all("ignore all previous instructions" in title for title in titles)


def test_an_archive_is_read_as_of_the_clock(tmp_path):
    rows = [
        {"id": "a", "published_at": "2025-03-01T10:00:00.000Z", "title": "First", "currencies": ["BTC", "eth"]},
        {"id": "b", "published_at": "2025-03-01T11:00:00Z", "title": "Second", "currencies": ["BTC"], "url": None},
        {"id": "c", "published_at": "2025-03-01T13:00:00", "title": "Future", "currencies": ["BTC"]},
        {"id": "d", "published_at": "2025-03-01T11:30:00Z", "title": "Nobody's", "currencies": None},
    ]
    path = tmp_path / "news.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    news = ArchivedNews(path)
    assert [one.title for one in news.about("BTC", NOW_S - DAY_S, NOW_S)] == ["Second", "First"]
    assert [one.id for one in news.about("ETH", NOW_S - DAY_S, NOW_S)] == ["a"]
    assert news.about("BTC", NOW_S - 60, NOW_S) == ()


def test_a_date_without_a_time_is_no_news_before_its_end(tmp_path):
    path = tmp_path / "news.jsonl"
    path.write_bytes(b'{"published_at": "2026-11-20", "title": "x", "currencies": ["BTC"]}')
    end_s = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
    news = ArchivedNews(path)
    assert news.about("BTC", 0.0, end_s - 1.0) == ()
    assert len(news.about("BTC", 0.0, end_s)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"title": "x", "currencies": ["BTC"]}\n', "line 1 is no news"),
        (b"[1]\n", "line 1 is no news"),
        (b"\n\n", "holds no news of an asset"),
        (b"\xff\xfe", "line 1 is no news of"),
    ],
)
def test_an_archive_that_is_none_is_named(tmp_path, content, message):
    path = tmp_path / "news.jsonl"
    path.write_bytes(content)
    with pytest.raises(NewsDataError, match=message):
        ArchivedNews(path)
