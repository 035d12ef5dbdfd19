import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades import CandleGap, convert_candles

HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000
HEADER = "start,open,high,low,close,volume,turnover"


def hourly(count, seed=0, first=0):
    """Freqtrade's frame of candles without gaps, each opening where the last one closed."""
    steps = np.random.default_rng(seed).normal(0.0, 0.01, count + 1)
    price = np.round(100.0 * np.exp(np.cumsum(steps)), 4)
    opened, close = price[:-1], price[1:]
    date = pd.to_datetime(START_MS + HOUR_MS * np.arange(first, first + count), unit="ms", utc=True).as_unit("ms")
    return pd.DataFrame(
        {
            "date": date,
            "open": opened,
            "high": np.maximum(opened, close) + 0.5,
            "low": np.minimum(opened, close) - 0.5,
            "close": close,
            "volume": np.arange(1.0, count + 1.0),
        }
    )


def csv_lines(frame):
    starts = frame["date"].dt.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
    rows = frame.drop(columns="date").to_numpy()
    return [
        f"{start},{','.join(str(float(value)) for value in row)},1000.0"
        for start, row in zip(starts, rows, strict=True)
    ]


@pytest.fixture
def cache(tmp_path):
    """Write a file of Guardian's cache and return the data directory."""

    def write(lines, symbol="BTCUSDT", header=HEADER, end="\n"):
        path = tmp_path / "data" / "ohlcv" / "spot" / symbol / f"{symbol}_1h.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *lines]) + end)
        return tmp_path / "data"

    return write


@pytest.fixture
def datadir(tmp_path):
    return tmp_path / "bybit"


def only(converted):
    (one,) = converted
    return one


def test_candles_are_those_of_the_cache_without_the_unfinished_last_one(cache, datadir):
    frame = hourly(30)
    one = only(convert_candles(cache(csv_lines(frame)), datadir))
    assert (one.symbol, one.pair, one.path) == ("BTCUSDT", "BTC/USDT", datadir / "BTC_USDT-1h.feather")
    assert (one.rows_read, one.rows_added, one.rows) == (30, 29, 29)
    assert (one.dropped, one.gaps, one.suspects, one.refused) == ({"unfinished": 1}, (), 0, None)
    assert (one.first, one.last) == (frame["date"][0], frame["date"][28])
    pd.testing.assert_frame_equal(pd.read_feather(one.path), frame.iloc[:29])


def test_freqtrade_reads_the_file_as_its_own(cache, datadir):
    from freqtrade.data.history import load_pair_history
    from freqtrade.enums import CandleType

    frame = hourly(30)
    convert_candles(cache(csv_lines(frame)), datadir)
    loaded = load_pair_history("BTC/USDT", "1h", datadir, candle_type=CandleType.SPOT, data_format="feather")
    pd.testing.assert_frame_equal(loaded, frame.iloc[:29], check_dtype=False)


def test_candles_that_freqtrade_has_are_kept_and_nothing_is_lost(cache, datadir):
    datadir.mkdir()
    own = hourly(20, seed=1, first=10)
    own.to_feather(datadir / "BTC_USDT-1h.feather")
    guardians = hourly(41)
    one = only(convert_candles(cache(csv_lines(guardians)), datadir))
    merged = pd.read_feather(one.path)
    expected = pd.concat([guardians.iloc[:10], own, guardians.iloc[30:40]], ignore_index=True)
    pd.testing.assert_frame_equal(merged, expected)
    assert (one.rows_added, one.rows) == (20, 40)


def test_converting_twice_changes_nothing_and_does_not_write(cache, datadir):
    data = cache(csv_lines(hourly(30)))
    path = only(convert_candles(data, datadir)).path
    state = path.stat()
    again = only(convert_candles(data, datadir))
    assert (again.rows_added, again.rows) == (0, 29)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (state.st_mtime_ns, state.st_ino)
    assert [one.name for one in datadir.iterdir()] == ["BTC_USDT-1h.feather"]


