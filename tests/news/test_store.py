import logging
import math
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from freqai_ext._services.database import open_sqlite
from freqai_ext.errors import NewsDataError
from freqai_ext.news.records import RECORDED, Article, Decision, Spending, Verdict
from freqai_ext.news.store import NewsStore

START_S = 1_795_000_000.0
DAY_S = 86_400.0


def make_verdict(id="one", asset="BTC", available_at_s=START_S, **others):
    given = {
        "impact_score": 0.7,
        "sentiment": "positive",
        "confidence": 0.8,
        "reasoning": "an ETF was approved",
        "model": "some-model",
        "prompt_version": "1",
        "prompt_sha256": "ab",
        "article_ids": ("a1", "a2"),
        "origin": "live",
        "bot": "first",
    }
    return Verdict(id, asset, available_at_s, **(given | others))


def make_article(id="a1", assets=("BTC",), first_seen_at_s=START_S, published_at_s=None):
    return Article(id, f"Title of {id}", "", "", tuple(assets), published_at_s, first_seen_at_s)


def make_decision(at_s=START_S, **others):
    given = {"allowed": False, "reason": "no_verdict", "verdict_id": None, "detail": "rsi=28.1"}
    return Decision("BTC/USDT", "long", at_s, **(given | others))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "news.sqlite"


@pytest.fixture
def store(path):
    store = NewsStore(path)
    yield store
    store.close()


def execute(path, statement):
    engine = open_sqlite(path, "a setting", NewsDataError)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def count(path, table):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.mark.parametrize("trained_until_s", [None, START_S - DAY_S, START_S + DAY_S])
def test_a_verdict_comes_back_as_it_was_stored(store, trained_until_s):
    verdict = make_verdict(trained_until_s=trained_until_s, reasoning="Кит \N{WHALE} \\n", origin="shared")
    assert store.add_verdict(verdict)
    assert store.verdicts() == (verdict,)
    assert store.verdicts("BTC") == (verdict,)
    assert store.verdicts("ETH") == ()


def test_when_a_verdict_was_made_is_kept_beside_when_it_was_available(store):
    verdict = make_verdict(origin="shared", made_at_s=START_S - 1_800.25)
    store.add_verdict(verdict)
    (read,) = store.verdicts()
    assert (read, read.age_from_s) == (verdict, START_S - 1_800.25)


def test_the_newest_verdict_is_the_one_made_last_of_those_available(store):
    store.add_verdict(make_verdict("own", available_at_s=START_S))
    store.add_verdict(make_verdict("late", available_at_s=START_S + 60.0, made_at_s=START_S - 600.0))
    store.add_verdict(make_verdict("fresh", available_at_s=START_S + 90.0, made_at_s=START_S + 30.0))
    store.add_verdict(make_verdict("ahead", available_at_s=START_S + 20.0, made_at_s=START_S + 900.0))
    found = [store.newest("BTC", START_S + after_s).id for after_s in (0.0, 20.0, 60.0, 90.0)]
    assert found == ["own", "ahead", "ahead", "fresh"]


def test_a_file_from_before_verdicts_had_a_time_of_making_gets_the_column_and_keeps_its_rows(path):
    old = NewsStore(path)
    old.add_verdict(make_verdict("old"))
    old.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE news_verdicts DROP COLUMN made_at_s")
    for _ in range(2):
        store = NewsStore(path)
        try:
            store.add_verdict(make_verdict("new", available_at_s=START_S + 60.0, made_at_s=START_S + 30.0))
            assert [(each.id, each.made_at_s, each.age_from_s) for each in store.verdicts()] == [
                ("old", None, START_S),
                ("new", START_S + 30.0, START_S + 30.0),
            ]
        finally:
            store.close()
    with pytest.raises(IntegrityError, match="append-only"):
        execute(path, "UPDATE news_verdicts SET made_at_s = 0")


@pytest.fixture
def old_file(path):
    """Write a file as it was before verdicts had a kind of judge and a time of making."""
    old = NewsStore(path)
    old.add_verdict(make_verdict("live"))
    old.add_verdict(make_verdict("words", model="lexicon-1", origin="imported"))
    old.add_verdict(make_verdict("model", model="qwen3:8b", origin="imported"))
    old.close()
    with closing(sqlite3.connect(path)) as connection:
        for column in ("made_at_s", "judge_kind"):
            connection.execute(f"ALTER TABLE news_verdicts DROP COLUMN {column}")
        connection.execute("DROP TABLE news_spendings")
    return path


