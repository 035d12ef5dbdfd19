"""Checks of settings that are valid each on its own, and together give wrong or slow results."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd

from freqai_ext.config import lacks_training_history, load_ext_settings
from freqai_ext.doctor.candles import needed_timeframes, warm_up
from freqai_ext.doctor.context import Context, is_ours
from freqai_ext.doctor.finding import Finding, failure, name_some, ok, warning
from freqai_ext.errors import SettingsError
from freqai_ext.labels import timeframe_to_timedelta

_THREAD_PARAMETERS: Final = ("n_jobs", "num_threads", "nthread", "thread_count")
_BYTES_PER_DISTANCE: Final = 8


def check_training(context: Context) -> Iterator[Finding]:
    """The ``freqai`` section makes sense as a whole."""
    findings = [
        *_missing_horizon(context),
        *_short_training(context),
        *_shared_base_coins(context.config),
        *_shuffled_split(context.freqai),
        *_expiry_before_retraining(context.freqai),
        *_dissimilarity_memory(context.config),
        *_unbounded_threads(context),
        *_reused_identifier(context),
        *_reference_without_history(context.config),
    ]
    yield from findings or [ok("the settings of 'freqai' fit together")]


def _missing_horizon(context: Context) -> Iterator[Finding]:
    if "label_period_candles" not in context.freqai["feature_parameters"]:
        strategy = context.loaded_strategy
        report = failure if strategy is not None and is_ours(type(strategy)) else warning
        yield report(
            "freqai.feature_parameters.label_period_candles: missing; targets look this many candles ahead",
            "set it, e.g. to 24",
        )


def _short_training(context: Context) -> Iterator[Finding]:
    config = context.config
    days = config["freqai"]["train_period_days"]
    needed = warm_up(config, needed_timeframes(config)[0])
    if days <= 0:
        yield failure(f"freqai.train_period_days: {days} is no training window", "set it, e.g. to 30")
    elif pd.Timedelta(days=days) < needed:
        yield warning(
            f"freqai.train_period_days: {days} is shorter than the {needed / pd.Timedelta(days=1):.1f} days that the "
            "features look back: a model sees hardly one independent value of the slowest ones",
            "train on a longer window",
        )


def _shared_base_coins(config: dict[str, Any]) -> Iterator[Finding]:
    count = Counter(pair.split("/")[0] for pair in config["exchange"].get("pair_whitelist", []))
    shared = sorted(coin for coin, pairs in count.items() if pairs > 1)
    if shared:
        yield failure(
            f"exchange.pair_whitelist: {name_some(shared)} in more than one pair; FreqAI names its model folders by "
            "the base coin, so these pairs overwrite and purge each other's models",
            "keep one pair of each coin, or run a second bot with its own identifier",
        )


def _shuffled_split(freqai: dict[str, Any]) -> Iterator[Finding]:
    if freqai["data_split_parameters"].get("shuffle"):
        yield warning(
            "freqai.data_split_parameters.shuffle: true puts neighbouring rows, whose targets overlap, on both sides "
            "of the split: the test error that early stopping watches is too good",
            "set it to false",
        )


def _expiry_before_retraining(freqai: dict[str, Any]) -> Iterator[Finding]:
    expiration, retraining = freqai.get("expiration_hours", 0), freqai.get("live_retrain_hours", 0)
    if 0 < expiration <= retraining:
        yield failure(
            f"freqai.expiration_hours: {expiration} is not above live_retrain_hours ({retraining}), so every model "
            "expires before its successor is trained",
            "set it to 0, or well above live_retrain_hours",
        )


def _dissimilarity_memory(config: dict[str, Any]) -> Iterator[Finding]:
    freqai = config["freqai"]
    if not freqai["feature_parameters"].get("DI_threshold"):
        return
    step = timeframe_to_timedelta(needed_timeframes(config)[0])
    rows = int(pd.Timedelta(days=freqai["train_period_days"]) / step)
    test_size = freqai["data_split_parameters"].get("test_size", 0)
    rows -= int(rows * test_size if test_size < 1 else test_size)
    size, memory = rows**2 * _BYTES_PER_DISTANCE, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory / 4:
        yield warning(
            f"freqai.feature_parameters.DI_threshold: the dissimilarity index keeps the distances of {rows:,} rows "
            f"to each other, {size / 2**30:.1f} GiB of this machine's {memory / 2**30:.1f} GiB",
            "set it to 0, or train on fewer days",
        )


def _unbounded_threads(context: Context) -> Iterator[Finding]:
    model = context.loaded_model
    parameters = context.freqai.get("model_training_parameters", {})
    if model is None or is_ours(type(model)):
        return
    if not any(name in parameters for name in _THREAD_PARAMETERS):
        yield warning(
            f"freqai.model_training_parameters.n_jobs: not set, so {type(model).__name__} takes all cores for a fit, "
            "which is several times slower beside any other busy process",
            "set it to 1 and run pairs in parallel processes",
        )


def _reused_identifier(context: Context) -> Iterator[Finding]:
    if context.loaded_model is not None and is_ours(type(context.loaded_model)):
        # Our models set predictions of another origin aside.
        return
    identifier = context.freqai["identifier"]
    folder = Path(context.config["user_data_dir"]) / "models" / identifier
    cached = list((folder / "backtesting_predictions").glob("*.feather"))
    if not cached:
        return
    changed = _changed_since(folder / "run_params.json", context.freqai)
    remedy = f"write a new freqai.identifier for each model and feature set, or delete {folder}"
    if changed:
        yield failure(
            f"freqai.identifier: '{identifier}' holds {len(cached)} backtest predictions of a run with other settings "
            f"({name_some(changed)}); FreqAI would reuse them",
            remedy,
        )
    else:
        yield warning(
            f"freqai.identifier: '{identifier}' holds {len(cached)} backtest predictions; a model that is not of "
            "freqai_ext reuses them whatever model and strategy made them",
            remedy,
        )


def _changed_since(record: Path, freqai: dict[str, Any]) -> list[str]:
    try:
        before = dict(json.loads(record.read_text(encoding="utf-8"))["freqai"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        # FreqAI writes it at each start and reads it never.
        return []
    now = json.loads(json.dumps(freqai, default=str))
    relevant = ("train_period_days", "feature_parameters", "data_split_parameters", "model_training_parameters")
    return [key for key in relevant if before.get(key) != now.get(key)]


def _reference_without_history(config: dict[str, Any]) -> Iterator[Finding]:
    try:
        features = load_ext_settings(config).features
    except SettingsError:
        # The check of the configuration reports it.
        return
    reference = features.reference_pair if features.families is None or "cross_asset" in features.families else None
    if reference and lacks_training_history(config, reference):
        yield failure(
            f"freqai_ext.features.reference_pair: '{reference}' is in neither list of pairs of which a live bot keeps "
            "the history, so its strategy does not start; a backtest does",
            f"add '{reference}' to freqai.feature_parameters.include_corr_pairlist",
        )
