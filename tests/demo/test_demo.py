"""The parts of the demonstration; tests/e2e runs the whole."""

from datetime import UTC, datetime, timedelta

import pytest

from freqai_ext.demo import generated_demo_market, stored_demo_market
from freqai_ext.demo.command import _share_done, run_command
from freqai_ext.demo.market import BACKTEST_DAYS, HISTORY_DAYS, LIVE_DAYS
from freqai_ext.demo.run import _tables, prepare_folder
from freqai_ext.errors import DemoError, MarketDataError, SettingsError


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    return generated_demo_market(tmp_path_factory.mktemp("market"), 7, 24, "spot")


def test_the_generated_market_leaves_room_for_training_and_is_predictable(generated):
    start, end = (datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) for day in generated.timerange.split("-"))
    assert end == generated.live_start == generated.end - timedelta(days=LIVE_DAYS)
    assert end - start == timedelta(days=BACKTEST_DAYS)
    assert start - timedelta(days=HISTORY_DAYS) == datetime(2025, 1, 1, tzinfo=UTC)
    assert all(0.1 < attainable < 0.25 for attainable in generated.attainable.values())


def test_the_newest_candles_of_a_data_directory_are_used(generated):
    stored = stored_demo_market(generated.datadir, "spot")
    assert (stored.pairs, stored.end) == (generated.pairs, generated.end)
    assert stored.attainable == {}


def test_too_few_candles_are_refused_with_the_remedy(generated, tmp_path):
    from pandas import read_feather

    for path in generated.datadir.glob("*-5m.feather"):
        read_feather(path).head(288 * 20).to_feather(tmp_path / path.name)
    with pytest.raises(MarketDataError, match=r"needs 60 days: freqtrade download-data --timeframes 5m 15m 1h --days"):
        stored_demo_market(tmp_path, "spot")


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SettingsError, match="holds files that no demonstration wrote; name another folder"):
        prepare_folder(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_of_an_earlier_demonstration_is_emptied(tmp_path):
    folder = prepare_folder(tmp_path / "out")
    (folder / "old").mkdir()
    assert not (prepare_folder(folder) / "old").exists()


def test_a_failing_command_is_shown_with_the_end_of_its_log(tmp_path):
    shares = []
    with pytest.raises(DemoError, match=r"(?s)offline -- frobnicate\nended with exit code 2; the end of .*frobnicate"):
        run_command(["offline", "--", "frobnicate"], tmp_path, "step", shares.append)
    assert shares == []


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("... Training BTC/USDT, 1/3 pairs from 2025-02-01 to 2025-02-15, 1/2 trains\n", 0.0),
        ("... Training SOL/USDT, 3/3 pairs from 2025-02-01 to 2025-02-15, 2/2 trains\n", 5 / 6),
        ("simulated 40 %\n", 0.4),
        ("anything else\n", None),
    ],
)
def test_progress_is_read_off_the_log(line, share):
    assert _share_done(line) == (None if share is None else pytest.approx(share))


def test_of_freqtrades_report_the_table_by_pair_and_the_summary_are_shown():
    titles = ["BACKTESTING REPORT", "LEFT OPEN TRADES REPORT", "ENTER TAG STATS", "SUMMARY METRICS", "STRATEGY SUMMARY"]
    output = "Result for strategy X\n" + "".join(f"    {title}   \n| row of {title} |\n" for title in titles)
    assert [line.strip() for line in _tables(output).splitlines()] == [
        "BACKTESTING REPORT",
        "| row of BACKTESTING REPORT |",
        "STRATEGY SUMMARY",
        "| row of STRATEGY SUMMARY |",
    ]