def test_gaps_are_listed_from_the_first_missing_to_the_next_candle(cache, datadir):
    frame = hourly(30).drop([5, 12, 13, 14])
    one = only(convert_candles(cache(csv_lines(frame)), datadir))
    hour = pd.Timedelta("1h")
    first = hourly(1)["date"][0]
    assert one.gaps == (
        CandleGap(first + 5 * hour, first + 6 * hour, 1),
        CandleGap(first + 12 * hour, first + 15 * hour, 3),
    )


def test_rows_are_sorted_and_faulty_ones_counted_by_reason(cache, datadir):
    lines = csv_lines(hourly(12))
    good = lines[0].split(",")
    faulty = {
        "not a number": [",".join([*good[:4], "nan", *good[5:]]), ",".join([*good[:2], "inf", *good[3:]]), ",,,,,,"],
        "price not positive or volume negative": [",".join([good[0], "0", *good[2:]])],
        "high or low inconsistent": [",".join([*good[:2], "1.0", *good[3:]])],
        "start not on the hour": [",".join([str(START_MS + 60_000), *good[1:]]), ",".join(["1767225600", *good[1:]])],
        "malformed": ["1767225600000,1.0", ",".join([*good, "7"])],
        "duplicate": [lines[4]],
    }
    lines = lines[6:] + [line for group in faulty.values() for line in group] + lines[:6]
    one = only(convert_candles(cache(["", *lines]), datadir))
    assert one.dropped == {reason: len(group) for reason, group in faulty.items()} | {"unfinished": 1}
    assert one.rows_read == 12 + 10
    pd.testing.assert_frame_equal(pd.read_feather(one.path), hourly(12).iloc[:11])


def test_the_cut_off_row_of_a_file_being_written_is_left_out(cache, datadir):
    lines = csv_lines(hourly(12))
    one = only(convert_candles(cache([*lines[:-1], lines[-1][:20]], end=""), datadir))
    assert one.dropped == {"malformed": 1, "unfinished": 1}
    assert one.rows == 10


def test_a_former_last_row_that_was_never_corrected_is_suspected(cache, datadir, tmp_path):
    frame = hourly(30)
    unfinished = frame["close"].copy()
    unfinished[[7, 28]] *= 1.001
    frame["close"] = unfinished
    frame["high"] = frame[["high", "close"]].max(axis=1)
    data = cache(csv_lines(frame))
    kept = only(convert_candles(data, datadir))
    assert (kept.suspects, kept.rows) == (2, 29)
    dropped = only(convert_candles(data, tmp_path / "other", drop_suspects=True))
    assert (dropped.suspects, dropped.rows, dropped.dropped["suspect"]) == (0, 27, 2)
    assert frame["date"][7] not in set(pd.read_feather(dropped.path)["date"])


