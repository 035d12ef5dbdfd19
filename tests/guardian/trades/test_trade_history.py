import json
import logging

import pytest

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades import TradeHistory


def fills(line, start_s, hour, *, price=101.0, symbol="BTCUSDT"):
    at_ms = int(1000 * (start_s + 3600 * hour))
    common = {"symbol": symbol, "execQty": 1.0, "execFee": 0.0}
    return (
        line(**common, side="Buy", execPrice=100.0, execTime=at_ms, ts=at_ms, execKey=f"b{hour}"),
        line(**common, side="Sell", execPrice=price, execTime=at_ms + 60_000, ts=at_ms + 60_300, execKey=f"s{hour}"),
    )


def listed(start_s, hour, slippage_bps=2.5, symbol="BTCUSDT"):
    at_ms = int(1000 * (start_s + 3600 * hour))
    return json.dumps(
        {
            "symbol": symbol,
            "entry_ts": at_ms,
            "exit_ts": at_ms + 60_500,
            "qty": 1.0,
            "entry_vwap": 100.0,
            "exit_vwap": 101.0,
            "fees": 0.0,
            "slippage_bps": slippage_bps,
        }
    )


def test_a_guardian_that_has_not_traded_has_no_trades(tmp_path):
    assert TradeHistory(tmp_path, "mainnet").trades() == ()


def test_a_missing_directory_is_an_error(tmp_path):
    with pytest.raises(GuardianDataError, match="no such directory; write the path of Guardian's data directory"):
        TradeHistory(tmp_path / "gone", "mainnet").trades()


def test_files_are_read_again_only_when_they_have_changed(tmp_path, journal, line, start_s, caplog):
    history = TradeHistory(tmp_path, "mainnet")
    with caplog.at_level(logging.INFO, logger="freqai_ext"):
        journal(*fills(line, start_s, 1))
        first = history.trades()
        assert history.trades() is first
        assert len(caplog.records) == 1
        journal(*fills(line, start_s, 1), *fills(line, start_s, 2))
        assert len(history.trades()) == 2
    assert len(caplog.records) == 2
    assert "4 fills, 2 closed trades; skipped lines: none" in caplog.text


def test_slippage_comes_from_guardians_list_where_the_exits_meet(tmp_path, journal, line, start_s):
    journal(*fills(line, start_s, 1), *fills(line, start_s, 2), *fills(line, start_s, 3, symbol="ETHUSDT"))
    journal(listed(start_s, 1, 2.5), listed(start_s, 2.5, 9.0), listed(start_s, 3, 7.0), name="trades.mainnet.jsonl")
    trades = TradeHistory(tmp_path, "mainnet").trades()
    assert [(one.symbol, one.slippage_bps) for one in trades] == [
        ("BTCUSDT", 2.5),
        ("BTCUSDT", None),
        ("ETHUSDT", None),
    ]
    # Not known before Guardian's list could have had it.
    assert trades[0].known_at_s == start_s + 3600 + 60.5
    assert trades[1].known_at_s == pytest.approx(start_s + 7200 + 60.3)


def test_an_empty_list_leaves_the_fills_and_is_not_read_over_and_over(tmp_path, journal, line, start_s, caplog):
    journal(*fills(line, start_s, 1), *fills(line, start_s, 2))
    journal("", name="trades.mainnet.jsonl", end="")
    history = TradeHistory(tmp_path, "mainnet")
    with caplog.at_level(logging.INFO, logger="freqai_ext"):
        first = history.trades()
        assert len(first) == 2
        assert history.trades() is first
    assert len(caplog.records) == 1


def test_the_list_stands_in_for_a_missing_journal(tmp_path, journal, start_s):
    journal(listed(start_s, 2), listed(start_s, 1), name="trades.mainnet.jsonl")
    trades = TradeHistory(tmp_path, "mainnet").trades()
    assert [one.closed_at_s for one in trades] == [start_s + 3660.5, start_s + 7260.5]
    assert trades[0].return_bps == pytest.approx(100.0)


def test_a_torn_list_is_looked_at_again_next_time(tmp_path, journal, line, start_s):
    journal(*fills(line, start_s, 1))
    path = journal(listed(start_s, 1)[:50], name="trades.mainnet.jsonl", end="")
    history = TradeHistory(tmp_path, "mainnet")
    assert history.trades()[0].slippage_bps is None
    path.write_text(listed(start_s, 1) + "\n")
    assert history.trades()[0].slippage_bps == 2.5
