import asyncio
import json
import logging
import math
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from prometheus_client import generate_latest

from freqai_ext._services.worker import Worker
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.poller import FeaturePoller
from freqai_ext.guardian.schema import SCHEMA
from freqai_ext.guardian.settings import GuardianSettings

START_S = 1_760_000_000.0
INTERVAL_S = 300.0
NAMES = [column.name for column in SCHEMA]


class Clock:
    def __init__(self, now_s=START_S):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class Scan:
    """Answers ``/features`` as Guardian does: what is listed, and a pair that nobody asked for."""

    def __init__(self, guardian):
        self.unknown = set()
        self.failing = set()
        self.journal = None
        self.limit = 40
        self.before_answer = lambda: None
        self.lists = []
        guardian.serve("/features", self)

    def __call__(self, handler):
        query = parse_qs(urlsplit(handler.path).query)
        listed = query["whitelist"][0].split(",")
        self.lists.append(listed)
        assert query["limit"] == ["40"]
        self.before_answer()
        if self.failing & set(listed):
            return self._send(handler, 500, b"Internal Server Error")
        # The pair that nobody asked for has the highest rank.
        symbols = ["UNASKEDUSDT", *(symbol for symbol in listed if symbol not in self.unknown)][: self.limit]
        pairs = [{"symbol": symbol, "trend": "buy", "features": {"change_pct": 1.5}} for symbol in symbols]
        answer = {"pairs": pairs} | ({"executions_path": f"/srv/_data/pnl/{self.journal}"} if self.journal else {})
        return self._send(handler, 200, json.dumps(answer).encode())

    def _send(self, handler, status, body):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class Polled:
    """A poller with a real client, a real store and a clock that a test moves."""

    def __init__(self, url, path, pairs, transport=None, **settings):
        self.settings = GuardianSettings(url=url, features=True, **settings)
        self.pairs = pairs
        self.clock = Clock()
        self.store = FeatureStore(path)
        self.metrics = GuardianMetrics(self.clock)
        self.client = GuardianClient(self.settings, transport=transport)
        self.poller = FeaturePoller(
            self.settings, self.client, self.store, self.metrics, lambda: self.pairs, self.clock
        )

    def run(self, at_s=START_S):
        async def main():
            due_s = await self.poller.run(at_s)
            await self.client.aclose()
            return due_s

        self.clock.now_s = at_s
        return asyncio.run(main())

    def times_s(self, symbol):
        return self.store.read(symbol).times_s.tolist()

    def polls(self, outcome):
        return self.metrics.registry.get_sample_value("freqai_ext_guardian_polls_total", {"outcome": outcome})


@pytest.fixture
def scan(guardian):
    return Scan(guardian)


@pytest.fixture
def polled(guardian, tmp_path):
    made = []

    def make(pairs=("BTC/USDT", "ADA/USDT"), url=None, **options):
        made.append(Polled(url or guardian.url, tmp_path / f"{len(made)}.sqlite", pairs, **options))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def test_what_was_asked_for_is_recorded_and_nothing_else(scan, polled):
    bot = polled(["BTC/USDT:USDT", "ADA/USDT", "ETH/BTC", "BTC/USDT"])
    assert bot.run() == START_S + INTERVAL_S
    assert scan.lists == [["ADAUSDT", "BTCUSDT"]]
    assert bot.store.symbols() == ("ADAUSDT", "BTCUSDT")
    record = bot.store.read("ADAUSDT")
    assert record.times_s.tolist() == [START_S]
    assert record.values[0, NAMES.index("change_pct")] == 1.5
    assert math.isnan(record.values[0, NAMES.index("hourly_rsi")])


def test_rows_are_known_when_the_answer_has_come_not_when_it_was_asked_for(scan, polled):
    bot = polled()
    scan.before_answer = lambda: setattr(bot.clock, "now_s", START_S + 40.0)
    bot.run()
    assert bot.times_s("BTCUSDT") == [START_S + 40.0]