def test_the_row_before_a_gap_is_suspected_wherever_the_price_goes_on(cache, datadir, tmp_path):
    frame = hourly(30)
    frame.loc[6, "close"] = frame.loc[8, "open"]
    frame[["high", "low"]] += [5.0, -5.0]
    frame = frame.drop([7, 20, 21])
    data = cache(csv_lines(frame))
    assert only(convert_candles(data, datadir)).suspects == 2
    dropped = only(convert_candles(data, tmp_path / "other", drop_suspects=True))
    missing = set(frame["date"][:-1]) - set(pd.read_feather(dropped.path)["date"])
    assert missing == {frame["date"][6], frame["date"][19]}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("timestamp,open,high,low,close,volume", "demo file: times in seconds, not on the hour"),
        ("start,open,high,low,volume", "no column close"),
        ("", "no column start, open, high, low, close, volume"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_reason(cache, datadir, header, reason):
    data = cache(["1758461783,1,1,1,1,1"], header=header)
    one = only(convert_candles(data, datadir))
    assert one.refused.startswith(reason)
    assert (one.pair, one.rows, one.path) == ("BTC/USDT", 0, None)
    assert not datadir.exists()


def test_only_pairs_against_usdt_are_converted_and_strange_folders_passed_over(cache, datadir):
    lines = csv_lines(hourly(5))
    for symbol in ("BTCUSDT", "ETHUSDC", "USDT", "1000PEPEUSDT", "A.BUSDT"):
        data = cache(lines, symbol)
    (data / "ohlcv" / "spot" / "BTCUSDT" / "ETHUSDT_1h.csv").write_text("")
    (data / "ohlcv" / "spot" / "empty").mkdir()
    converted = convert_candles(data, datadir)
    assert {one.symbol: one.refused for one in converted} == {
        "1000PEPEUSDT": None,
        "A.BUSDT": "not quoted in USDT",
        "BTCUSDT": None,
        "ETHUSDC": "not quoted in USDT",
        "USDT": "not quoted in USDT",
    }
    assert {path.name for path in datadir.iterdir()} == {"1000PEPE_USDT-1h.feather", "BTC_USDT-1h.feather"}


def test_a_file_of_freqtrades_that_cannot_be_read_is_left_alone(cache, datadir):
    datadir.mkdir()
    path = datadir / "BTC_USDT-1h.feather"
    path.write_bytes(b"nonsense")
    one = only(convert_candles(cache(csv_lines(hourly(5))), datadir))
    assert one.refused == f"{path} is not a readable feather file; move it away, or download it again with Freqtrade"
    assert path.read_bytes() == b"nonsense"
    hourly(5).drop(columns="volume").to_feather(path)
    assert "has no column volume" in only(convert_candles(cache(csv_lines(hourly(5))), datadir)).refused


def test_a_cache_of_one_row_has_no_finished_candle(cache, datadir):
    one = only(convert_candles(cache(csv_lines(hourly(1))), datadir))
    assert (one.refused, one.rows, one.path) == ("no finished candle", 0, None)
    assert not datadir.exists()


def test_a_missing_cache_is_an_error_that_names_it(tmp_path, datadir):
    with pytest.raises(GuardianDataError) as caught:
        convert_candles(tmp_path, datadir)
    assert str(caught.value) == (
        f"{tmp_path / 'ohlcv' / 'spot'}: no such directory; give Guardian's data directory (bybit_app/_data), which "
        "holds its candle cache once it has run"
    )


def test_a_data_directory_that_cannot_be_written_is_an_error_that_names_the_file(cache, datadir):
    datadir.write_text("a file")
    with pytest.raises(GuardianDataError, match=r"BTC_USDT-1h\.feather: cannot be written \(.+\); check --datadir"):
        convert_candles(cache(csv_lines(hourly(5))), datadir)


cells = st.one_of(
    st.text(max_size=6),
    st.floats().map(str),
    st.integers().map(str),
    st.integers(0, 5).map(lambda hour: str(START_MS + hour * HOUR_MS)),
    st.sampled_from(["1", "2.5", "", "9" * 400]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, min_size=5, max_size=8), max_size=6), st.integers(0, 4))
def test_whatever_the_cells_hold_only_sound_candles_come_out(cache, tmp_path_factory, rows, place):
    datadir = tmp_path_factory.mktemp("bybit")
    lines = csv_lines(hourly(4))
    lines[place:place] = [",".join(row).encode("utf-8", "replace").decode() for row in rows]
    one = only(convert_candles(cache(lines), datadir))
    assert one.rows >= 3
    stored = pd.read_feather(one.path)
    numbers = stored.drop(columns="date")
    assert np.isfinite(numbers).all(axis=None)
    assert (numbers[["open", "high", "low", "close"]] > 0.0).all(axis=None)
    assert stored["date"].is_monotonic_increasing
    assert stored["date"].is_unique
    assert (stored["date"].dt.minute == 0).all()
    assert one.rows_read == one.rows_added + sum(one.dropped.values())
