"""A strategy and its candles, as Freqtrade's backtesting prepares them, without an exchange."""

import logging
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from freqai_ext.errors import MarketDataError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from freqtrade.strategy import IStrategy
    from pandas import DataFrame, Timestamp

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CandleMarkets:
    """Stands in for the exchange: what a strategy may ask of it in a backtest is a market's base and quote coin."""

    markets: "Mapping[str, Mapping[str, str]]"


@dataclass(frozen=True)
class FixedPairs:
    """Stands in for Freqtrade's pairlist manager."""

    whitelist: "list[str]"


class BacktestSession:
    """The strategy of a configuration and the candles that a backtest hands to it.

    It takes the same steps as ``freqtrade.optimize.backtesting.Backtesting``, so that the strategy computes the same
    features from the same rows.

    Parameters
    ----------
    config
        A configuration of :func:`~freqai_ext.walkforward.backtesting_config`; it is copied.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        from freqtrade.configuration import TimeRange, validate_config_consistency
        from freqtrade.data.dataprovider import DataProvider
        from freqtrade.resolvers import StrategyResolver

        self.config = deepcopy(config)
        self.strategy: IStrategy = StrategyResolver.load_strategy(self.config)
        validate_config_consistency(self.config)
        self.pairs = _pairs_with_candles(self.config)
        provider = DataProvider(self.config, _markets(self.pairs), FixedPairs(list(self.pairs)))
        self.config["startup_candle_count"] = self.strategy.startup_candle_count
        self._startup_candles = provider.get_required_startup(self.config["timeframe"])
        self._timerange = TimeRange.parse_timerange(str(self.config["timerange"]))
        self.strategy.dp = provider

    def candles(self, pair: str) -> "DataFrame":
        """Return the candles that the strategy's ``populate_indicators`` gets for ``pair``; none: an empty frame."""
        from freqtrade.data.history import load_data
        from pandas import DataFrame

        data: dict[str, DataFrame] = load_data(
            datadir=self.config["datadir"],
            pairs=[pair],
            timeframe=self.config["timeframe"],
            timerange=self._timerange,
            startup_candles=self._startup_candles,
            data_format=self.config["dataformat_ohlcv"],
            candle_type=self.config["candle_type_def"],
        )
        return data.get(pair, DataFrame({"date": []}))

    def stored_span(self, pair: str) -> tuple["Timestamp", "Timestamp"]:
        """Return the dates of the first and the last stored candle, whatever their order in the file.

        Freqtrade's own messages take them from the file's first and last row.
        """
        from freqtrade.data.history import get_datahandler

        handler = get_datahandler(self.config["datadir"], self.config["dataformat_ohlcv"])
        series = (pair, self.config["timeframe"], self.config["candle_type_def"])
        frame: DataFrame = handler.ohlcv_load(*series, fill_missing=False, drop_incomplete=False)
        first, last = frame["date"].iloc[0], frame["date"].iloc[-1]
        if handler.ohlcv_data_min_max(*series) != (first, last, len(frame)):
            logger.warning(
                "%s: the file of %s %s candles holds rows out of order or twice; they are sorted for this run, and "
                "of each date one is kept; download the candles again",
                self.config["datadir"],
                pair,
                self.config["timeframe"],
            )
        return first, last


def _pairs_with_candles(config: dict[str, Any]) -> tuple[str, ...]:
    from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist

    by_timeframe = _stored_pairs(config)
    stored = sorted(by_timeframe.get(config["timeframe"], ()))
    listed = config["exchange"]["pair_whitelist"]
    banned = expand_pairlist(config["exchange"].get("pair_blacklist", []), stored)
    wanted = dict.fromkeys(pair for pair in expand_pairlist(listed, stored, keep_invalid=True) if pair not in banned)
    pairs = tuple(pair for pair in wanted if pair in stored)
    if not pairs:
        raise MarketDataError(
            f"{config['datadir']}: no {config['timeframe']} candles for any of {', '.join(listed) or 'no pairs'}; "
            "get them with freqtrade download-data, or name another folder with --datadir"
        )
    if missing := [pair for pair in wanted if pair not in stored]:
        logger.warning("%s: no %s candles for %s", config["datadir"], config["timeframe"], ", ".join(missing))
    pairs = _with_every_timeframe(config, pairs, by_timeframe)
    _refuse_shared_coins(pairs)
    return pairs


def _stored_pairs(config: dict[str, Any]) -> "dict[str, set[str]]":
    """Return the pairs that have stored candles, by timeframe."""
    from freqtrade.data.history import get_datahandler

    handler = get_datahandler(config["datadir"], config["dataformat_ohlcv"])
    pairs: dict[str, set[str]] = {}
    for pair, timeframe, candle_type in handler.ohlcv_get_available_data(config["datadir"], config["trading_mode"]):
        if candle_type == config["candle_type_def"]:
            pairs.setdefault(timeframe, set()).add(pair)
    return pairs


def _with_every_timeframe(
    config: dict[str, Any], pairs: tuple[str, ...], stored: "Mapping[str, set[str]]"
) -> tuple[str, ...]:
    """Return the pairs whose features can be computed: FreqAI drops every training row of the others."""
    parameters = config["freqai"]["feature_parameters"]
    correlated = parameters.get("include_corr_pairlist", ())
    lacking: dict[str, list[str]] = {}
    for timeframe in parameters["include_timeframes"]:
        for pair in dict.fromkeys((*pairs, *correlated)):
            if pair not in stored.get(timeframe, ()):
                lacking.setdefault(pair, []).append(timeframe)
    kept = tuple(pair for pair in pairs if pair not in lacking)
    named = "; ".join(f"{pair}: no {', '.join(timeframes)} candles" for pair, timeframes in lacking.items())
    if not kept or any(pair in lacking for pair in correlated):
        raise MarketDataError(
            f"{config['datadir']}: {named}; the features of every pair need them, by "
            "freqai.feature_parameters.include_timeframes and include_corr_pairlist; get them with freqtrade "
            "download-data, or change these settings"
        )
    if lacking:
        logger.warning("%s: %s; left out", config["datadir"], named)
    return kept


def _refuse_shared_coins(pairs: "Sequence[str]") -> None:
    first_of: dict[str, str] = {}
    for pair in pairs:
        other = first_of.setdefault(pair.split("/")[0].lower(), pair)
        if other != pair:
            raise SettingsError(
                f"exchange.pair_whitelist: {other} and {pair} have the same base coin, and FreqAI names its prediction "
                "files by it alone, so one pair would read the other's; backtest them apart, "
                "each with a freqai.identifier of its own"
            )


def _markets(pairs: "Sequence[str]") -> CandleMarkets:
    markets = {}
    for pair in pairs:
        base, _, rest = pair.partition("/")
        markets[pair] = {"symbol": pair, "base": base, "quote": rest.split(":")[0]}
    return CandleMarkets(MappingProxyType(markets))