def test_pairs_are_asked_for_in_constant_chunks_one_after_the_other(scan, polled):
    bot = polled([f"C{number:02}/USDT" for number in range(60)])
    at_work = []
    scan.before_answer = lambda: at_work.append(len(scan.lists))
    bot.run()
    bot.pairs = bot.pairs[::-1]
    bot.run(START_S + INTERVAL_S)
    assert [len(listed) for listed in scan.lists] == [25, 25, 10] * 2
    assert scan.lists[:3] == scan.lists[3:]
    assert at_work == [1, 2, 3, 4, 5, 6]
    assert len(bot.store.symbols()) == 60


def test_a_call_that_fails_takes_nothing_from_the_others_and_waits_its_turn(scan, polled, caplog):
    bot = polled([f"C{number:02}/USDT" for number in range(60)])
    scan.failing = {"C30USDT"}
    assert bot.run() == START_S + INTERVAL_S
    assert len(bot.store.symbols()) == 35
    assert (bot.polls("ok"), bot.polls("unavailable")) == (2.0, 1.0)
    assert "no new features, times=1: GET" in caplog.text
    bot.run(START_S + INTERVAL_S - 1.0)
    assert len(scan.lists) == 3
    scan.failing = set()
    bot.run(START_S + INTERVAL_S)
    assert bot.times_s("C30USDT") == [START_S + INTERVAL_S]


def test_being_woken_before_it_is_due_asks_for_nothing(scan, polled):
    bot = polled()
    bot.run()
    for later_s in (1.0, 150.0, 299.0):
        assert bot.run(START_S + later_s) == START_S + INTERVAL_S
    assert len(scan.lists) == 1


def test_a_pair_more_does_not_make_all_calls_due(scan, polled):
    bot = polled([f"C{number:02}/USDT" for number in range(25)])
    bot.run()
    bot.pairs = ["A/USDT", *bot.pairs]
    assert bot.run(START_S + 10.0) == START_S + INTERVAL_S
    assert scan.lists[1:] == [["C24USDT"]]
    bot.run(START_S + INTERVAL_S)
    assert scan.lists[2][0] == "AUSDT"


def test_where_nobody_listens_it_is_tried_every_30_seconds(scan, polled, guardian, caplog):
    bot = polled([f"C{number:02}/USDT" for number in range(60)])
    guardian._halt()
    for round_at_s in range(0, 240, 30):
        assert bot.run(START_S + round_at_s) == START_S + round_at_s + 30.0
    assert bot.polls("unavailable") == 8.0
    # Once for the first, second, fourth and eighth.
    assert sum("no connection" in record.message for record in caplog.records) == 4
    guardian._start(guardian.port)
    caplog.set_level(logging.INFO)
    bot.run(START_S + 240.0)
    assert len(bot.store.symbols()) == 60
    assert "features come again after 8 calls that failed" in caplog.text


def test_a_guardian_that_does_not_answer_in_time_is_left_alone_for_the_interval(polled, monkeypatch):
    def hang(request):
        waited_s[0] += 235.0
        raise httpx.ReadTimeout("timed out", request=request)

    waited_s = [0.0]
    monkeypatch.setattr("freqai_ext.guardian.poller.time.monotonic", lambda: waited_s[0])
    bot = polled(transport=httpx.MockTransport(hang))
    assert bot.run() == START_S + INTERVAL_S
    assert bot.polls("unavailable") == 1.0


def test_a_call_without_an_answer_ends_the_round_and_the_next_one_begins_with_the_others(polled, monkeypatch):
    def answer(request):
        asked.append(request.url.params["whitelist"].count(",") + 1)
        if asked[-1] == 25:
            bot.clock.now_s += 340.0
            raise httpx.ReadTimeout("timed out", request=request)
        return httpx.Response(200, json={"pairs": []})

    asked = []
    monkeypatch.setattr("freqai_ext.guardian.poller.time.monotonic", lambda: bot.clock.now_s)
    bot = polled([f"C{number:02}/USDT" for number in range(40)], transport=httpx.MockTransport(answer))
    again_s = bot.run()
    assert asked == [25]
    assert again_s == START_S + 340.0 + INTERVAL_S
    # What is left out is asked for alone only where Guardian answered all the others.
    assert bot.run(again_s) == again_s + 340.0 + INTERVAL_S
    assert asked == [25, 15, 25]


