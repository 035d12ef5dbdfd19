import pytest

from freqai_ext.news.records import Article, Decision, Verdict
from freqai_ext.news.store import NewsStore
from freqai_ext.news.store_statistics import statistics

START_S = 1_795_000_000.0
MAX_AGE_S = 3_600.0


@pytest.fixture
def store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    yield store
    store.close()


def make_verdict(id, available_at_s, asset="BTC", sentiment="positive", origin="live", **others):
    given = {"impact_score": 0.5, "confidence": 0.5, "reasoning": "", "model": "m", "prompt_version": "1"} | others
    return Verdict(
        id=id, asset=asset, available_at_s=available_at_s, sentiment=sentiment, origin=origin, prompt_sha256=id,
        article_ids=(), bot="b", **given,
    )  # fmt: skip


def test_an_empty_store_holds_nothing(store):
    found = statistics(store, MAX_AGE_S)
    assert (found.articles, found.verdicts, found.first_seen_s, found.assets, found.unconfirmed) == (0, 0, None, (), 0)


def test_what_a_store_holds_is_counted(store):
    articles = [("a", ("BTC", "ETH"), START_S), ("b", ("SOL",), START_S + 9.0), ("c", ("SOL",), START_S + 5.0)]
    store.add_articles(Article(id, id, "", "", assets, None, seen_s) for id, assets, seen_s in articles)
    store.add_verdicts(
        [
            make_verdict("1", START_S, impact_score=0.2, trained_until_s=START_S + 1.0),
            make_verdict("2", START_S + 1_800.0, sentiment="negative", origin="shared", impact_score=0.6),
            make_verdict("3", START_S + 9_000.0, impact_score=0.4, trained_until_s=START_S + 1.0),
            make_verdict("4", START_S, "ETH", "neutral"),
        ]
    )
    for allowed, reason in ((True, "confirmed"), (False, "no_verdict"), (False, "no_verdict")):
        store.add_decision(Decision("BTC/USDT", "long", START_S, allowed, reason, None, ""))
    store.confirm("1", START_S + 60.0)
    found = statistics(store, MAX_AGE_S)
    assert (found.articles, found.verdicts, found.unconfirmed) == (3, 4, 2)
    assert (found.first_seen_s, found.last_seen_s) == (START_S, START_S + 9.0)
    assert (found.allowed, found.denied) == ({"confirmed": 1}, {"no_verdict": 2})
    assert [one.asset for one in found.assets] == ["BTC", "ETH", "SOL"]
    bitcoin, ether, solana = found.assets
    assert (bitcoin.articles, bitcoin.verdicts) == (1, 3)
    assert (bitcoin.first_s, bitcoin.last_s) == (START_S, START_S + 9_000.0)
    assert bitcoin.coverage == pytest.approx((1_800.0 + 3_600.0 + 3_600.0) / 12_600.0)
    assert bitcoin.tainted == pytest.approx(1 / 3)
    assert bitcoin.mean_impact == pytest.approx(0.4)
    assert (bitcoin.sentiments, bitcoin.origins) == ({"positive": 2, "negative": 1}, {"live": 2, "shared": 1})
    assert (ether.coverage, ether.tainted) == (1.0, 0.0)
    assert (solana.articles, solana.verdicts, solana.coverage, solana.first_s) == (2, 0, 0.0, None)


def test_of_many_assets_without_verdicts_those_with_most_articles_are_told(store):
    store.add_articles(
        Article(f"{number}-{again}", "t", "", "", (f"A{number}",), None, START_S)
        for number in range(6)
        for again in range(number + 1)
    )
    assert [one.asset for one in statistics(store, MAX_AGE_S, most_assets=2).assets] == ["A5", "A4"]
