"""Checks of the stored candles: every file that a backtest needs, its range, and its gaps."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from freqai_ext.config import load_ext_settings
from freqai_ext.doctor.context import Context, freqai_is_on
from freqai_ext.doctor.finding import CheckSkippedError, Finding, failure, name_some, ok, warning
from freqai_ext.errors import SettingsError
from freqai_ext.labels import timeframe_to_timedelta

_DAYS_WITHOUT_TRAINING = 30


@dataclass(frozen=True)
class Series:
    """A stored series of candles.

    Parameters
    ----------
    pair, timeframe
        Whose candles.
    dates
        Opening times, sorted, UTC.
    """

    pair: str
    timeframe: str
    dates: "pd.Series[pd.Timestamp]"

    @property
    def name(self) -> str:
        """Pair and timeframe, for messages."""
        return f"{self.pair} {self.timeframe}"

    @property
    def step(self) -> pd.Timedelta:
        """Length of a candle."""
        return timeframe_to_timedelta(self.timeframe)

    @property
    def end(self) -> pd.Timestamp:
        """Time at which the last candle closed."""
        return pd.Timestamp(self.dates.iloc[-1]) + self.step

    def gaps(self) -> "pd.Series[int]":
        """Return the number of missing candles before each candle that misses any, by the candle's date."""
        opened = pd.DatetimeIndex(self.dates)
        missing = ((opened[1:] - opened[:-1]) / self.step).astype("int64") - 1
        return pd.Series(missing, index=opened[1:], dtype="int64").loc[lambda counts: counts > 0]


def check_candles(context: Context) -> Iterator[Finding]:
    """Candles of all pairs and timeframes are stored, long enough for training, without gaps."""
    config = context.config
    wanted = [(pair, timeframe) for pair in needed_pairs(config) for timeframe in needed_timeframes(config)]
    if not wanted:
        raise CheckSkippedError("needs pairs in exchange.pair_whitelist, and a timeframe or a strategy that has one")
    required = failure if config.get("timerange") else warning
    download = _download(context, f"--days {_training_days(config) * 4 or _DAYS_WITHOUT_TRAINING}")
    available = _available(config)
    stored, missing = [], []
    for pair, timeframe in wanted:
        series = Series(pair, timeframe, load_candles(config, pair, timeframe)["date"])
        if len(series.dates):
            stored.append(series)
        elif (pair, timeframe, config["candle_type_def"]) in available:
            yield failure(f"{series.name}: the file holds no readable candles", f"delete it, then: {download}")
        else:
            missing.append(series.name)
    if missing:
        offline = "or run your command on a generated market, by 'freqai-ext offline -- ...'"
        yield required(f"{config['datadir']}: no candles of {name_some(missing)}", f"{download}; {offline}")
    if stored:
        first, end = max(series.dates.iloc[0] for series in stored), min(series.end for series in stored)
        yield ok(
            f"{len(stored)} of {len(wanted)} series are stored; all of them cover {first:%F %H:%M} to {end:%F %H:%M}"
        )
        yield from _too_short(context, stored)
        yield from _gaps(stored)
        yield from _futures_extras(config, download)


def needed_pairs(config: dict[str, Any]) -> list[str]:
    """Return the pairs whose candles are read: the whitelist, and with FreqAI correlated and our reference pair."""
    from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist

    available = sorted({pair for pair, *_ in _available(config)})
    whitelist = expand_pairlist(config["exchange"].get("pair_whitelist", []), available, keep_invalid=True)
    if not freqai_is_on(config):
        return list(dict.fromkeys(whitelist))
    correlated = config["freqai"]["feature_parameters"].get("include_corr_pairlist", [])
    try:
        reference = load_ext_settings(config).features.reference_pair
    except SettingsError:
        reference = None
    return list(dict.fromkeys([*whitelist, *correlated, *([reference] if reference else [])]))


def needed_timeframes(config: dict[str, Any]) -> list[str]:
    """Return the timeframes whose candles are read, the strategy's first."""
    included = config["freqai"]["feature_parameters"]["include_timeframes"] if freqai_is_on(config) else []
    return list(dict.fromkeys(filter(None, [config.get("timeframe"), *included])))


