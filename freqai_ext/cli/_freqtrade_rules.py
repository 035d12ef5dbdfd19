"""Which commands, options and settings of Freqtrade a run on replayed candles takes over, and which it replaces.

Freqtrade prefers options to environment variables, and those to configuration files, so an added configuration file
decides nothing where an option or a variable names the same setting. Whatever is in none of these tables is refused or
left out: a later Freqtrade may bring an option that reaches a real database, port or exchange.
"""

from collections.abc import Mapping
from typing import Final

TRADE: Final = "trade"

LOOKING_BACK: Final = frozenset(
    {
        "backtesting",
        "download-data",
        "hyperopt",
        "list-markets",
        "list-pairs",
        "list-timeframes",
        "lookahead-analysis",
        "plot-dataframe",
        "plot-profit",
        "recursive-analysis",
        "test-pairlist",
    }
)
"""Commands that ask the exchange and look at the past."""

_NO_EXCHANGE: Final = "uses no exchange; run it without this command"
_REAL_DATABASE: Final = "works on a real database, and a replay touches none; run it without this command"
_OTHER_DATA: Final = "rewrites a data directory, and a replay touches none; run it without this command"

REFUSED_COMMANDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("backtesting-analysis", "backtesting-show", "create-userdir", "edge", "hyperopt-list", "hyperopt-show"),
            *("list-data", "list-exchanges", "list-freqaimodels", "list-hyperoptloss", "list-strategies"),
            *("new-config", "new-strategy", "show-config", "strategy-updater"),
        ),
        _NO_EXCHANGE,
    ),
    **dict.fromkeys(("convert-db", "show-trades"), _REAL_DATABASE),
    **dict.fromkeys(("convert-data", "convert-trade-data", "trades-to-ohlcv"), _OTHER_DATA),
    "install-ui": "downloads from the internet; run it without this command",
    "webserver": "listens on a port, and a replay opens none; give it the configuration that freqai-ext replay prints",
}
"""Further commands of Freqtrade, and what to do instead of running them on replayed candles."""

REPLACED_OPTIONS: Final[Mapping[str, str]] = {
    "exchange": "the replay exchange stands in, which Freqtrade takes for bybit",
}
"""Options that are left out of every command, and what is used instead."""

REPLACED_IN_TRADE: Final[Mapping[str, str]] = {
    "datadir": "the run downloads into a directory of its own",
    "db_url": "the run has a database of its own",
    "logfile": "the log of a real bot holds no replayed trades",
    "sd_notify": "no service manager is notified",
}
"""Further options that are left out of ``trade``."""

REFUSED_IN_THE_PAST: Final[Mapping[str, str]] = {
    "datadir": "Freqtrade writes into it; name the candles to read with freqai-ext offline --data",
    "db_url": "a replay reads and writes no real database; leave it out",
}
"""Options that the commands of :data:`LOOKING_BACK` do not take."""

