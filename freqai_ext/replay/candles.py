"""Candles of a Freqtrade data directory, checked before anything is served from them."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import MarketDataError
from freqai_ext.replay.history import FundingRates, PairHistory, TradingMode
from freqai_ext.replay.ohlcv import OHLCV_COLUMNS, Candles, epoch_ms
from freqai_ext.replay.timeframe import candle_opens, timeframe_ms

logger = logging.getLogger(__name__)

_EARLIEST_MS, _LATEST_MS = (int(pd.Timestamp(year, tz="UTC").timestamp() * 1000) for year in ("2009", "2100"))

_FILE_TIMEFRAME = r"(?P<timeframe>[1-9]\d*(?:m|h|d|w|Mo))"


class CandleStore:
    """Reads and checks the candles of a Freqtrade data directory (feather files).

    Parameters
    ----------
    datadir
        The directory given to Freqtrade's ``--datadir``, e.g. ``user_data/data/binance``. Futures candles lie
        in its subdirectory ``futures``.
    trading_mode
        ``"spot"`` or ``"futures"``.
    timeframes
        What will be asked for. The longest stored timeframe from which all of these can be made is read;
        without it the shortest one.
    fill_gaps
        Fill missing candles with the last close and no volume, as exchanges do where nothing was traded.

    Raises
    ------
    MarketDataError
        On construction when there are no candles; on reading when a file is missing, empty or malformed.
        The message names the file, the first bad date and the remedy.
    """

    def __init__(
        self,
        datadir: Path,
        trading_mode: TradingMode = "spot",
        *,
        timeframes: Sequence[str] | None = None,
        fill_gaps: bool = False,
    ) -> None:
        self.datadir = Path(datadir)
        self.trading_mode = trading_mode
        self._needed = tuple(timeframes or ())
        self._fill_gaps = fill_gaps
        self._stored = self._scan()
        if not self._stored:
            raise MarketDataError(self._nothing_found())

    def pairs(self) -> tuple[str, ...]:
        """Return the pairs that have candles, in alphabetical order.

        A file name has an underscore for each character that no file name should have, so these are the likeliest
        names; candles are found by any name that Freqtrade would file there.
        """
        return tuple(sorted(map(self._pair_name, self._stored)))

    def has(self, pair: str) -> bool:
        """Return whether there are candles of ``pair``."""
        return pair_file_name(pair) in self._stored

    def timeframes(self, pair: str) -> tuple[str, ...]:
        """Return the stored timeframes of ``pair``, shortest first.

        Raises
        ------
        MarketDataError
            When the pair has no candles.
        """
        if not self.has(pair):
            raise MarketDataError(
                f"{self._folder}: no {self.trading_mode} candles of {pair}; it holds {', '.join(self.pairs())}; "
                f"run freqtrade download-data --pairs {pair}, or leave the pair out"
            )
        return tuple(sorted(self._stored[pair_file_name(pair)], key=timeframe_ms))

    def candles(self, pair: str, timeframe: str) -> Candles:
        """Return the checked candles of one file, as stored."""
        if timeframe not in self.timeframes(pair):
            raise MarketDataError(
                f"{self.path(pair, timeframe)}: no such file; {pair} has {', '.join(self.timeframes(pair))}; "
                f"run freqtrade download-data --pairs {pair} --timeframes {timeframe}"
            )
        path = self.path(pair, timeframe)
        return checked_candles(read_feather(path, OHLCV_COLUMNS), timeframe, path, fill_gaps=self._fill_gaps)

    def history(self, pair: str) -> PairHistory:
        """Return everything stored about ``pair``.

        A longer timeframe is used where the shortest one does not reach back, unless the two disagree where
        they overlap: then it is left out, with a warning.
        """
        base = self.candles(pair, self._base_timeframe(pair))
        longer = {}
        for timeframe in self.timeframes(pair):
            if timeframe_ms(timeframe) <= timeframe_ms(base.timeframe):
                continue
            stored = self.candles(pair, timeframe)
            if _agree(base, stored):
                longer[timeframe] = stored
            else:
                logger.warning(
                    "%s: differs from the %s candles of the same time; serving candles made of those",
                    self.path(pair, timeframe),
                    base.timeframe,
                )
        if self.trading_mode == "spot":
            return PairHistory(pair, base, longer)
        return PairHistory(pair, base, longer, self._mark(pair), self._funding(pair))

    def _base_timeframe(self, pair: str) -> str:
        stored = self.timeframes(pair)
        needed = [timeframe_ms(timeframe) for timeframe in self._needed]
        fitting = [one for one in stored if all(length % timeframe_ms(one) == 0 for length in needed)]
        if not fitting:
            shortest = min(self._needed, key=timeframe_ms)
            raise MarketDataError(
                f"{self.path(pair, shortest)}: no such file, and the stored {', '.join(stored)} cannot be "
                f"split into it; run freqtrade download-data --pairs {pair} --timeframes {shortest}"
            )
        return fitting[-1] if needed else stored[0]

    @property
    def _folder(self) -> Path:
        return self.datadir / "futures" if self.trading_mode == "futures" else self.datadir

    @property
    def _suffix(self) -> str:
        return "-futures" if self.trading_mode == "futures" else ""

    def _scan(self) -> dict[str, list[str]]:
        name = re.compile(rf"(?P<pair>.+)-{_FILE_TIMEFRAME}{self._suffix}\.feather")
        stored: dict[str, list[str]] = {}
        for path in self._folder.glob("*.feather"):
            if match := name.fullmatch(path.name):
                stored.setdefault(match["pair"], []).append(match["timeframe"].replace("Mo", "M"))
        return stored

    def _pair_name(self, file_name: str) -> str:
        parts = 3 if self.trading_mode == "futures" else 2
        base, *rest = file_name.rsplit("_", parts - 1)
        return ":".join(["/".join([base, *rest[:1]]), *rest[1:]])

    def _nothing_found(self) -> str:
        if not self.datadir.is_dir():
            return f"{self.datadir}: no such directory; give a Freqtrade data directory like user_data/data/binance"
        other = "spot" if self.trading_mode == "futures" else "futures"
        return (
            f"{self._folder}: no {self.trading_mode} candles (files like {self._example_name()}); "
            f"run freqtrade download-data --data-format-ohlcv feather, or use the trading mode {other}"
        )

    def _example_name(self) -> str:
        return "BTC_USDT_USDT-5m-futures.feather" if self.trading_mode == "futures" else "BTC_USDT-5m.feather"

    def path(self, pair: str, timeframe: str) -> Path:
        """Return where Freqtrade keeps the candles of ``pair``, stored or not."""
        return self._folder / f"{pair_file_name(pair)}-{timeframe.replace('M', 'Mo')}{self._suffix}.feather"

    def _mark(self, pair: str) -> Candles | None:
        for timeframe in ("1h", "4h", "8h"):
            path = self._folder / f"{pair_file_name(pair)}-{timeframe}-mark.feather"
            if path.is_file():
                return checked_candles(read_feather(path, OHLCV_COLUMNS), timeframe, path, fill_gaps=self._fill_gaps)
        return None

    def _funding(self, pair: str) -> FundingRates | None:
        for timeframe in ("1h", "4h", "8h"):
            path = self._folder / f"{pair_file_name(pair)}-{timeframe}-funding_rate.feather"
            if path.is_file():
                frame = read_feather(path, ("date",))
                # Until 2026 Freqtrade kept funding rates in the column "open" of a candle.
                column = "open" if "open" in frame.columns else "funding_rate"
                if column not in frame.columns:
                    raise MarketDataError(f"{path}: has no column funding_rate; download it again with Freqtrade")
                _check_dates(frame, path)
                (rates,) = _numbers(frame, (column,), path)
                return FundingRates(epoch_ms(frame["date"]), rates)
        return None


def pair_file_name(pair: str) -> str:
    """Return the beginning of the pair's file names, as Freqtrade forms it."""
    return re.sub(r"[/ .@$+:]", "_", pair)


