import asyncio
import logging

import pytest

from freqai_ext._services.worker import NEVER, Worker
from freqai_ext.errors import NewsDataError
from freqai_ext.news import decision_journal
from freqai_ext.news.decision_journal import DecisionJournal
from freqai_ext.news.records import Decision
from freqai_ext.news.store import NewsStore

START_S = 1_760_000_000.0


def decision(number=0):
    return Decision("BTC/USDT", "long", START_S + number, False, "no_verdict", None, f"rsi_signal=1 number={number}")


class Disk:
    def __init__(self):
        self.stored, self.fails = [], False

    def __call__(self, decision):
        if self.fails:
            raise NewsDataError("news.sqlite: the news store cannot be used (disk full)")
        self.stored.append(decision.decided_at_s - START_S)


@pytest.fixture
def disk():
    return Disk()


def run(journal):
    return asyncio.run(journal.run(START_S))


def test_decisions_are_stored_in_their_order_and_nothing_waits_then(disk):
    journal = DecisionJournal(disk)
    for number in range(5):
        journal.offer(decision(number))
    assert disk.stored == []
    assert run(journal) == NEVER
    assert disk.stored == [0, 1, 2, 3, 4]
    run(journal)
    assert len(disk.stored) == 5


def test_a_disk_that_fails_loses_nothing_and_is_a_warning(disk, caplog):
    caplog.set_level(logging.INFO)
    journal = DecisionJournal(disk)
    disk.fails = True
    journal.offer(decision(0))
    assert run(journal) == START_S + 60.0
    journal.offer(decision(1))
    assert run(journal) == START_S + 60.0
    disk.fails = False
    assert run(journal) == NEVER
    assert disk.stored == [0, 1]
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING, logging.INFO]
    assert "decisions are not stored, times=2, 2 wait and 0 are lost: news.sqlite" in caplog.text
    assert "decisions are stored again after 2 failures" in caplog.text


def test_the_oldest_are_lost_and_counted_where_the_disk_fails_for_long(disk, monkeypatch):
    monkeypatch.setattr(decision_journal, "MOST_WAITING", 3)
    journal = DecisionJournal(disk)
    disk.fails = True
    for number in range(5):
        journal.offer(decision(number))
    run(journal)
    assert journal.lost == 2
    disk.fails = False
    run(journal)
    assert disk.stored == [2, 3, 4]


def test_what_waits_at_the_end_is_stored(disk, caplog):
    journal = DecisionJournal(disk)
    journal.offer(decision())
    asyncio.run(journal.close())
    assert disk.stored == [0]
    disk.fails = True
    journal.offer(decision(1))
    asyncio.run(journal.close())
    assert "1 decisions are not stored" in caplog.text


def test_in_a_worker_an_offer_reaches_the_store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    worker = Worker("journal-test", [journal := DecisionJournal(store.add_decision)])
    journal._wake = worker.wake
    worker.start()
    try:
        journal.offer(decision())
        assert worker.settle(5.0)
        assert store.decisions() == (decision(),)
    finally:
        assert worker.stop(5.0)
        store.close()
