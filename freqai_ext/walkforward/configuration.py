"""From the options of ``freqtrade backtesting`` to a configuration that can be walked forward."""

from collections.abc import Sequence
from typing import Any

from freqai_ext._files import require_writable
from freqai_ext.errors import SettingsError


def backtesting_config(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the configuration that ``freqtrade backtesting`` makes of its options.

    Parameters
    ----------
    arguments
        As on the command line, e.g. ``["-c", "config.json", "--timerange", "20250301-20250401"]``.

    Raises
    ------
    SettingsError
        When it is no backtest that can be trained beforehand.
    freqtrade.exceptions.FreqtradeException
        As Freqtrade raises for a wrong configuration.
    SystemExit
        As Freqtrade's parser does for an option it does not know.
    """
    from freqtrade.commands import Arguments
    from freqtrade.configuration import setup_utils_configuration
    from freqtrade.enums import RunMode

    if arguments and arguments[0] in ("freqtrade", "backtesting"):
        raise SettingsError(
            f"{arguments[0]}: only the options of freqtrade backtesting are taken here; leave the words freqtrade and "
            "backtesting out"
        )
    parsed = Arguments(["backtesting", *arguments]).get_parsed_arg()
    config: dict[str, Any] = setup_utils_configuration(parsed, RunMode.BACKTEST)
    require_writable(config["user_data_dir"], "models")
    check_config(config)
    return config


def check_config(config: dict[str, Any]) -> None:
    """Raise :class:`SettingsError` with every reason for which ``config`` cannot be walked forward."""
    faults = []
    if not config.get("freqai", {}).get("enabled"):
        faults.append("freqai.enabled: not true; a walk-forward run trains FreqAI models, so set it to true")
    if config.get("freqai_backtest_live_models"):
        faults.append("freqai_backtest_live_models: true trains nothing; leave --freqai-backtest-live-models out")
    if config.get("strategy_list"):
        names = ", ".join(config["strategy_list"])
        faults.append(f"strategy_list: {names}; predictions are made for one strategy, so name it with --strategy")
    elif not config.get("strategy"):
        faults.append("strategy: missing; name it with --strategy")
    if not config.get("freqaimodel"):
        faults.append("freqaimodel: missing; name it with --freqaimodel")
    start, _, stop = str(config.get("timerange") or "").partition("-")
    if not (start and stop):
        faults.append(
            f"timerange: {config.get('timerange')!r} has no start or no end; write --timerange 20250301-20250401"
        )
    elif reason := _unreadable(str(config["timerange"])):
        faults.append(f"timerange: {config['timerange']!r} cannot be read{reason}; write --timerange 20250301-20250401")
    methods = [each.get("method") for each in config.get("pairlists", [])]
    if methods and methods[0] != "StaticPairList":
        faults.append(
            f"pairlists: {methods[0]} asks the exchange for its pairs; "
            "list them in exchange.pair_whitelist and use StaticPairList"
        )
    if faults:
        raise SettingsError("\n".join(faults))


def _unreadable(timerange: str) -> str | None:
    """Return what Freqtrade says of a time range that it cannot read, ``None`` of one that it can."""
    from freqtrade.configuration import TimeRange
    from freqtrade.exceptions import FreqtradeException

    try:
        TimeRange.parse_timerange(timerange)
    except FreqtradeException as error:
        return f" ({error})"
    return None