@pytest.mark.parametrize("open_store", [NewsStore, NewsStore.recorded], ids=["to write", "to read"])
def test_a_file_of_an_earlier_version_is_read_and_its_judges_are_known(old_file, open_store):
    store = open_store(old_file)
    try:
        assert store.judges() == {RECORDED: 1, "lexicon:lexicon-1:1": 1, "llm:qwen3:8b:1": 1}
        for name, id in ((RECORDED, "live"), ("lexicon:lexicon-1:1", "words"), ("llm:qwen3:8b:1", "model")):
            assert [verdict.id for verdict in store.verdicts(judge=name)] == [id]
            assert store.newest("BTC", START_S, judge=name).id == id
            assert [verdict.judge for verdict in store.verdicts(judge=name)] == [name]
        assert store.verdicts(judge="llm:other:1") == store.verdicts(judge="nonsense") == ()
        assert len(store.verdicts()) == 3
    finally:
        store.close()


def test_what_judging_cost_is_summed_by_judge_and_time_and_outlives_the_store_that_wrote_it(store, path):
    for hour, judge in enumerate(("llm:a:2", "llm:b:2", "llm:a:2")):
        store.add_verdicts((make_verdict(str(hour)),), Spending(START_S + hour, judge, 2, 500))
    again = NewsStore(path)
    try:
        assert again.spent("llm:a:2", START_S - 1.0) == (4, 1_000)
        assert again.spent("llm:a:2", START_S) == (2, 500)
        assert again.spent("llm:c:2", 0.0) == (0, 0)
    finally:
        again.close()


def test_a_verdict_is_stored_once_and_stays_as_it_was_first(store):
    assert store.add_verdict(make_verdict())
    assert not store.add_verdict(make_verdict(impact_score=0.1))
    assert [verdict.impact_score for verdict in store.verdicts()] == [0.7]


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"impact_score": math.nan}, r"impact_score nan is not in \[0, 1\]"),
        ({"impact_score": 1.1}, "impact_score 1.1"),
        ({"confidence": -0.1}, "confidence -0.1"),
        ({"confidence": math.inf}, "confidence inf"),
        ({"sentiment": "bullish"}, "sentiment 'bullish' is not one of positive, neutral, negative"),
        ({"available_at_s": math.nan}, "available at nan"),
        ({"available_at_s": math.inf}, "available at inf"),
        ({"made_at_s": math.nan}, "made at nan"),
        ({"made_at_s": -math.inf}, "made at -inf"),
    ],
)
def test_a_verdict_that_is_no_verdict_is_refused_and_nothing_of_it_is_stored(store, others, message):
    with pytest.raises(NewsDataError, match=message):
        store.add_verdict(make_verdict(**others))
    assert store.verdicts() == ()


def test_verdicts_come_in_the_order_in_which_they_became_available(store):
    for number, delay_s in enumerate((5.0, 1.0, 3.0, 3.0)):
        store.add_verdict(make_verdict(str(number), available_at_s=START_S + delay_s))
    assert [verdict.id for verdict in store.verdicts()] == ["1", "2", "3", "0"]
    assert [number for number, _ in store.numbered_verdicts()] == [2, 3, 4, 1]
    assert [verdict.id for verdict in store.verdicts(None, START_S + 1.0, START_S + 3.0)] == ["1", "2", "3"]
    assert store.newest("BTC", START_S + 3.0).id == "3"
    assert store.newest("BTC", START_S + 0.999) is None
    assert store.newest("ETH", START_S + 9.0) is None
    assert store.state(START_S + 4.0) == (3, START_S + 3.0)
    assert store.state(START_S) == (0, 0.0)


def test_articles_are_counted_once_and_the_first_stays(store):
    assert store.add_articles([make_article("a1"), make_article("a2", ["ETH", "BTC"]), make_article("a1")]) == 2
    assert store.add_articles([replace(make_article("a1"), title="Another")]) == 0
    assert store.add_articles([]) == 0
    assert [article.title for article in store.articles()] == ["Title of a1", "Title of a2"]
    assert store.articles("ETH") == (make_article("a2", ["ETH", "BTC"]),)
    assert store.assets() == ("BTC", "ETH")


