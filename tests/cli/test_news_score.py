"""``freqai-ext news score`` with a language model: estimate, confirmation, whitelist, budget, progress, judges."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from freqai_ext._settings import parse_settings
from freqai_ext.cli.app import app
from freqai_ext.errors import FreqaiExtError, NewsDataError
from freqai_ext.news.records import Article
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.standins import Fault, NewsStandIns, StandInSettings
from freqai_ext.news.store import NewsStore
from freqai_ext.strategies._news import ReplayDesk

HOURS = 6
ASSETS = ("BTC", "DOGE", "ETH")
START_S = 1_738_400_400.0


@pytest.fixture(scope="module")
def services():
    with NewsStandIns(StandInSettings()) as running:
        yield running


@pytest.fixture
def database(tmp_path):
    """Write a store with an article on each asset at each of some hours."""
    path = tmp_path / "news.sqlite"
    store = NewsStore(path)
    store.add_articles(
        Article(f"{asset}{hour}", f"{asset} rallies {hour}", "", "", (asset,), None, START_S + 3_600.0 * hour)
        for asset in ASSETS
        for hour in range(HOURS)
    )
    store.close()
    return path


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def news(*words):
    """Run ``freqai-ext news`` in this process, where standard input is no terminal, as the program itself would."""
    result = CliRunner().invoke(app, ["news", *map(str, words)], env={"COLUMNS": "200"})
    if isinstance(result.exception, FreqaiExtError):
        return Done(2, result.stdout, f"{result.stderr}error: {result.exception}\n")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def score(services, database, tmp_path):
    """Run the command: ``score(*words, more={}, pairs=[...])``."""
    services.remove_faults()

    def run(*words, more=None, pairs=("BTC/USDT", "ETH/USDT"), **endpoint):
        section = services.section()
        section["llm"]["endpoints"][0] |= {"trained_until": "2024-06-30", **endpoint}
        config = {"freqai_ext": {"news": {**section, **(more or {})}}, "exchange": {"pair_whitelist": list(pairs)}}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        command = ["score", "--judge", "llm", "--database", database, "-c", path, "--userdir", tmp_path, *words]
        return news(*command)

    return run


def calls(services):
    return services.state()["requests"]["llm"].get("POST /v1/chat/completions", 0)


def judged(database):
    store = NewsStore(database)
    try:
        return store.verdicts()
    finally:
        store.close()


def test_without_a_terminal_the_estimate_is_printed_and_nothing_is_asked_without_yes(services, score, database):
    before = calls(services)
    done = score(usd_per_million_input_tokens=10.0, usd_per_million_output_tokens=20.0)
    assert done.returncode == 2
    assert (
        "12 questions to stand-in about 2 assets (58 moments with news, 46 without anything new, 0 known before): about"
    ) in done.stderr
    assert "0.0 h at 3 s a question and 4 at once, about 0." in done.stderr
    assert "USD" in done.stderr
    assert "error: nothing was asked: without a terminal nobody can confirm the estimate; run it again with --yes" in (
        done.stderr
    )
    assert calls(services) == before
    assert judged(database) == ()


def test_with_yes_the_assets_of_the_whitelist_are_judged_once_and_progress_is_lines(services, score, database):
    before = calls(services)
    done = score("--yes")
    assert done.returncode == 0, done.stderr
    assert "12 verdicts of stand-in stored, 0 known before, 0 failed, of 58 moments with news" in done.stdout
    assert {verdict.asset for verdict in judged(database)} == {"BTC", "ETH"}
    assert {verdict.judge for verdict in judged(database)} == {"llm:stand-in:2"}
    assert "; set usd_per_million_input_tokens and usd_per_million_output_tokens" in done.stderr
    progress = [line for line in done.stderr.splitlines() if line.endswith(" questions")]
    assert 5 <= len(progress) <= 12
    assert progress[-1] == "12 of 12 questions"
    assert calls(services) == before + 12
    again = score("--yes")
    assert "0 verdicts of stand-in stored, 12 known before" in again.stdout
    assert calls(services) == before + 12


@pytest.mark.parametrize(
    ("words", "pairs", "assets"),
    [
        (("--assets", "doge"), ["BTC/USDT"], {"DOGE"}),
        ((), ["(ETH|DOGE)/USDT:USDT"], {"ETH", "DOGE"}),
        ((), [".*/USDT"], {"BTC", "ETH", "DOGE"}),
    ],
)
def test_assets_are_those_of_the_option_or_of_the_pairs(score, database, words, pairs, assets):
    done = score("--yes", *words, pairs=pairs)
    assert done.returncode == 0, done.stderr
    assert {verdict.asset for verdict in judged(database)} == assets


def test_pairs_without_news_are_refused(services, score):
    before = calls(services)
    done = score("--yes", pairs=["TON/USDT"])
    assert done.returncode == 2
    assert "exchange.pair_whitelist: none of the assets of its 1 pairs has news in" in done.stderr
    assert calls(services) == before


def test_without_pairs_and_assets_it_is_refused(services, score):
    before = calls(services)
    done = score("--yes", pairs=[])
    assert done.returncode == 2
    assert "exchange.pair_whitelist: empty, so that it is not known which assets are to be judged" in done.stderr
    assert calls(services) == before


def test_a_budget_ends_the_run_in_good_order_and_the_next_day_s_goes_on(services, score, database):
    before = calls(services)
    done = score("--yes", more={"scoring": {"questions_per_day": 5}})
    assert done.returncode == 0, done.stderr
    assert "freqai_ext.news.scoring allows 5 questions now; the others are left to later runs" in done.stderr
    assert "7 questions are left: the 5 questions of 24 hours are spent; run it again later" in done.stderr
    assert calls(services) == before + 5
    assert "5 known before" in score("--yes", more={"scoring": {"questions_per_day": 5}}).stdout
    assert calls(services) == before + 5
    assert "7 verdicts of stand-in stored, 5 known before" in score("--yes").stdout


def test_a_limited_rate_costs_time_and_no_question(services, score, database):
    services.add_fault(Fault(kind="limited_429", service="llm", end_s=time.time() + 6.0, seconds=4, as_date=True))
    done = score("--yes", more={"llm": {**services.section()["llm"], "deadline_s": 2.0}})
    assert done.returncode == 0, done.stderr
    assert "12 verdicts of stand-in stored, 0 known before, 0 failed" in done.stdout
    assert len(judged(database)) == 12


def test_a_run_that_is_killed_goes_on_without_asking_twice(services, score, database, tmp_path):
    services.change(llm_latency_s=1.0)
    try:
        before = calls(services)
        score("--assets", "BTC")
        command = ["--judge", "llm", "--database", str(database), "-c", str(tmp_path / "config.json"), "--yes"]
        running = subprocess.Popen(
            [sys.executable, "-m", "freqai_ext", "news", "score", *command, "--userdir", str(tmp_path)],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60.0
        while len(judged(database)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        running.kill()
        running.wait()
    finally:
        services.change(llm_latency_s=0.0)
    stored = len(judged(database))
    assert 4 <= stored < 12
    assert f"{stored} known before" in score("--yes").stdout
    # What was under way when it was killed is asked again: four at most.
    assert calls(services) - before <= 12 + 4


def test_two_judges_are_told_apart_and_a_backtest_must_choose(score, database, tmp_path):
    assert score("--yes").returncode == 0
    assert news("score", "--assets", "BTC", "--database", database).returncode == 0
    told = news("stats", "--database", database).stdout
    assert "judges: 12 llm:stand-in:2, 6 lexicon:lexicon-1:1" in told

    def desk(**changes):
        return ReplayDesk(parse_settings(NewsSettings, changes, "freqai_ext.news"), database, 3_600.0)

    with pytest.raises(NewsDataError, match=r"verdicts of 2 judges.*lexicon:lexicon-1:1 \(6 verdicts\).*--judge NAME"):
        desk()
    at_s = START_S + 3_600.0 * HOURS
    assert desk(judge="lexicon").newest("BTC", at_s).judge == "lexicon:lexicon-1:1"
    assert desk(judge="llm").newest("BTC", at_s).judge == "llm:stand-in:2"
    assert desk(judge="lexicon").newest("ETH", at_s) is None
    config = tmp_path / "backtest.json"
    config.write_text(json.dumps({"freqai_ext": {"news": {"database": str(database)}}}))
    command = ["backtesting", "-c", str(config), "--userdir", str(tmp_path)]

    def refusal(*words):
        return news("backtest", *words, "--", *command)

    done = refusal()
    assert done.returncode == 2
    assert (
        "verdicts of 2 judges, which must not mix: lexicon:lexicon-1:1 (6 verdicts), llm:stand-in:2 (12" in done.stderr
    )
    assert "none of its judges is 'gpt'" in refusal("--judge", "gpt").stderr
