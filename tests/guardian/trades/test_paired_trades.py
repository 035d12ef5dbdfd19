import json
from dataclasses import replace

import pytest

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades import ClosedTrade, find_paired_trades, read_paired_trades

NAME = "trades.mainnet.jsonl"


def row(**fields):
    record = {
        "symbol": "LINKUSDT",
        "entry_ts": 1795190000000,
        "exit_ts": 1795193600000,
        "hold_sec": 3600.0,
        "qty": 2.0,
        "entry_vwap": 100.0,
        "exit_vwap": 103.0,
        "fees": 0.4,
        "entry_value": 200.0,
        "exit_value": 206.0,
        "gross_pnl": 6.0,
        "net_pnl": 5.6,
        "bps_realized": 280.0,
        "slippage_bps": 1.5,
        "note": None,
        **fields,
    }
    return json.dumps({name: value for name, value in record.items() if value is not ...})


def test_a_row_becomes_a_closed_trade(journal):
    paired = read_paired_trades(journal(row(), name=NAME))
    (trade,) = paired.trades
    assert trade.return_bps == pytest.approx(280.0)
    expected = ClosedTrade("LINKUSDT", 1795190000.0, 1795193600.0, 2.0, 100.0, 103.0, 0.4, 280.0, 60.0, 1.5)
    assert replace(trade, return_bps=280.0) == expected
    assert (paired.skipped, paired.torn) == ({}, False)


def test_what_is_null_is_reckoned_from_the_rest(journal):
    text = row(entry_ts=None, fees="0.4", net_pnl=None, slippage_bps=None)
    (trade,) = read_paired_trades(journal(text, name=NAME)).trades
    assert (trade.opened_at_s, trade.return_bps, trade.slippage_bps) == (1795190000.0, pytest.approx(280.0), None)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"exit_ts": None}, "exit_ts"),
        ({"entry_ts": None, "hold_sec": None}, "entry_ts"),
        ({"entry_ts": 1795193600001}, "entry_ts"),
        ({"qty": None}, "qty"),
        ({"entry_vwap": 0}, "entry_vwap"),
        ({"exit_vwap": "nan"}, "exit_vwap"),
        ({"symbol": None}, "symbol"),
    ],
)
def test_a_row_without_what_a_trade_needs_is_counted(journal, fields, reason):
    paired = read_paired_trades(journal(row(**fields), row(), name=NAME))
    assert len(paired.trades) == 1
    assert paired.skipped == {reason: 1}


@pytest.mark.parametrize("torn", ["", row() + "\n" + row()[:40]])
def test_a_torn_file_is_read_again_until_it_is_whole(journal, torn):
    path = journal(torn, name=NAME, end="")
    pauses = []

    def finish(pause_s):
        pauses.append(pause_s)
        if len(pauses) == 2:
            journal(row(), row(symbol="BTCUSDT"), name=NAME)

    paired = read_paired_trades(path, finish)
    assert [trade.symbol for trade in paired.trades] == ["LINKUSDT", "BTCUSDT"]
    assert not paired.torn
    assert pauses == [0.02, 0.02]


def test_a_file_that_stays_torn_gives_what_it_has_and_says_so(journal):
    pauses = []
    paired = read_paired_trades(journal(row(), row()[:30], name=NAME, end=""), pauses.append)
    assert (len(paired.trades), paired.torn, len(pauses)) == (1, True, 2)
    assert paired.skipped == {"unfinished last line": 1}


def test_a_file_that_stays_empty_is_whole(journal):
    """Guardian writes one where every sell has another link than its buy: "AI-SL-..." and "AI-..."."""
    pauses = []
    paired = read_paired_trades(journal("", name=NAME, end=""), pauses.append)
    assert (paired.trades, paired.skipped, paired.torn, len(pauses)) == ((), {}, False, 2)


def test_of_rows_that_guardian_repeats_without_a_link_the_first_counts(journal):
    # As seen at the real one: 755 rows of 90 trades.
    rows = []
    for number in range(755):
        times = {"entry_ts": 1795190000000 + number, "exit_ts": 1795193600000 + 60_000 * (number % 90)}
        rows.append(row(**times, entry_vwap=100.0 + number / 1_000, qty=2.0 - number / 1_000, orderLinkId=None))
    linked = [row(orderLinkId=f"AI-{number}") for number in range(2)]
    paired = read_paired_trades(journal(*rows, *linked, name=NAME))
    assert len(paired.trades) == 90 + 2
    assert paired.skipped == {"repeated": 755 - 90}
    assert [trade.entry_price for trade in paired.trades[:2]] == [100.0, 100.001]


def test_the_list_of_the_other_network_is_not_taken(tmp_path, journal):
    path = journal(row(), name=NAME)
    assert find_paired_trades(tmp_path, "mainnet") == path
    assert find_paired_trades(tmp_path, "testnet") is None


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GuardianDataError, match=r"trades\.mainnet\.jsonl: cannot be read \(No such file"):
        read_paired_trades(tmp_path / NAME)