PASSED_OPTIONS: Final = frozenset(
    {
        # What is read: code and configuration of the user.
        *("config", "freqaimodel", "freqaimodel_path", "hyperopt_loss", "hyperopt_path", "recursive_strategy_search"),
        *("strategy", "strategy_list", "strategy_path", "user_data_dir", "pairs_file", "freqai_backtest_live_models"),
        # What is simulated.
        *("dry_run", "dry_run_wallet", "enable_dynamic_pairlist", "enable_protections", "fee"),
        *(
            "lookahead_allow_limit_orders",
            "max_open_trades",
            "minimum_trade_amount",
            "pairs",
            "position_stacking",
            "stake_amount",
        ),
        *(
            "startup_candle",
            "targeted_trade_amount",
            "timeframe",
            "timeframe_detail",
            "timeframes",
            "timerange",
            "trading_mode",
        ),
        # How the search goes.
        *("analyze_per_epoch", "disableparamexport", "early_stop", "epochs", "hyperopt_ignore_missing_space"),
        *("hyperopt_jobs", "hyperopt_min_trades", "hyperopt_random_state", "spaces"),
        # What is shown, and results in files that no bot reads.
        *("backtest_breakdown", "backtest_cache", "backtest_notes", "export", "exportdirectory", "exportfilename"),
        *("help", "indicators1", "indicators2", "logfile", "lookahead_analysis_exportfilename", "no_trades"),
        *("plot_auto_open", "plot_limit", "print_all", "print_colorized", "print_json", "trade_source", "verbosity"),
        *("version", "base_currencies", "list_pairs_all", "list_pairs_print_json", "print_csv", "print_list"),
        *("print_one_column", "quote_currencies"),
        # Downloads, which go into a directory of their own.
        *("candle_types", "convert_trades", "dataformat_ohlcv", "dataformat_trades", "days", "download_trades"),
        *("erase", "include_inactive", "new_pairs_days", "no_parallel_download", "prepend_data"),
    }
)
"""Options that a run on replayed candles takes over as they are."""

PASSED_SETTINGS: Final = frozenset(
    {
        # The strategy, its model and what both may do.
        *("freqai", "freqai_ext", "freqaimodel", "freqaimodel_path", "recursive_strategy_search", "strategy"),
        *("strategy_path", "user_data_dir", "bot_name", "experimental", "orderflow", "proxy_coin"),
        *("disable_dataframe_checks", "process_only_new_candles", "reduce_df_footprint", "timeframe", "timerange"),
        *("timeframe_detail", "startup_candle", "startup_candle_count", "pairlists", "verbosity"),
        # Money, which a dry run only counts.
        *("amend_last_stake_amount", "available_capital", "dry_run_wallet", "fee", "last_stake_amount_min_ratio"),
        *("max_open_trades", "stake_amount", "tradable_balance_ratio", "margin_mode", "stake_currency"),
        *("trading_mode", "liquidation_buffer", "liquidation_warn_ratio", "skip_wallet_history_migration"),
        # Entries, exits and orders.
        *("amount_reserve_percent", "cancel_open_orders_on_exit", "custom_price_max_distance_ratio"),
        *("entry_pricing", "exit_pricing", "exit_profit_offset", "exit_profit_only", "ignore_roi_if_entry_signal"),
        *("ignore_buying_expired_candle_after", "max_entry_position_adjustment", "minimal_roi", "order_time_in_force"),
        *("order_types", "position_adjustment_enable", "stoploss", "trailing_only_offset_is_reached"),
        *("trailing_stop", "trailing_stop_positive", "trailing_stop_positive_offset", "unfilledtimeout"),
        *("use_exit_signal", "internals", "initial_state"),
        # Backtests and hyperopt.
        *("analyze_per_epoch", "backtest_breakdown", "backtest_cache", "disableparamexport", "early_stop", "epochs"),
        *("export", "hyperopt_jobs", "hyperopt_loss", "hyperopt_min_trades", "hyperopt_path"),
        *("hyperopt_random_state", "lookahead_analysis_exportfilename", "minimum_trade_amount", "print_all", "spaces"),
        *("targeted_trade_amount", "dataformat_ohlcv", "dataformat_trades", "download_trades", "new_pairs_days"),
    }
)
"""Settings that environment variables may give, as far as the run does not set them itself."""

REPLACED_SETTINGS: Final = frozenset(
    {
        *("add_config_files", "api_server", "coingecko", "datadir", "db_url", "discord", "dry_run", "exchange"),
        *("external_message_consumer", "fiat_display_currency", "force_entry_enable", "log_config", "logfile"),
        *("telegram", "webhook"),
    }
)
"""Settings that reach a database, a port, a service or a log outside of the run: no environment variable gives them."""

PASSED_EXCHANGE_SETTINGS: Final = frozenset({"pair_whitelist", "pair_blacklist"})
"""What environment variables may still give of the exchange."""