def test_an_article_found_later_for_another_asset_counts_for_it_from_then_on(store):
    store.add_articles([make_article("a1", ["BTC"])])
    assert store.add_articles([make_article("a1", ["ETH"], START_S + 60.0)]) == 0
    assert store.articles("BTC")[0].first_seen_at_s == START_S
    found = store.articles("ETH")[0]
    assert (found.first_seen_at_s, found.assets) == (START_S + 60.0, ("BTC", "ETH"))
    assert store.articles("ETH", until_s=START_S + 59.0) == ()
    assert list(store.article_times("ETH")) == [START_S + 60.0]
    assert list(store.article_times("BTC", START_S + 1.0)) == []


def test_an_article_found_earlier_for_another_asset_counts_for_it_from_when_its_stored_text_was_seen(store):
    store.add_articles([make_article("a1", ["BTC"], START_S + 60.0)])
    store.add_articles([make_article("a1", ["ETH"], START_S), make_article("a2", ["ETH", "SOL"], START_S)])
    assert [(found.id, found.first_seen_at_s) for found in store.articles("ETH")] == [
        ("a2", START_S),
        ("a1", START_S + 60.0),
    ]
    assert store.article_times("ETH").tolist() == [START_S, START_S + 60.0]
    assert store.article_times("SOL").tolist() == [START_S]


def test_an_article_without_a_time_is_refused(store):
    with pytest.raises(NewsDataError, match="article a1: published at nan"):
        store.add_articles([make_article(published_at_s=math.nan)])
    assert store.articles() == ()


def test_text_that_no_database_can_hold_is_a_typed_error_and_nothing_is_stored(store):
    with pytest.raises(NewsDataError, match=r"news\.sqlite: a text cannot be stored .*leave that character out"):
        store.add_articles([make_article("a0"), replace(make_article(), text="half a pair \ud800")])
    with pytest.raises(NewsDataError, match=r"news\.sqlite: a text cannot be stored .*leave that character out"):
        store.add_verdict(make_verdict(reasoning="half a pair \ud800"))
    assert (store.articles(), store.verdicts()) == ((), ())


def test_decisions_come_back_in_the_order_in_which_they_were_made(store):
    decisions = [make_decision(), make_decision(START_S - 5.0, allowed=True, verdict_id="one"), make_decision(START_S)]
    for decision in decisions:
        store.add_decision(decision)
    assert store.decisions() == tuple(decisions)
    assert store.decisions(since_s=START_S) == (decisions[0], decisions[2])


def test_own_verdicts_wait_until_they_are_confirmed(store):
    for id, origin in (("one", "live"), ("two", "shared"), ("three", "imported"), ("four", "live")):
        store.add_verdict(make_verdict(id, origin=origin))
    assert [verdict.id for verdict in store.pending_replication()] == ["four", "one"]
    assert [verdict.id for verdict in store.pending_replication(limit=1)] == ["four"]
    assert store.pending_replication(since_s=START_S + 1.0) == ()
    store.confirm("one", START_S + 5.0)
    store.confirm("one", START_S + 9.0)
    assert [verdict.id for verdict in store.pending_replication()] == ["four"]


@pytest.fixture
def full(store):
    store.add_articles([make_article()])
    store.add_verdict(make_verdict())
    store.add_decision(make_decision())
    store.confirm("one", START_S)
    store.add_verdicts((), Spending(START_S, "llm:m:2", 1, 100))
    return store


COLUMN_OF = {
    "news_articles": "title",
    "news_mentions": "first_seen_at_s",
    "news_verdicts": "impact_score",
    "news_decisions": "allowed",
    "news_confirmations": "confirmed_at_s",
    "news_spendings": "tokens",
}


