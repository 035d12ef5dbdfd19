"""The market of a Freqtrade data directory, so that features and candles of a simulated run belong together."""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.sandbox.snapshot import Hourly, MarketRow

_FILE: Final = re.compile(r"(?P<base>[A-Z0-9]+)_USDT(?:_USDT)?-(?P<number>\d+)(?P<unit>[mh])(?:-futures)?\.feather")
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_HOURS: Final = 24 * 31
_COLUMNS: Final = ["date", "high", "low", "close", "volume"]


class CandleMarket:
    """Rows made from candles that have closed; what candles do not tell, such as the order book, is drawn from a seed.

    A pair whose candles ended a day before those of others is left out, as if it were delisted.

    Parameters
    ----------
    data
        Directory of feather files, such as ``BTC_USDT-5m.feather`` or ``futures/BTC_USDT_USDT-5m-futures.feather``.
        Of each pair the shortest timeframe up to an hour counts.
    symbols
        Such as ``"BTCUSDT"``: which ones, in which order; by default all, sorted by name.
    seed
        Of the order book.

    Raises
    ------
    GuardianDataError
        If there is no candle file of a pair against USDT, or none of a symbol that is named.
    """

    def __init__(self, data: Path, symbols: Sequence[str], seed: int) -> None:
        files = _files(data)
        missing = [symbol for symbol in symbols if symbol not in files]
        if missing:
            raise GuardianDataError(
                f"{data}: has no candles of {', '.join(missing)}; it has {', '.join(sorted(files))}"
            )
        self._histories = {symbol: _History(files[symbol]) for symbol in symbols or sorted(files)}
        self._seed = seed

    def rows(self, now_s: float) -> Sequence[MarketRow]:
        """Return the rows as of ``now_s`` (UTC seconds); only candles that have closed by then are used."""
        now_ms = math.floor(now_s * 1_000.0)
        closed = {symbol: history.closed(now_ms) for symbol, history in self._histories.items()}
        newest_ms = max((candles.end_ms for candles in closed.values() if len(candles.close)), default=0)
        return [
            _row(symbol, candles, random.Random(f"{self._seed}:{symbol}:{candles.end_ms}"))  # noqa: S311
            for symbol, candles in closed.items()
            if len(candles.close) and candles.end_ms > newest_ms - _DAY_MS
        ]


@dataclass(frozen=True)
class _Candles:
    step_ms: int
    open_ms: NDArray[np.int64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    @property
    def end_ms(self) -> int:
        return int(self.open_ms[-1]) + self.step_ms

    def __getitem__(self, rows: slice) -> "_Candles":
        values = (self.high, self.low, self.close, self.volume)
        return _Candles(self.step_ms, self.open_ms[rows], *(column[rows] for column in values))


class _History:
    """The candles of a file, read when they are first wanted."""

    def __init__(self, file: tuple[int, Path]) -> None:
        self._step_ms, self._path = file
        self._candles: _Candles | None = None

    def closed(self, now_ms: int) -> _Candles:
        """Return those of the newest hours that have closed."""
        if self._candles is None:
            self._candles = _read(self._path, self._step_ms)
        opens = self._candles.open_ms
        end = int(np.searchsorted(opens, now_ms - self._step_ms, side="right"))
        start = int(np.searchsorted(opens, now_ms - (_HOURS + 1) * _HOUR_MS))
        # Those of long ago are the newest where the data end before now.
        return self._candles[min(start, max(end - _HOURS * _HOUR_MS // self._step_ms, 0)) : end]


def _files(data: Path) -> dict[str, tuple[int, Path]]:
    """Return, by symbol, the length of a candle in milliseconds and the file of the shortest timeframe."""
    for folder in (data, data / "futures"):
        found: dict[str, tuple[int, Path]] = {}
        for path in sorted(folder.glob("*.feather")):
            name = _FILE.fullmatch(path.name)
            if name is None:
                continue
            symbol = f"{name['base']}USDT"
            step_ms = int(name["number"]) * (_HOUR_MS if name["unit"] == "h" else _MINUTE_MS)
            if step_ms <= _HOUR_MS and (symbol not in found or step_ms < found[symbol][0]):
                found[symbol] = step_ms, path
        if found:
            return found
    raise GuardianDataError(
        f"{data}: has no candles of a pair against USDT, such as BTC_USDT-5m.feather; name a Freqtrade data directory "
        "with timeframes of an hour or less"
    )


def _read(path: Path, step_ms: int) -> _Candles:
    try:
        frame = pd.read_feather(path, columns=_COLUMNS).dropna().sort_values("date")
        dates = frame["date"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
        values = (frame[name].to_numpy(np.float64) for name in _COLUMNS[1:])
        return _Candles(step_ms, dates, *values)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise GuardianDataError(f"{path}: cannot be read as candles ({error}); download them again") from error


def _row(symbol: str, candles: _Candles, draw: random.Random) -> MarketRow:
    day = candles[int(np.searchsorted(candles.open_ms, candles.end_ms - _DAY_MS)) :]
    before = len(candles.close) - len(day.close)
    last = float(candles.close[-1])
    turnover = float((day.close * day.volume).sum())
    spread = 10.0 ** draw.uniform(-4.3, -3.2)
    bid_share, depth = draw.uniform(0.1, 0.9), turnover / 2_000.0 / last
    return MarketRow(
        symbol=symbol,
        last=last,
        change_pct=(last / float(candles.close[before - 1]) - 1.0) * 100.0 if before else None,
        high=float(day.high.max()),
        low=float(day.low.min()),
        turnover=turnover,
        volume=float(day.volume.sum()),
        bid=last * (1.0 - 0.5 * spread),
        ask=last * (1.0 + 0.5 * spread),
        bid_size=depth * bid_share,
        ask_size=depth * (1.0 - bid_share),
        hourly=_hourly(candles),
    )


def _hourly(candles: _Candles) -> Hourly:
    """Return the hours that are over, whole or with gaps."""
    hours = candles.open_ms // _HOUR_MS
    over = candles[: int(np.searchsorted(hours, candles.end_ms // _HOUR_MS))]
    if not len(over.close):
        return Hourly(over.open_ms, over.high, over.low, over.close, over.volume)
    hours = over.open_ms // _HOUR_MS
    first = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    last = np.append(first[1:], len(hours)) - 1
    newest = slice(-_HOURS, None)
    return Hourly(
        hours[first][newest],
        np.maximum.reduceat(over.high, first)[newest],
        np.minimum.reduceat(over.low, first)[newest],
        over.close[last][newest],
        np.add.reduceat(over.volume, first)[newest],
    )
