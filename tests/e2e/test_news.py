"""The hybrid strategy with the real bot, the real backtest and hyperopt, and real HTTP servers."""

import json
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freqai_ext.news.records import Verdict
from freqai_ext.news.standins import NewsStandIns
from freqai_ext.news.store import NewsStore
from freqai_ext.scaffold import HYBRID_CONFIG_NAME

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
TIMERANGE = "20250115-20250121"
COVERAGE = re.compile(r"(\S+): a valid verdict on ([\d.]+) % of (\d+) candles, ([\d.]+) % of these tainted")


def record(database, sentiment="positive", hours=24, trained_until_s=None):
    """Record a verdict on BTC at the end of every hour of some hours of a day; none on ETH."""
    start_s = datetime(2025, 1, 17, tzinfo=UTC).timestamp()
    store = NewsStore(database)
    store.add_verdicts(
        Verdict(
            id=f"verdict-{hour}",
            asset="BTC",
            available_at_s=start_s + 3_600 * hour,
            impact_score=0.6,
            sentiment=sentiment,
            confidence=0.8,
            reasoning="made up",
            model="test",
            prompt_version="1",
            prompt_sha256=f"{hour:064x}",
            article_ids=(),
            origin="synthetic",
            bot="test",
            trained_until_s=trained_until_s,
        )
        for hour in range(hours)
    )
    store.close()


@pytest.fixture
def options(spot, tmp_path):
    """Return the options of the strategy's starting configuration on the workplace's market."""
    config = json.loads((spot.userdir / HYBRID_CONFIG_NAME).read_text())
    config |= spot.exchange.exchange_config(spot.pairs)
    config["freqai_ext"]["news"] |= {"database": str(tmp_path / "news.sqlite")}
    config["freqai_ext"]["hybrid"] |= {"rsi_period": 7, "rsi_oversold": 35, "max_contradiction_bps": 10_000}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return ["-c", str(path), "--userdir", str(spot.userdir), "--timerange", TIMERANGE]


def backtest(spot, options, folder):
    """Return log and trades of a backtest."""
    folder.mkdir()
    log = spot.freqtrade("backtesting", *options, "--cache", "none", "--backtest-directory", str(folder))
    (path,) = folder.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        (results,) = json.loads(archive.read(f"{path.stem}.json"))["strategy"].values()
    return log, results["trades"]


def test_a_backtest_enters_where_a_recorded_verdict_confirms_and_says_what_it_covers(spot, options, tmp_path):
    record(tmp_path / "news.sqlite", trained_until_s=datetime(2025, 1, 17, 12, tzinfo=UTC).timestamp())
    log, trades = backtest(spot, options, tmp_path / "with")
    assert log.complaints() == []
    found = {
        pair: (float(share), int(rows), float(tainted)) for pair, share, rows, tainted in COVERAGE.findall(log.text)
    }
    share, rows, tainted = found["BTC/USDT"]
    # From midnight, the first close at which the first is there, to 90 minutes after the last, at 23:00.
    assert round(share * rows / 100) == 24 * 4 + 3
    assert 40 < tainted < 60
    assert found["ETH/USDT"][0] == 0.0
    assert trades
    assert {trade["pair"] for trade in trades} == {"BTC/USDT"}
    opened = [datetime.fromisoformat(trade["open_date"]) for trade in trades]
    assert all(datetime(2025, 1, 17, tzinfo=UTC) <= at <= datetime(2025, 1, 18, 0, 30, tzinfo=UTC) for at in opened)


def test_a_backtest_without_recorded_news_enters_nothing_and_says_so(spot, options, tmp_path):
    log, trades = backtest(spot, options, tmp_path / "without")
    assert trades == []
    assert "no recorded news, so there is no verdict at any time" in log.text
    assert {float(share) for _, share, _, _ in COVERAGE.findall(log.text)} == {0.0}


def test_hyperopt_tries_rules_in_two_processes_on_recorded_news(spot, options, tmp_path):
    record(tmp_path / "news.sqlite")
    more = ["--spaces", "buy", "--hyperopt-loss", "SharpeHyperOptLoss", "-e", "4", "-j", "2"]
    log = spot.freqtrade("hyperopt", *options, *more)
    assert "Hyperopt results" in log.text
    assert {pair for pair, *_ in COVERAGE.findall(log.text)} == {"BTC/USDT", "ETH/USDT"}


def test_a_simulation_leaves_the_services_of_the_configuration_alone(spot, options, tmp_path, monkeypatch):
    database, config_path = tmp_path / "news.sqlite", Path(options[1])
    with NewsStandIns() as services:
        config = json.loads(config_path.read_text())
        config["freqai_ext"]["news"] |= services.section()
        config_path.write_text(json.dumps(config))
        monkeypatch.setenv("FREQTRADE__FREQAI_EXT__NEWS__PERPLEXICA__URL", services.perplexica_url)
        bot = ["--data", str(spot.datadir), "--", "trade", *options[:4]]
        log = spot.ext("simulate", "--days", "0.01", "--start", "2025-01-13", *bot, expected_code=2)
        asked = services.state()["requests"]
    assert "freqai_ext.news: its services are left alone in this run; with --news others stand in for them" in log.text
    assert asked == {service: {} for service in asked}
    assert not database.exists()


def test_faults_of_all_services_cost_no_candle_and_let_no_entry_pass_without_a_verdict():
    # Others use the processor too: what a callback takes is judged where the program runs alone.
    command = [sys.executable, "-m", "benchmarks.news_faults", "--days", "0.1", "--callback-ms", "250"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "missed candles: none" in done.stdout
    assert "complaints: none" in done.stdout
    assert re.search(r"second: [1-9]\d* of \d+ decisions cite verdicts of first, [1-9]\d* of them entries", done.stdout)


def test_the_demonstration_shows_the_circle(spot, tmp_path):
    said = spot.ext("demo", "--news", "--output", str(tmp_path / "demo")).text
    assert re.search(r"8 hours in \d+ s, [1-9]\d* trades opened, \d+ closed, 0 errors in the log", said)
    made, read_back, written = (
        int(re.search(text, said)[1])
        for text in (r"(\d+) verdicts made", r"(\d+) of \d+ verdicts written", r"\d+ of (\d+) verdicts written")
    )
    assert made == written
    assert made >= read_back >= made - 3 > 0
    assert re.search(r"BTC +│ +\d+ +│ .* stand-in", said)
    assert re.search(r"[1-9]\d* wrong_sentiment", said)
    assert re.search(r"BTC/USDT +│ +32 +│ +\d+\.\d% +│ +0\.0% +│ +[1-9]\d* +│ +[1-9]", said)
    assert re.search(r"BTC/USDT +│ allowed +│ confirmed +│ [0-9a-f]{8} +│ 0\.\d\d +│ positive", said)
    assert re.search(r"with news +│ +[1-9]", said)
    assert re.search(r"RSI only +│ +[1-9]", said)