def startup_candles(config: dict[str, Any]) -> int:
    """Return the number of candles that are loaded before the first row, of each timeframe."""
    freqai = config["freqai"] if freqai_is_on(config) else {"feature_parameters": {}}
    periods = freqai["feature_parameters"].get("indicator_periods_candles", [])
    return int(max([config.get("startup_candle_count", 0), *periods]))


def warm_up(config: dict[str, Any], timeframe: str) -> pd.Timedelta:
    """Return the time that :func:`startup_candles` of ``timeframe`` take."""
    return timeframe_to_timedelta(timeframe) * startup_candles(config)


def load_candles(config: dict[str, Any], pair: str, timeframe: str) -> pd.DataFrame:
    """Return the stored candles as they are, gaps included; an empty frame where there are none."""
    candles = _data_handler(config).ohlcv_load(
        pair,
        timeframe,
        candle_type=config["candle_type_def"],
        fill_missing=False,
        drop_incomplete=False,
        warn_no_data=False,
    )
    return pd.DataFrame(candles)


def _training_days(config: dict[str, Any]) -> int:
    return int(config["freqai"]["train_period_days"]) if freqai_is_on(config) else 0


def _too_short(context: Context, stored: Iterable[Series]) -> Iterator[Finding]:
    from freqtrade.configuration import TimeRange

    config = context.config
    training = pd.Timedelta(days=_training_days(config))
    timerange = TimeRange.parse_timerange(config.get("timerange"))
    longest = training + max(warm_up(config, timeframe) for timeframe in needed_timeframes(config))
    short = []
    for series in stored:
        history = training + warm_up(config, series.timeframe)
        if timerange.startdt:
            needed_from = pd.Timestamp(timerange.startdt) - history
            if series.dates.iloc[0] > needed_from:
                short.append(f"{series.name} begins {series.dates.iloc[0]:%F}, needed from {needed_from:%F %H:%M}")
            if timerange.stopdt and series.end < pd.Timestamp(timerange.stopdt):
                short.append(f"{series.name} ends {series.end:%F %H:%M}, needed to {timerange.stopdt:%F}")
        elif series.end - series.dates.iloc[0] < history:
            days = history / pd.Timedelta(days=1)
            short.append(f"{series.name} is shorter than training and warm-up together, {days:.1f} days")
    if short and timerange.startdt:
        download = _download(context, f"--timerange {timerange.startdt - longest:%Y%m%d}- --prepend")
        yield failure(f"the candles do not suffice: {name_some(short)}", download)
    elif short:
        days_needed = math.ceil(longest / pd.Timedelta(days=1)) + 1
        yield warning(
            f"the candles do not suffice: {name_some(short)}", _download(context, f"--days {days_needed} --prepend")
        )


def _gaps(stored: Iterable[Series]) -> Iterator[Finding]:
    for series in stored:
        gaps = series.gaps()
        if not gaps.empty:
            yield warning(
                f"{series.name}: {gaps.sum()} candles are missing in {len(gaps)} gaps, "
                f"the longest ({gaps.max()}) before {gaps.idxmax():%F %H:%M}",
                "Freqtrade fills gaps with candles of zero volume; download again if the exchange has the candles",
            )


def _futures_extras(config: dict[str, Any], download: str) -> Iterator[Finding]:
    from freqtrade.enums import CandleType, TradingMode

    if config["trading_mode"] != TradingMode.FUTURES:
        return
    available = {(pair, kind) for pair, _, kind in _available(config)}
    for kind in (CandleType.MARK, CandleType.FUNDING_RATE):
        lacking = [pair for pair in config["exchange"]["pair_whitelist"] if (pair, kind) not in available]
        if lacking:
            yield warning(
                f"no {kind.value} candles of {name_some(lacking)}: a backtest books no funding fees", download
            )


def _download(context: Context, period: str) -> str:
    config = context.config
    configs = " ".join(f"-c {path}" for path in context.request.configs)
    timeframes = " ".join(needed_timeframes(config))
    return f"freqtrade download-data --userdir {config['user_data_dir']} {configs} --timeframes {timeframes} {period}"


def _available(config: dict[str, Any]) -> set[tuple[str, str, Any]]:
    """Return pair, timeframe and candle type of every file in the data directory."""
    return set(_data_handler(config).ohlcv_get_available_data(config["datadir"], config["trading_mode"]))


def _data_handler(config: dict[str, Any]) -> Any:
    from freqtrade.data.history import get_datahandler

    return get_datahandler(config["datadir"], config["dataformat_ohlcv"])