@pytest.mark.parametrize(
    ("content", "status", "outcome"),
    [
        (b"Internal Server Error", 500, "unavailable"),
        ({"detail": "settings_unavailable"}, 503, "unavailable"),
        ({"detail": "missing_token"}, 401, "denied"),
        ({"detail": "invalid_token"}, 403, "denied"),
        ({"detail": []}, 422, "refused"),
        ([], 200, "invalid"),
        (b"no JSON", 200, "invalid"),
    ],
)
def test_every_failure_is_counted_and_tried_again_after_the_interval(
    guardian, polled, caplog, content, status, outcome
):
    guardian.answer("/features", content, status)
    bot = polled()
    for number in range(5):
        at_s = START_S + number * INTERVAL_S
        assert bot.run(at_s) == at_s + INTERVAL_S
    assert bot.polls(outcome) == 5.0
    assert [record.levelno for record in caplog.records if record.name == "freqai_ext.guardian.poller"] == [
        logging.WARNING
    ] * 3
    assert not any(record.exc_info for record in caplog.records)


def test_the_token_is_in_no_log_line(guardian, polled, caplog):
    caplog.set_level(logging.DEBUG)
    guardian.token = "right"
    bot = polled(token="secret-of-ours")
    bot.run()
    assert bot.polls("denied") == 1.0
    assert "secret-of-ours" not in caplog.text


def test_pairs_that_do_not_come_back_are_named_once_per_change(scan, polled, caplog):
    caplog.set_level(logging.INFO)
    bot = polled()
    scan.unknown = {"ADAUSDT"}
    bot.run()
    bot.run(START_S + INTERVAL_S)
    scan.unknown = set()
    bot.run(START_S + 2 * INTERVAL_S)
    bot.run(START_S + 3 * INTERVAL_S)
    said = [record.message for record in caplog.records if record.name.endswith("poller")]
    assert [text.partition(": ")[2] for text in said] == [
        "no features of ADAUSDT (1 of 2 pairs asked for); see whether they are traded on its network, and whether its "
        "freqai_feature_limit is below the number of pairs",
        "features of all 2 pairs asked for",
    ]
    assert bot.times_s("ADAUSDT") == [START_S + 2 * INTERVAL_S, START_S + 3 * INTERVAL_S]


def test_pairs_that_the_limit_cut_off_are_asked_for_alone_at_the_end_of_the_round(scan, polled, caplog):
    scan.limit = 20
    bot = polled([f"C{number:02}/USDT" for number in range(40)])
    for number in range(2):
        bot.run(START_S + number * INTERVAL_S)
    assert [len(listed) for listed in scan.lists] == [25, 15, 6] * 2
    assert scan.lists[2] == [f"C{number}USDT" for number in range(19, 25)]
    assert len(bot.store.symbols()) == 40
    assert "no features of" not in caplog.text


def test_pairs_that_stay_missing_are_asked_for_alone_once_an_hour(scan, polled):
    bot = polled()
    scan.unknown = {"ADAUSDT"}
    for number in range(13):
        bot.run(START_S + number * INTERVAL_S)
    assert scan.lists[:3] == [["ADAUSDT", "BTCUSDT"], ["ADAUSDT"], ["ADAUSDT", "BTCUSDT"]]
    assert scan.lists.count(["ADAUSDT"]) == 2
    assert scan.lists[-1] == ["ADAUSDT"]


def test_asking_alone_that_fails_is_counted_and_done_again_in_the_next_round(scan, polled, caplog):
    def fail_alone():
        scan.failing = {"ADAUSDT"} if scan.lists[-1] == ["ADAUSDT"] else set()

    caplog.set_level(logging.INFO)
    bot = polled()
    scan.unknown, scan.before_answer = {"ADAUSDT"}, fail_alone
    assert bot.run() == START_S + INTERVAL_S
    assert (bot.polls("ok"), bot.polls("unavailable")) == (1.0, 1.0)
    assert "no features of" not in caplog.text
    scan.before_answer, scan.failing = lambda: None, set()
    bot.run(START_S + INTERVAL_S)
    assert scan.lists == [["ADAUSDT", "BTCUSDT"], ["ADAUSDT"]] * 2
    assert "no features of ADAUSDT (1 of 2 pairs" in caplog.text
    assert "features come again after 1 calls that failed" in caplog.text


