import json
import math
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades import Fee, Fill, find_executions, pair, read_executions


def only(executions):
    assert dict(executions.skipped) == {}
    (fill,) = executions.fills
    return fill


def test_a_line_as_guardian_writes_it_is_read_whole(journal, line):
    fill = only(read_executions(journal(line())))
    assert fill == Fill(
        "LINKUSDT", "sell", 1795195649.201, 22.0, 3.5, Fee(0.077, "quote"), 1795195649.321, "1900000728"
    )
    assert fill.known_at_s == 1795195649.321


def test_a_line_of_the_demo_journal_is_read(journal):
    text = (
        '{"symbol":"SOLUSDT","side":"Sell","execQty":0.472099,"execPrice":149.3355,"execFee":0.042301,'
        '"execTime":1758461783.004071,"isMaker":false,"category":"spot"}'
    )
    fill = only(read_executions(journal(text)))
    assert (fill.symbol, fill.side, fill.time_s) == ("SOLUSDT", "sell", 1758461783.004071)
    assert fill.fee == Fee(0.042301, "quote")
    assert (fill.recorded_at_s, fill.known_at_s) == (None, fill.time_s)


@pytest.mark.parametrize(
    ("field", "written", "seconds"),
    [
        ("execTime", "1795195649201", 1795195649.201),
        ("execTime", 1795195649201, 1795195649.201),
        ("execTime", 1758461783.5, 1758461783.5),
        ("execTime", " 1758461783.5 ", 1758461783.5),
        ("execTimeNs", "1795195649201000000", 1795195649.201),
        ("transactTime", 1795195649, 1795195649.0),
        ("tradeTime", "2026-01-01T00:00:00", 1767225600.0),
        ("created_at", "2026-01-01T02:00:00+02:00", 1767225600.0),
        ("created_at", "2026-01-01 00:00:00.25Z", 1767225600.25),
    ],
)
def test_times_are_read_from_every_alias_in_every_unit(journal, line, field, written, seconds):
    fill = only(read_executions(journal(line(**{"execTime": ..., field: written}))))
    assert fill.time_s == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("useless", [None, "soon", "", -5, 0, True, "1e400", 9e17, [1]])
def test_a_time_that_is_none_leaves_it_to_the_next_alias_and_at_last_to_the_time_of_writing(journal, line, useless):
    assert only(read_executions(journal(line(execTime=useless, tradeTime=1767225600)))).time_s == 1767225600.0
    assert only(read_executions(journal(line(execTime=useless)))).time_s == 1795195649.321
    assert read_executions(journal(line(execTime=useless, ts=...))).skipped == {"time": 1}


@pytest.mark.parametrize(
    ("written", "side"),
    [("Buy", "buy"), ("BID", "buy"), ("long", "buy"), (" sell ", "sell"), ("Ask", "sell"), ("SHORT", "sell")],
)
def test_sides_are_read_in_every_form(journal, line, written, side):
    assert only(read_executions(journal(line(side=written)))).side == side


def test_short_names_and_numbers_as_text_are_read(journal, line):
    text = line(
        symbol=...,
        ticker="link/usdt",
        execPrice=...,
        price="22.5",
        execQty=...,
        size="1e1",
        execFee=...,
        fee="-0.01",
    )
    fill = only(read_executions(journal(text)))
    assert (fill.symbol, fill.price, fill.quantity, fill.fee) == ("LINKUSDT", 22.5, 10.0, Fee(-0.01, "quote"))
    assert only(read_executions(journal(line(execQty="nothing", qty=2)))).quantity == 2.0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"execPrice": 0}, "price"),
        ({"execPrice": -1.0}, "price"),
        ({"execPrice": None}, "price"),
        ({"execPrice": "inf"}, "price"),
        ({"execPrice": math.nan}, "price"),
        ({"execPrice": math.inf}, "price"),
        ({"execPrice": 1e300}, "price"),
        ({"execPrice": True}, "price"),
        ({"execPrice": "1_000"}, "price"),
        ({"execPrice": [22.0]}, "price"),
        ({"execPrice": 10**400}, "price"),
        ({"execQty": "0"}, "quantity"),
        ({"execQty": ...}, "quantity"),
        ({"side": "hold"}, "side"),
        ({"side": 1}, "side"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "XRP/USDT:USDT"}, "symbol"),
        ({"category": "linear"}, "category"),
        ({"execFee": 77.0}, "fee"),
    ],
)
def test_a_line_that_is_no_spot_trade_is_counted_under_the_field_at_fault(journal, line, fields, reason):
    executions = read_executions(journal(line(**fields), line(execKey="good")))
    assert len(executions.fills) == 1
    assert executions.skipped == {reason: 1}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b'{"symbol": "BTC', "not JSON"),
        (b"[1, 2]", "no object"),
        (b'"text"', "no object"),
        (b'{"symbol": "\xff\xfe"}', "not UTF-8"),
        (b"\x00" * 40, "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"note": "' + b"x" * 3_000_000 + b'"}', "too long"),
    ],
)
def test_a_broken_line_is_skipped_and_the_next_one_read(journal, line, broken, reason):
    executions = read_executions(journal(line(execKey="1"), broken, line(execKey="2")))
    assert len(executions.fills) == 2
    assert executions.skipped == {reason: 1}


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_are_no_faults(journal, line):
    path = journal(b"\xef\xbb\xbf" + line(execKey="1").encode() + b"\r", "", "  \t ", line(execKey="2") + "\r", "")
    executions = read_executions(path)
    assert len(executions.fills) == 2
    assert executions.skipped == {}


