"""The configuration to start from: a dry run on Bybit that is valid as it stands and fits on a screen."""

import json
from typing import Any, Literal

TradingMode = Literal["spot", "futures"]

_COINS = ("BTC", "ETH", "SOL")
_LINE_WIDTH = 100
_HYPER_HORIZONS = (12, 24, 48)
# What served the models that give odds best on real candles of February to April 2025, see docs/evaluation.md.
_ODDS_FAMILIES = ("momentum", "calendar", "range_volatility", "return_shape")
_ODDS_LOOKBACKS = (6, 12, 24, 48, 96, 288)


def starting_config(trading_mode: TradingMode) -> dict[str, Any]:
    """Return the starting configuration for ``trading_mode``; Freqtrade accepts it unchanged.

    It holds no secrets, and no ``api_server`` section, which Freqtrade would want secrets for.
    """
    settlement = ":USDT" if trading_mode == "futures" else ""
    pairs = [f"{coin}/USDT{settlement}" for coin in _COINS]
    order_book_price = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
    return {
        "$schema": "https://schema.freqtrade.io/schema.json",
        "dry_run": True,
        "dry_run_wallet": 10000,
        **_market(trading_mode),
        "timeframe": "5m",
        "max_open_trades": len(pairs),
        "stake_currency": "USDT",
        "stake_amount": "unlimited",
        "tradable_balance_ratio": 0.99,
        "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes"},
        "entry_pricing": order_book_price,
        "exit_pricing": order_book_price,
        "exchange": {"name": "bybit", "pair_whitelist": pairs, "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "initial_state": "running",
        "internals": {"process_throttle_secs": 5},
        "freqai": _freqai(trading_mode, reference_pair=pairs[0]),
        "freqai_ext": {
            "features": {"reference_pair": pairs[0]},
            "labels": {"buy_threshold": 0.01, "sell_threshold": -0.01, "stoploss_threshold": -0.05},
            "strategy": {"targets": "auto", "max_slippage_ratio": 0.003, "leverage": 1.0},
        },
    }


def hyper_config(trading_mode: TradingMode) -> dict[str, Any]:
    """Return the starting configuration for ``FreqaiHyperStrategy``, with a model that gives odds."""
    config = starting_config(trading_mode)
    fee: float = config["fee"]
    config["freqai"] |= {
        "identifier": f"freqai_hyper_{trading_mode}",
        "train_period_days": 45,
        # Each model's own defaults, which serve it best.
        "model_training_parameters": {},
    }
    config["freqai"]["feature_parameters"] |= {
        "include_timeframes": ["5m"],
        "include_corr_pairlist": [],
        "label_period_candles": max(_HYPER_HORIZONS),
        "include_shifted_candles": 0,
        "indicator_periods_candles": [14],
        "weight_factor": 0,
    }
    config["freqai_ext"] = {
        "features": {"families": list(_ODDS_FAMILIES), "lookbacks": list(_ODDS_LOOKBACKS)},
        "signal": {"backend": "linear", "panel": True, "round_trip_cost_bps": round(2e4 * fee, 1)},
        "strategy": {"max_slippage_ratio": 0.003, "leverage": 1.0},
        "hyper": {
            "horizons": list(_HYPER_HORIZONS),
            "prediction_sets": [],
            "kelly_fraction": 0.25,
            "max_stake_share": 0.3,
        },
    }
    return config


def sidecar_config() -> dict[str, Any]:
    """Return the starting configuration of the Guardian sidecar: it predicts and publishes, in dry-run.

    It holds no secret; Guardian's token comes from ``freqai_ext.guardian.token_file`` or the variable
    ``FREQAI_EXT_GUARDIAN__TOKEN``.
    """
    config = hyper_config("spot")
    config |= {"strategy": "GuardianSidecarStrategy", "freqaimodel": "CalibratedSignalModel"}
    config["freqai"] |= {"identifier": "guardian_sidecar", "expiration_hours": 48}
    config["freqai_ext"]["guardian"] = {
        "url": "http://127.0.0.1:8099",
        "token_file": None,
        "network": "mainnet",
        "push_interval_s": 300,
        # Once a day, at the original sidecar's time.
        "train_cron": "0 4 * * *",
        "features": True,
        "policy": {"untrusted_pair": "neutral", "no_model": "retract", "shutdown": "retract"},
    }
    return config


def hybrid_config() -> dict[str, Any]:
    """Return the starting configuration of ``GraphitiHybridStrategy``, with the parameters of the original.

    It holds no secrets, but the settings that name their files; the services are where they stand after a plain
    installation on this machine.
    """
    config = starting_config("spot")
    del config["freqai"]
    config |= {"strategy": "GraphitiHybridStrategy", "timeframe": "15m"}
    config["freqai_ext"] = {
        "news": {
            "policy": "deny",
            "max_age_minutes": 90,
            "news_check_interval_s": 3600,
            "perplexica": {"url": "http://127.0.0.1:3000"},
            "llm": {
                "endpoints": [
                    {
                        "name": "primary_analysis",
                        "model": "llama3.1:8b",
                        "api_base": "http://127.0.0.1:11434/v1",
                        "api_key_file": None,
                    }
                ]
            },
            "graphiti": {"url": "http://127.0.0.1:8000", "dialect": "graphiti", "token_file": None},
        },
        "hybrid": {
            "rsi_period": 14,
            "rsi_oversold": 30,
            "rsi_overbought": 70,
            "min_impact_score": 0.3,
            "stop_loss": -0.05,
            "take_profit": 0.1,
            "max_position_size": 100,
        },
    }
    return config


def render_json(value: Any, indent: int = 0) -> str:
    """Return ``value`` as JSON in which every object and list that fits on a line stands on one."""
    flat = json.dumps(value)
    if not isinstance(value, dict | list) or not value or (indent and indent + len(flat) <= _LINE_WIDTH):
        return flat
    inner = indent + 4
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {render_json(item, inner)}" for key, item in value.items()]
    else:
        parts = [render_json(item, inner) for item in value]
    body = ",\n".join(" " * inner + part for part in parts)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{body}\n{' ' * indent}{closing}"


def _market(trading_mode: TradingMode) -> dict[str, Any]:
    if trading_mode == "futures":
        return {"trading_mode": "futures", "margin_mode": "isolated", "fee": 0.00055}
    return {"trading_mode": "spot", "fee": 0.001}


def _freqai(trading_mode: TradingMode, reference_pair: str) -> dict[str, Any]:
    return {
        "enabled": True,
        "identifier": f"freqai_ext_{trading_mode}",
        "train_period_days": 15,
        "backtest_period_days": 7,
        "live_retrain_hours": 4,
        "expiration_hours": 24,
        "purge_old_models": 2,
        "save_backtest_models": False,
        "activate_tensorboard": False,
        "feature_parameters": {
            "include_timeframes": ["5m", "15m", "1h"],
            "include_corr_pairlist": [reference_pair],
            "label_period_candles": 24,
            "include_shifted_candles": 1,
            "indicator_periods_candles": [14, 24],
            "weight_factor": 0.9,
            "DI_threshold": 0,
        },
        "data_split_parameters": {"test_size": 0.1, "shuffle": False},
        "model_training_parameters": {"n_estimators": 200, "learning_rate": 0.05, "random_state": 1},
    }