@pytest.mark.parametrize(
    ("journal", "testnet", "recorded", "looks"),
    [
        ("executions.mainnet.jsonl", True, True, 0),
        ("executions.testnet.jsonl", False, False, 0),
        ("executions.jsonl", False, True, 1),
        ("executions.jsonl", True, False, 1),
        (None, False, True, 1),
        (None, None, False, 1),
    ],
)
def test_features_of_another_network_are_not_recorded(
    scan, polled, guardian, health_answer, caplog, journal, testnet, recorded, looks
):
    scan.journal = journal
    health_answer["settings"]["testnet"] = testnet
    guardian.answer("/health", health_answer)
    bot = polled([f"C{number:02}/USDT" for number in range(30)], network="mainnet")
    assert bot.run() == START_S + INTERVAL_S
    assert len(bot.store.symbols()) == (30 if recorded else 0)
    assert bot.polls("ok" if recorded else "other_network") == 2.0
    assert [request.path for request in guardian.requests].count("/health") == looks
    assert ("freqai_ext.guardian.network: 'mainnet' is demanded" in caplog.text) is not recorded


def test_any_network_is_recorded_where_none_is_demanded(scan, polled, guardian):
    scan.journal = "executions.testnet.jsonl"
    bot = polled()
    bot.run()
    assert bot.store.symbols() == ("ADAUSDT", "BTCUSDT")
    assert {request.path for request in guardian.requests} == {"/features"}


def test_where_no_network_can_be_told_nothing_is_recorded(scan, polled, guardian):
    guardian.answer("/health", b"Internal Server Error", 500)
    bot = polled(network="mainnet")
    assert bot.run() == START_S + INTERVAL_S
    assert bot.store.symbols() == ()
    assert bot.polls("unavailable") == 1.0


def test_a_clock_that_is_set_back_puts_nothing_off_for_long(scan, polled):
    bot = polled()
    bot.run()
    assert bot.run(START_S - 7200.0) == START_S - 7200.0 + INTERVAL_S
    bot.run(START_S - 7200.0 + INTERVAL_S)
    assert len(scan.lists) == 2


def test_a_disk_that_fails_is_a_warning_and_passes(scan, polled, caplog):
    bot = polled()
    with bot.store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE guardian_features RENAME TO elsewhere")
    assert bot.run() == START_S + INTERVAL_S
    assert bot.polls("not_stored") == 1.0
    assert "it cannot be used as a database (no such table: guardian_features); move it away" in caplog.text
    with bot.store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO guardian_features")
    bot.run(START_S + INTERVAL_S)
    assert bot.times_s("BTCUSDT") == [START_S + INTERVAL_S]


def test_pairs_that_cannot_be_told_are_those_of_before(scan, polled, caplog):
    bot = polled()
    bot.run()
    bot.poller._pairs = lambda: 1 / 0
    bot.run(START_S + INTERVAL_S)
    assert scan.lists[0] == scan.lists[1]
    assert "the pairs are not known (ZeroDivisionError: division by zero)" in caplog.text


def test_without_a_pair_that_guardian_trades_nothing_is_asked(scan, polled):
    assert polled(["ETH/BTC"]).run() == START_S + INTERVAL_S
    assert scan.lists == []


def test_the_metrics_tell_the_age_of_the_newest_features(scan, polled):
    bot = polled()
    bot.run()
    bot.clock.now_s = START_S + 100.0
    page = generate_latest(bot.metrics.registry).decode()
    assert "freqai_ext_guardian_feature_age_seconds 100.0" in page


def test_it_runs_in_a_worker_whenever_its_time_comes(scan, polled):
    bot = polled()
    worker = Worker("poller-test", [bot.poller], bot.clock)
    worker.start()
    try:
        for number in range(3):
            bot.clock.now_s = START_S + number * INTERVAL_S
            assert worker.settle(10.0)
    finally:
        assert worker.stop(5.0)
    assert bot.times_s("BTCUSDT") == [START_S + number * INTERVAL_S for number in range(3)]
