"""The candles that the demonstration runs on: generated, or the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freqai_ext.errors import MarketDataError
from freqai_ext.replay import CandleStore, GeneratedMarket, MarketParameters, TradingMode

BACKTEST_DAYS = 14
LIVE_DAYS = 1
# Training, and the start-up candles of the slowest timeframe as the live bot counts them.
HISTORY_DAYS = 45
PAIR_COUNT = 3

_COINS = ("BTC", "ETH", "SOL")
# Strong enough to be seen in two weeks of forecasts: a perfect forecast correlates about 0.17.
_STRENGTH = 0.15


@dataclass(frozen=True)
class DemoMarket:
    """Candles and the parts of them that the demonstration uses.

    Parameters
    ----------
    datadir
        Freqtrade data directory.
    pairs
        Pairs to trade; the first is the reference.
    end
        Midnight (UTC) after the last whole day.
    description
        What it is, for the reader.
    attainable
        On a generated market, the information coefficient of a perfect forecast by pair; nobody knows it for a
        real one.
    """

    datadir: Path
    trading_mode: TradingMode
    pairs: tuple[str, ...]
    end: datetime
    description: str
    attainable: Mapping[str, float] = field(default_factory=dict)

    @property
    def live_start(self) -> datetime:
        """When the simulated live run starts; the backtest ends there."""
        return self.end - timedelta(days=LIVE_DAYS)

    @property
    def timerange(self) -> str:
        """Backtest range in Freqtrade's notation."""
        start = self.live_start - timedelta(days=BACKTEST_DAYS)
        return f"{start:%Y%m%d}-{self.live_start:%Y%m%d}"


def generated_demo_market(folder: Path, seed: int, horizon_candles: int, trading_mode: TradingMode) -> DemoMarket:
    """Write a generated market into ``folder``."""
    settlement = ":USDT" if trading_mode == "futures" else ""
    pairs = tuple(f"{coin}/USDT{settlement}" for coin in _COINS)
    days = HISTORY_DAYS + BACKTEST_DAYS + LIVE_DAYS
    parameters = MarketParameters(seed=seed, pairs=pairs, days=days, strength=_STRENGTH)
    market = GeneratedMarket(parameters)
    market.write(folder, timeframes=("5m", "15m", "1h"))
    return DemoMarket(
        datadir=folder,
        trading_mode=trading_mode,
        pairs=pairs,
        end=parameters.start + timedelta(days=days),
        description=f"a generated market (seed {seed}), partly predictable by construction",
        attainable={pair: market.true_information_coefficient(pair, horizon_candles) for pair in pairs},
    )


def stored_demo_market(datadir: Path, trading_mode: TradingMode) -> DemoMarket:
    """Use the newest candles of a Freqtrade data directory.

    Raises
    ------
    MarketDataError
        Where no pair has 60 days of 5m candles up to a common end.
    """
    store = CandleStore(datadir, trading_mode)
    found = store.pairs()
    preferred = [pair for coin in _COINS for pair in found if pair.startswith(f"{coin}/")]
    pairs = tuple(dict.fromkeys([*preferred, *found]))[:PAIR_COUNT]
    spans = [(store.history(pair).base.open_ms[0], store.history(pair).base.end_ms) for pair in pairs]
    first, end = (_moment(pick(edge)) for pick, edge in zip((max, min), zip(*spans, strict=True), strict=True))
    end = end.replace(hour=0, minute=0, second=0, microsecond=0)
    needed = timedelta(days=HISTORY_DAYS + BACKTEST_DAYS + LIVE_DAYS)
    if end - first < needed:
        raise MarketDataError(
            f"{datadir}: {', '.join(pairs)} together have candles from {first:%Y-%m-%d} to {end:%Y-%m-%d}; the "
            f"demonstration needs {needed.days} days: freqtrade download-data --timeframes 5m 15m 1h --days 70"
        )
    return DemoMarket(datadir, trading_mode, pairs, end, f"the candles in {datadir}")


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(int(epoch_ms) / 1000, UTC)
