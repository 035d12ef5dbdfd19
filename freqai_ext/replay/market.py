"""A generated market: seeded, realistic enough to trade on, and with a predictable part of known size."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from freqai_ext.errors import SettingsError
from freqai_ext.replay.assets import Asset, asset_of, split_pair
from freqai_ext.replay.history import FUNDING_INTERVAL_MS, FundingRates, PairHistory, TradingMode
from freqai_ext.replay.ohlcv import Candles
from freqai_ext.replay.planted import information_coefficient, planted_returns
from freqai_ext.replay.timeframe import DAY_MS, candle_opens, timeframe_ms
from freqai_ext.replay.volatility import TREND_DRIFT, VOLATILITY_FACTOR, clustering, daily_season, regime_path
from freqai_ext.replay.writing import write_history

FloatArray = NDArray[np.float64]

DEFAULT_PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
DEFAULT_START = datetime(2025, 1, 1, tzinfo=UTC)

STEPS_PER_CANDLE = 8
"""Prices inside a candle from which its high and low are taken."""

TAIL_DEGREES = 4.5
"""Degrees of freedom of Student's t distribution of shocks."""

MARKET_SHARE = 0.6
"""Share of a pair's variance that comes from the market factor, at a beta of 1."""


@dataclass(frozen=True)
class MarketParameters:
    """What determines a generated market: the same parameters give the same candles, to the last bit.

    Parameters
    ----------
    seed
        Seed of all random numbers.
    pairs
        Freqtrade pair names; with a settlement currency (``BTC/USDT:USDT``) for futures.
    days
        Length of the market.
    timeframe
        Length of the simulated candles; longer ones are made of them.
    start
        Opening time of the first candle, UTC midnight.
    strength
        Size of the planted predictable component per candle; at 0 nothing can be forecast.
    """

    seed: int = 7
    pairs: tuple[str, ...] = DEFAULT_PAIRS
    days: int = 90
    timeframe: str = "5m"
    start: datetime = DEFAULT_START
    strength: float = 0.08

    def __post_init__(self) -> None:
        faults = []
        if self.days < 1:
            faults.append(f"days: {self.days} is not valid; a generated market has at least 1 day")
        if not self.pairs:
            faults.append("pairs: empty; name at least one, like BTC/USDT")
        if len(set(self.pairs)) < len(self.pairs):
            faults.append(f"pairs: {', '.join(self.pairs)} names a pair twice; name each once")
        if len({":" in pair for pair in self.pairs}) > 1:
            faults.append(
                f"pairs: {', '.join(self.pairs)} mixes spot and futures; take either BTC/USDT or BTC/USDT:USDT"
            )
        if DAY_MS % timeframe_ms(self.timeframe):
            faults.append(f"timeframe: {self.timeframe!r} does not divide a day; take one like 1m, 5m or 15m")
        if self.start.tzinfo is None or int(self.start.timestamp() * 1000) % DAY_MS:
            faults.append(f"start: {self.start} is not midnight UTC; a generated market begins at midnight")
        if not 0 <= self.strength <= 0.15:
            faults.append(
                f"strength: {self.strength} is outside [0, 0.15]; at 0.08 a perfect forecast correlates about 0.1"
            )
        if faults:
            raise SettingsError("\n".join(f"generated market: {fault}" for fault in faults))
        for pair in self.pairs:
            split_pair(pair)