@pytest.mark.parametrize("table", COLUMN_OF)
def test_rows_can_neither_be_changed_nor_deleted(full, path, table):
    for statement in (f"UPDATE {table} SET {COLUMN_OF[table]} = 1", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"):
            execute(path, statement)
    assert count(path, table) == 1


def test_a_row_cannot_be_replaced_either(full, path):
    with closing(sqlite3.connect(path)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(news_verdicts)")][1:]
        wanted = ", ".join("0.1" if name == "impact_score" else name for name in names)
        connection.execute(
            f"INSERT OR REPLACE INTO news_verdicts ({', '.join(names)}) SELECT {wanted} FROM news_verdicts"
        )
        connection.commit()
    assert [verdict.impact_score for verdict in full.verdicts()] == [0.7]


def test_only_old_rows_are_purged_and_their_numbers_are_not_given_again(full, path):
    full.add_articles([make_article("new", first_seen_at_s=START_S + DAY_S)])
    full.add_verdict(make_verdict("new", available_at_s=START_S + DAY_S))
    full.add_decision(make_decision(START_S + DAY_S))
    full.confirm("new", START_S + DAY_S)
    assert full.purge(START_S + 1.0) == 6
    assert full.spent("llm:m:2", 0.0) == (0, 0)
    assert [article.id for article in full.articles()] == ["new"]
    assert [verdict.id for verdict in full.verdicts()] == ["new"]
    assert len(full.decisions()) == 1
    assert full.pending_replication() == ()
    with pytest.raises(IntegrityError, match="append-only"):
        execute(path, "DELETE FROM news_verdicts")
    full.purge(START_S + 2 * DAY_S)
    full.add_verdict(make_verdict("third"))
    assert full.numbered_verdicts()[0][0] == 3


def test_listeners_hear_what_is_new(store):
    heard = []
    store.subscribe(heard.append)
    store.add_verdict(make_verdict())
    store.add_verdict(make_verdict())
    store.add_articles([make_article()])
    assert [(added.verdict and added.verdict.id, added.row, len(added.articles)) for added in heard] == [
        ("one", 1, 0),
        (None, 0, 1),
    ]


def test_a_recorded_store_reads_and_refuses_to_write(full, path):
    recorded = NewsStore.recorded(path)
    try:
        assert recorded.read_only
        assert recorded.verdicts() == full.verdicts()
        full.add_verdict(make_verdict("later", available_at_s=START_S + 1.0))
        assert recorded.newest("BTC", START_S + 9.0).id == "later"
        for write in (
            lambda: recorded.add_verdict(make_verdict("two")),
            lambda: recorded.add_articles([make_article("two")]),
            lambda: recorded.add_decision(make_decision()),
            lambda: recorded.confirm("one", START_S),
            lambda: recorded.purge(START_S),
        ):
            with pytest.raises(NewsDataError, match=r"news\.sqlite: opened for reading only"):
                write()
    finally:
        recorded.close()


def test_a_store_that_is_not_there_is_empty_and_the_log_says_so(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        recorded = NewsStore.recorded(tmp_path / "none.sqlite")
    assert "no recorded news, so there is no verdict at any time" in caplog.text
    assert (recorded.verdicts(), recorded.articles(), recorded.decisions(), recorded.assets()) == ((), (), (), ())
    assert recorded.newest("BTC", START_S) is None
    assert recorded.state(START_S) == (0, 0.0)
    assert len(recorded.article_times("BTC")) == 0
    recorded.close()
    assert not (tmp_path / "none.sqlite").exists()


def test_a_database_without_news_is_an_empty_store(tmp_path, caplog):
    path = tmp_path / "other.sqlite"
    open_sqlite(path, "a setting", NewsDataError).dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
    recorded = NewsStore.recorded(path)
    assert recorded.verdicts() == ()
    assert "no recorded news" in caplog.text
    recorded.close()


def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"this is no database, however long it is" * 100)
    with pytest.raises(NewsDataError, match=r"broken\.sqlite: it is no SQLite database"):
        NewsStore(path)


def test_a_locked_database_is_an_error_without_what_was_to_be_written(path):
    engine = open_sqlite(path, "a setting", NewsDataError)
    store = NewsStore(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NewsDataError, match="database is locked") as caught:
            store.add_verdict(make_verdict(reasoning="a secret of the prompt"))
        other.execute("ROLLBACK")
    assert "secret" not in str(caught.value)
    assert store.add_verdict(make_verdict())
    store.close()
    assert store.verdicts() != ()
    engine.dispose()


def test_a_crash_in_between_loses_at_most_what_was_being_written(path):
    store = NewsStore(path)
    store.add_verdict(make_verdict())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO news_decisions VALUES (1, 'a', 'long', 1.0, 1, 'x', NULL, '')")
    store.close()
    again = NewsStore(path)
    assert again.verdicts() == (make_verdict(),)
    assert again.decisions() == ()
    again.close()


def test_many_threads_may_write_and_read(store):
    def work(name):
        for number in range(15):
            store.add_verdict(make_verdict(f"{name}{number}", available_at_s=START_S + number))
            store.newest("BTC", START_S + number)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.verdicts()) == 60