@pytest.mark.parametrize("cut", [1, 20, 100, -1])
def test_a_torn_last_line_is_left_for_the_next_reading(journal, line, cut):
    torn = line(execKey="2", orderLinkId="приказ").encode()[:cut]
    path = journal(line(execKey="1"), torn, end="")
    executions = read_executions(path)
    assert len(executions.fills) == 1
    assert executions.skipped == {"unfinished last line": 1}


def test_a_last_line_that_only_lacks_its_end_is_read(journal, line):
    assert len(read_executions(journal(line(execKey="1"), line(execKey="2"), end="")).fills) == 2


def test_fills_with_the_same_key_count_once_and_those_without_one_all(journal, line):
    executions = read_executions(journal(line(execKey="a"), line(execKey="a", execPrice=23.0), line(), line()))
    assert [fill.price for fill in executions.fills] == [22.0, 22.0, 22.0]
    assert executions.skipped == {"duplicate": 1}


def test_a_bad_line_does_not_take_the_key_of_the_good_one_after_it(journal, line):
    executions = read_executions(journal(line(execKey="a", execPrice=0), line(execKey="a")))
    assert len(executions.fills) == 1
    assert executions.skipped == {"price": 1}


def test_the_journal_of_the_network_wins_over_the_old_one(tmp_path, journal, line):
    assert find_executions(tmp_path, "mainnet") is None
    old = journal(line(), name="executions.jsonl")
    assert find_executions(tmp_path, "mainnet") == old
    new = journal(line())
    assert find_executions(tmp_path, "mainnet") == new
    assert find_executions(tmp_path, "testnet") == old


def test_a_missing_data_directory_is_named_with_its_setting(tmp_path):
    with pytest.raises(GuardianDataError) as caught:
        find_executions(tmp_path / "gone", "mainnet")
    assert str(caught.value) == (
        f"{tmp_path / 'gone'}: no such directory; write the path of Guardian's data directory (bybit_app/_data) into "
        "freqai_ext.guardian.trades.data_dir"
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(GuardianDataError, match=r"executions\.mainnet\.jsonl: cannot be read \(No such file"):
        read_executions(tmp_path / "executions.mainnet.jsonl")


def test_memory_does_not_hold_the_file(tmp_path, line):
    path = tmp_path / "executions.jsonl"
    path.write_text(f"{line(category='linear', orderLinkId='x' * 4000)}\n" * 2_000)
    tracemalloc.start()
    executions = read_executions(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert executions.skipped == {"category": 2_000}
    assert peak < path.stat().st_size / 4


fields = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=5),
            st.sampled_from(["Buy", "sell", "BTCUSDT", "spot", "USDT", "BTC", "1e18", "1795195649201", "inf", "0.001"]),
            st.lists(st.none(), max_size=1),
        )
        for name in ("symbol", "side", "execPrice", "execQty", "execFee", "execTime", "ts", "category", "feeCurrency")
    },
)
json_lines = fields.map(lambda record: json.dumps(record).encode())
trade_lines = st.builds(
    lambda side, price, quantity, share, at_s, coin: json.dumps(
        {
            "symbol": "BTCUSDT",
            "side": side,
            "execPrice": price,
            "execQty": quantity,
            "execFee": share * quantity * (price if coin == "USDT" else 1.0),
            "execTime": at_s,
            "feeCurrency": coin,
        }
    ).encode(),
    st.sampled_from(["Buy", "Sell"]),
    st.floats(1e-18, 1e18),
    st.floats(1e-18, 1e18),
    st.floats(-0.999, 0.999),
    st.integers(1, 10_000),
    st.sampled_from(["BTC", "USDT"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=60), json_lines, trade_lines), max_size=25), st.sampled_from(["", "\n"]))
def test_whatever_the_lines_hold_only_sound_trades_come_out(journal, lines, end):
    path = journal(*lines, end=end)
    executions = read_executions(path)
    for fill in executions.fills:
        assert fill.side in ("buy", "sell")
        assert 1e-18 <= fill.price <= 1e18
        assert 1e-18 <= fill.quantity <= 1e18
        assert 0.0 < fill.time_s < 7_258_118_400.0
        assert abs(fill.fee.amount) < (fill.quantity if fill.fee.coin == "base" else fill.price * fill.quantity)
    read = len([one for one in path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n") if one.strip()])
    assert len(executions.fills) + sum(executions.skipped.values()) == read
    for trade in pair(executions.fills).trades:
        assert math.isfinite(trade.return_bps)
        assert trade.return_bps > -1e4 - 1e-6
        assert trade.quantity > 0.0
        assert trade.entry_price > 0.0
        assert trade.exit_price > 0.0
        assert trade.holding_min >= 0.0
