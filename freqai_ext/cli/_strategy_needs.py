"""Pairs and timeframes that a strategy reads beside those of the configuration."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from freqai_ext.cli._freqtrade_command import FreqtradeCommand
from freqai_ext.errors import SettingsError


@dataclass(frozen=True)
class StrategyNeeds:
    """What the strategies of a command ask for by ``informative_pairs`` and ``@informative``, and their timeframes.

    Parameters
    ----------
    pairs
        Informative pairs of the command's trading mode, the listed ones included.
    timeframes
        Timeframes of the strategies and of these pairs.
    problem
        Why it is not known, if a strategy failed when it was asked; else empty.
    """

    pairs: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ()
    problem: str = ""


def strategy_needs(command: FreqtradeCommand, pairs: Sequence[str]) -> StrategyNeeds:
    """Load the strategies that the command names, as Freqtrade does, and return what they ask for.

    Parameters
    ----------
    pairs
        What stands for the whitelist.

    Raises
    ------
    SettingsError
        When Freqtrade finds no such strategy, or cannot load it.
    """
    found: list[tuple[str, str]] = []
    timeframes: list[str] = []
    try:
        for strategy in _strategies(command, pairs):
            timeframes.append(str(strategy.timeframe))
            found += [(str(pair), str(timeframe)) for pair, timeframe, *_ in strategy.gather_informative_pairs()]
    except SettingsError:
        raise
    except (Exception, SystemExit) as error:
        return StrategyNeeds(timeframes=tuple(timeframes), problem=f"{type(error).__name__}: {error}")
    futures = command.trading_mode == "futures"
    # Freqtrade gives them in the order of a set, and the same run must be the same run.
    served = sorted((pair, timeframe) for pair, timeframe in found if (":" in pair) == futures)
    return StrategyNeeds(
        tuple(dict.fromkeys(pair for pair, _ in served)),
        tuple(dict.fromkeys([*timeframes, *(timeframe for _, timeframe in served)])),
    )


def _strategies(command: FreqtradeCommand, pairs: Sequence[str]) -> Iterator[Any]:
    if "strategy" not in command.options:
        return
    from freqtrade.enums import CandleType, RunMode
    from freqtrade.exceptions import FreqtradeException
    from freqtrade.resolvers import StrategyResolver

    names = command.args.get("strategy_list") or [command.args.get("strategy") or command.config.get("strategy")]
    for name in filter(None, names):
        config: dict[str, Any] = deepcopy(dict(command.config))
        for option in ("strategy_path", "recursive_strategy_search", "timeframe"):
            if command.args.get(option):
                config[option] = command.args[option]
        config |= {
            "strategy": name,
            "user_data_dir": command.userdir,
            "runmode": RunMode.UTIL_NO_EXCHANGE,
            "candle_type_def": CandleType.get_default(command.trading_mode),
        }
        try:
            strategy = StrategyResolver.load_strategy(config)
        except FreqtradeException as error:
            raise SettingsError(f"--strategy {name}: {error}") from error
        strategy.dp = _provider(config, pairs)
        yield strategy


def _provider(config: dict[str, Any], pairs: Sequence[str]) -> Any:
    from types import SimpleNamespace

    from freqtrade.data.dataprovider import DataProvider

    provider = DataProvider(config, None, SimpleNamespace(whitelist=list(pairs)))
    # There is no exchange to ask yet.
    provider.market = _market_by_name
    return provider


def _market_by_name(pair: str) -> dict[str, str | None]:
    base, _, rest = pair.partition("/")
    quote, _, settle = rest.partition(":")
    return {"symbol": pair, "base": base, "quote": quote, "settle": settle or None}