class GeneratedMarket:
    """Simulated candles of several pairs.

    One market factor drives all pairs. Its volatility changes with the regime (calm, trend, turbulent), clusters,
    and has a daily and weekly season; shocks are Student-t. Volume follows volatility and the size of the move.
    On top lies the predictable component of :mod:`freqai_ext.replay.planted`, the only one: a model that forecasts
    better than :meth:`true_information_coefficient` has looked ahead, one that stays at zero has learnt nothing.
    (The drift of trends is real but too small beside the noise to be of use; it is not counted.)

    Parameters
    ----------
    parameters
        What determines the market; see there.

    Notes
    -----
    A pair does not depend on which others are generated with it, and a longer market begins with the shorter one.
    """

    def __init__(self, parameters: MarketParameters | None = None) -> None:
        self.parameters = parameters or MarketParameters()
        self.trading_mode: TradingMode = "futures" if ":" in self.parameters.pairs[0] else "spot"
        self._length_ms = timeframe_ms(self.parameters.timeframe)
        start_ms = int(self.parameters.start.timestamp() * 1000)
        count = self.parameters.days * DAY_MS // self._length_ms
        self._open_ms = start_ms + self._length_ms * np.arange(count, dtype=np.int64)
        self._market, self._volatility, self._drift = self._market_factor()
        self._paths = {pair: self._simulate(pair, asset_of(pair)) for pair in self.parameters.pairs}

    def pairs(self) -> Sequence[str]:
        """Return the pairs in the order of the parameters."""
        return self.parameters.pairs

    def history(self, pair: str) -> PairHistory:
        """Return the candles of ``pair``; futures also have a mark price and funding rates."""
        path = self._path(pair)
        if self.trading_mode == "spot":
            return PairHistory(pair, path.candles, tick=asset_of(pair).tick)
        mark = path.candles.resampled("1h").without_volume()
        return PairHistory(pair, path.candles, {}, mark, self._funding(path.candles), asset_of(pair).tick)

    def planted_signal(self, pair: str) -> FloatArray:
        """Return the expected log return of the next candle, known when each candle closes; shape ``(n,)``."""
        return self._path(pair).expected

    def true_information_coefficient(self, pair: str, horizon: int = 24) -> float:
        """Return the correlation of the planted signal with the log return over the next ``horizon`` candles.

        No forecast from candles can do better, up to sampling error: about 0.03 over three months of 5m candles
        with a horizon of 24.
        """
        path = self._path(pair)
        return information_coefficient(path.expected, path.log_returns, horizon)

    def write(self, datadir: Path, timeframes: Sequence[str] = ("5m", "15m", "1h", "4h")) -> None:
        """Write a Freqtrade data directory: a feather file for each pair and timeframe.

        Futures also get ``-1h-mark`` and ``-1h-funding_rate`` files. Files of the same name are replaced.
        """
        for pair in self.pairs():
            write_history(self.history(pair), Path(datadir), timeframes, self.trading_mode)

    def _path(self, pair: str) -> "_Path":
        if pair not in self._paths:
            raise SettingsError(f"generated market: no pair {pair}; it has {', '.join(self.pairs())}")
        return self._paths[pair]

    def _market_factor(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return shocks of unit variance, the volatility factor and the drift of the whole market."""
        regimes, slow, shocks = (
            _stream(self.parameters.seed, "market", part) for part in ("regimes", "slow", "shocks")
        )
        count = len(self._open_ms)
        path = regime_path(regimes, count, self._length_ms)
        level = clustering(slow, count, self._length_ms, half_life_hours=6.0, spread=0.35)
        volatility = VOLATILITY_FACTOR[path.regime] * level * daily_season(self._open_ms)
        return _student_t(shocks, count), volatility, (TREND_DRIFT * path.direction).astype(np.float64)

    def _simulate(self, pair: str, asset: Asset) -> "_Path":
        stream = [_stream(self.parameters.seed, pair, part) for part in ("slow", "shocks", "steps", "volume")]
        count = len(self._open_ms)
        own = clustering(stream[0], count, self._length_ms, half_life_hours=3.0, spread=0.25)
        scale = asset.daily_volatility / np.sqrt(DAY_MS / self._length_ms) * self._volatility * own
        loading = min(MARKET_SHARE**0.5 * asset.beta, 0.95)
        shock = loading * self._market + np.sqrt(1 - loading**2) * _student_t(stream[1], count)
        log_returns, expected = planted_returns(scale * (shock + self._drift), self.parameters.strength)
        candles = self._candles(
            asset, log_returns, scale, stream[2], self._volumes(asset, log_returns, scale, stream[3])
        )
        return _Path(candles, log_returns, expected)

    def _candles(
        self,
        asset: Asset,
        log_returns: FloatArray,
        scale: FloatArray,
        random: np.random.Generator,
        turnover: FloatArray,
    ) -> Candles:
        close = np.log(asset.price) + np.cumsum(log_returns)
        opening = np.concatenate([[np.log(asset.price)], close[:-1]])
        # A bridge: a random walk inside the candle, bent so that it starts at the open and ends at the close.
        walk = np.cumsum(random.standard_normal((len(close), STEPS_PER_CANDLE)), axis=1)
        share = np.arange(1, STEPS_PER_CANDLE + 1) / STEPS_PER_CANDLE
        bridge = (walk - walk[:, -1:] * share) * (scale / np.sqrt(STEPS_PER_CANDLE))[:, None]
        inside = opening[:, None] + log_returns[:, None] * share + bridge
        high = np.maximum(inside.max(axis=1), opening)
        low = np.minimum(inside.min(axis=1), opening)
        decimals = max(0, -int(np.floor(np.log10(asset.tick))))
        prices = (np.maximum(np.round(np.exp(column), decimals), asset.tick) for column in (opening, high, low, close))
        opened, highest, lowest, closed = prices
        volume = np.round(turnover / closed, max(0, 8 - decimals))
        return Candles(self.parameters.timeframe, self._open_ms, opened, highest, lowest, closed, volume)

    def _volumes(
        self, asset: Asset, log_returns: FloatArray, scale: FloatArray, random: np.random.Generator
    ) -> FloatArray:
        """Return the turnover of each candle: it grows with volatility and with the size of the move."""
        noise = lfilter([1.0], [1.0, -0.9], random.standard_normal(len(scale)) * 0.5 * np.sqrt(1 - 0.9**2))
        usual = asset.daily_volatility / np.sqrt(DAY_MS / self._length_ms)
        move = np.minimum(np.abs(log_returns) / scale, 8.0)
        mean = asset.daily_turnover / (DAY_MS / self._length_ms)
        return np.asarray(mean * (scale / usual) ** 1.2 * (0.5 + 0.6 * move) * np.exp(noise - 0.125), np.float64)

    def _funding(self, candles: Candles) -> FundingRates:
        """Longs pay more after a rise: the rate leans on the return since the last payment."""
        blocks = candle_opens(candles.open_ms, "8h")
        first = np.flatnonzero(np.diff(blocks, prepend=blocks[0] - FUNDING_INTERVAL_MS))
        price = np.log(candles.open[first])
        rate: FloatArray = np.clip(0.0001 + 0.004 * np.diff(price, prepend=price[0]), -0.003, 0.003)
        return FundingRates(blocks[first], np.round(rate, 8))


@dataclass(frozen=True)
class _Path:
    candles: Candles
    log_returns: FloatArray
    expected: FloatArray


def _stream(seed: int, *names: str) -> np.random.Generator:
    """Return random numbers of their own for each pair and purpose, so that none shifts another."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def _student_t(random: np.random.Generator, count: int) -> FloatArray:
    """Return Student-t numbers of unit variance."""
    shocks: FloatArray = random.standard_t(TAIL_DEGREES, count)
    return np.asarray(shocks / np.sqrt(TAIL_DEGREES / (TAIL_DEGREES - 2)), np.float64)