def read_feather(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return the table in ``path``, which must have rows and ``columns``.

    Raises
    ------
    MarketDataError
        When it is not a feather file, lacks a column, or is empty.
    """
    try:
        frame = pd.read_feather(path)
    # Damaged bytes make the reader raise anything: of Arrow, of Python's codecs, of pandas.
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise MarketDataError(f"{path}: not a readable feather file ({reason}); download it again") from error
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise MarketDataError(f"{path}: has no column {', '.join(missing)}; download it again with Freqtrade")
    if frame.empty:
        raise MarketDataError(f"{path}: has no candles; delete the file and download it again")
    return frame


def checked_candles(frame: pd.DataFrame, timeframe: str, path: Path, *, fill_gaps: bool) -> Candles:
    """Return the candles of ``frame`` if they are complete and consistent.

    Raises
    ------
    MarketDataError
        Naming ``path``, the first bad date, the rule it breaks and the remedy.
    """
    _check_dates(frame, path)
    _numbers(frame, OHLCV_COLUMNS[1:], path)
    candles = Candles.from_frame(frame, timeframe)
    _check_values(candles, path)
    off_grid = candle_opens(candles.open_ms, timeframe) != candles.open_ms
    if off_grid.any():
        raise MarketDataError(
            f"{path}: {_date(candles.open_ms[off_grid][0])} is not the start of a {timeframe} candle; download it again"
        )
    return _without_gaps(candles, path, fill_gaps=fill_gaps)


def _check_dates(frame: pd.DataFrame, path: Path) -> None:
    date = frame["date"]
    if not isinstance(date.dtype, pd.DatetimeTZDtype):
        raise MarketDataError(f"{path}: the column date has no time zone ({date.dtype}); download it again")
    if date.isna().any():
        raise MarketDataError(f"{path}: row {int(date.isna().argmax())} has no date; download it again")
    opens = epoch_ms(date)
    strange = (opens < _EARLIEST_MS) | (opens >= _LATEST_MS)
    if strange.any():
        raise MarketDataError(f"{path}: {_date(opens[strange][0])} is no date of a market; download it again")
    step = np.diff(opens)
    if (step <= 0).any():
        row = int(np.argmax(step <= 0)) + 1
        fault = "appears twice" if step[row - 1] == 0 else f"comes after {_date(opens[row - 1])}"
        raise MarketDataError(f"{path}: {_date(opens[row])} {fault}; sort it and drop duplicates, or download again")


def _numbers(frame: pd.DataFrame, columns: Sequence[str], path: Path) -> list[NDArray[np.float64]]:
    found = []
    for name in columns:
        try:
            found.append(frame[name].to_numpy(np.float64))
        except (TypeError, ValueError) as error:
            raise MarketDataError(f"{path}: the column {name} does not hold numbers; download it again") from error
    return found


def _check_values(candles: Candles, path: Path) -> None:
    prices = np.stack([candles.open, candles.high, candles.low, candles.close])
    rules = {
        "has a price or volume that is not a number": ~np.isfinite(np.vstack([prices, candles.volume])).all(axis=0),
        "has a price that is not positive": (prices <= 0).any(axis=0),
        "has a high below its low, open or close": candles.high < prices.max(axis=0),
        "has a low above its high, open or close": candles.low > prices.min(axis=0),
        "has a negative volume": candles.volume < 0,
    }
    for rule, broken in rules.items():
        if broken.any():
            row = int(np.argmax(broken))
            raise MarketDataError(f"{path}: the candle of {_date(candles.open_ms[row])} {rule}; download it again")


def _without_gaps(candles: Candles, path: Path, *, fill_gaps: bool) -> Candles:
    if candles.timeframe.endswith("M"):
        return candles
    length = timeframe_ms(candles.timeframe)
    step = np.diff(candles.open_ms)
    if (step == length).all():
        return candles
    row = int(np.argmax(step != length))
    if not fill_gaps:
        raise MarketDataError(
            f"{path}: {int(step[row]) // length - 1} candles are missing from "
            f"{_date(candles.open_ms[row] + length)}; download it again, or fill gaps with --fill-gaps"
        )
    return _filled(candles, length)


def _filled(candles: Candles, length: int) -> Candles:
    opens = np.arange(candles.open_ms[0], candles.open_ms[-1] + 1, length)
    row = np.searchsorted(candles.open_ms, opens, side="right") - 1
    real = candles.open_ms[row] == opens
    close = candles.close[row]
    opened, high, low = (np.where(real, column[row], close) for column in (candles.open, candles.high, candles.low))
    return Candles(candles.timeframe, opens, opened, high, low, close, np.where(real, candles.volume[row], 0.0))


def _agree(base: Candles, stored: Candles) -> bool:
    made = base.resampled(stored.timeframe)
    whole = made[1:-1]
    ours = np.isin(whole.open_ms, stored.open_ms)
    theirs = np.isin(stored.open_ms, whole.open_ms)
    return all(
        np.allclose(mine[ours], other[theirs], rtol=1e-6)
        for mine, other in zip(list(whole.columns())[:4], list(stored.columns())[:4], strict=True)
    )


def _date(epoch_ms_value: int) -> str:
    # Pandas writes no dates of damaged bytes, which may lie in any year.
    minute = np.datetime64(int(epoch_ms_value), "ms").astype("datetime64[m]")
    return f"{str(minute).replace('T', ' ')} UTC"
