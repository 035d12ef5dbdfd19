import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from freqai_ext.cli._guardian_candles import candles
from freqai_ext.errors import GuardianDataError

HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000


def run(data, datadir, *arguments):
    app = typer.Typer()
    app.command()(candles)
    command = ["--guardian-data", str(data), "--datadir", str(datadir), *arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


@pytest.fixture
def data(tmp_path):
    def write(symbol, hours, header="start,open,high,low,close,volume,turnover", closes=()):
        folder = tmp_path / "ohlcv" / "spot" / symbol
        folder.mkdir(parents=True)
        rows = [f"{START_MS + hour * HOUR_MS},100,130,90,{dict(closes).get(hour, 100)},5,500" for hour in hours]
        (folder / f"{symbol}_1h.csv").write_text("\n".join([header, *rows]) + "\n")
        return tmp_path

    return write


def test_the_table_tells_rows_span_gaps_and_what_was_left_out(data, tmp_path):
    data("BTCUSDT", [0, 1, 2, 5, 6, 7])
    data("ETHUSDC", range(3))
    result = run(data("SOLUSDT", range(3), header="timestamp,open,high,low,close,volume"), tmp_path / "bybit")
    assert result.exit_code == 0
    lines = {line.split()[0]: " ".join(line.split()) for line in result.output.splitlines() if line.strip()}
    assert lines["BTC/USDT"] == (
        "BTC/USDT 5 5 2026-01-01 00:00 to 2026-01-01 06:00 1 (2 candles): 2026-01-01 03:00 (2) 1 1 unfinished"
    )
    assert lines["ETHUSDC"] == "ETHUSDC not quoted in USDT"
    assert lines["SOL/USDT"].startswith("SOL/USDT demo file: times in seconds")
    assert "Suspect" in result.output


def test_nothing_is_suspect_where_each_candle_opens_at_the_last_close(data, tmp_path):
    assert "Suspect" not in run(data("BTCUSDT", range(6)), tmp_path / "bybit").output


def test_suspect_candles_are_explained_and_can_be_left_out(data, tmp_path):
    folder = data("BTCUSDT", range(6), closes={2: 120}.items())
    kept = run(folder, tmp_path / "kept")
    assert "so it may be unfinished" in kept.output
    dropped = run(folder, tmp_path / "dropped", "--drop-suspects")
    assert "1 unfinished, 1 suspect" in dropped.output
    assert "Guardian may have stored" not in dropped.output


def test_long_lists_of_gaps_are_cut(data, tmp_path):
    result = run(data("BTCUSDT", range(0, 14, 2)), tmp_path / "bybit")
    assert "5 (5 candles): 2026-01-01 01:00 (1), 2026-01-01 03:00 (1), 2026-01-01 05:00 (1) and 2 more" in " ".join(
        result.output.split()
    )


def test_nothing_to_convert_is_exit_code_1(data, tmp_path):
    assert run(data("ETHUSDC", range(3)), tmp_path / "bybit").exit_code == 1
    (tmp_path / "bare" / "ohlcv" / "spot").mkdir(parents=True)
    bare = run(tmp_path / "bare", tmp_path / "bybit")
    assert bare.exit_code == 1
    assert "the candle cache holds no files like BTCUSDT/BTCUSDT_1h.csv" in bare.output


def test_a_missing_cache_is_our_own_error(tmp_path):
    assert isinstance(run(tmp_path, tmp_path / "bybit").exception, GuardianDataError)


@pytest.fixture
def shared_folder():
    """A folder that other users may reach, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def no_rights_of_root():
    """Let no file be read that belongs to somebody else; root may read all."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_candles_that_only_guardians_user_may_read_are_named_with_a_remedy(shared_folder):
    cache = shared_folder / "ohlcv" / "spot" / "BTCUSDT"
    cache.mkdir(parents=True)
    path = cache / "BTCUSDT_1h.csv"
    path.write_text("start,open,high,low,close,volume,turnover\n")
    path.chmod(0o600 if os.geteuid() == 0 else 0o000)
    with no_rights_of_root():
        result = run(shared_folder, shared_folder / "bybit")
    assert result.exit_code == 1
    mode = "600" if os.geteuid() == 0 else "000"
    said = " ".join(result.output.split())
    assert f"cannot be read: mode {mode}, of user {os.geteuid()}; Guardian writes its candles for its own user" in said


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("closed", ["ohlcv", "ohlcv/spot", "ohlcv/spot/BTCUSDT"])
def test_a_cache_that_may_not_be_listed_is_named(shared_folder, closed):
    (shared_folder / "ohlcv" / "spot" / "BTCUSDT").mkdir(parents=True)
    (shared_folder / closed).chmod(0o700 if os.geteuid() == 0 else 0o000)
    with no_rights_of_root():
        result = run(shared_folder, shared_folder / "bybit")
    (shared_folder / closed).chmod(0o700)
    assert result.exit_code == 1
    assert "cannot be read" in result.output or "cannot be read (Permission denied)" in str(result.exception)


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("before", [None, 0o640, 0o664])
def test_what_is_written_can_be_read_by_the_bots_user_whatever_the_umask(data, tmp_path, before):
    folder, written = data("BTCUSDT", range(6)), tmp_path / "bybit" / "BTC_USDT-1h.feather"
    if before is not None:
        run(folder, tmp_path / "bybit")
        written.chmod(before)
        source = folder / "ohlcv" / "spot" / "BTCUSDT" / "BTCUSDT_1h.csv"
        source.write_text(source.read_text() + f"{START_MS + 6 * HOUR_MS},100,130,90,100,5,500\n")
    umask = os.umask(0o077)
    try:
        assert run(folder, tmp_path / "bybit").exit_code == 0
    finally:
        os.umask(umask)
    assert stat.S_IMODE(written.stat().st_mode) == (before or 0o644)
