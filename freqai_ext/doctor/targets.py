"""Check of a strategy's targets against the model that is to learn them, Freqtrade's own models included."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from freqai_ext.doctor.context import Context, is_ours
from freqai_ext.doctor.finding import Finding, failure, name_some, warning
from freqai_ext.doctor.tracebacks import traceback_of


def check_targets(context: Context, config: dict[str, Any], candles: pd.DataFrame, pair: str) -> Iterator[Finding]:
    """The strategy sets targets that the model can learn.

    Parameters
    ----------
    config
        Of a backtest over the candles, for Freqtrade's data provider.
    candles
        A stretch of the base timeframe on which the targets are computed.
    """
    from freqai_ext.models._kind import is_reinforcement_learner, target_faults
    from freqai_ext.models._target_trial import try_targets

    strategy, model = context.strategy, context.loaded_model
    try:
        labelled = _labelled(strategy, config, candles, pair)
    except Exception as error:
        yield failure(f"set_freqai_targets raises {type(error).__name__}: {error}", "correct it", traceback_of(error))
        return
    targets = labelled.filter(regex="&")
    faults = target_faults(model, targets)
    yield from (failure(fault.message, fault.remedy) for fault in faults)
    if faults or is_reinforcement_learner(model) or targets.empty:
        return
    horizon = int(context.freqai["feature_parameters"].get("label_period_candles", 0))
    tried = try_targets(strategy, pair, labelled, context.config["timeframe"], horizon)
    yield from _without_variety(model, targets, tried.labels)


def _labelled(strategy: Any, config: dict[str, Any], candles: pd.DataFrame, pair: str) -> pd.DataFrame:
    """Return candles with targets, and with the features where the targets are made of them."""
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    try:
        labelled: pd.DataFrame = strategy.set_freqai_targets(candles.copy(), metadata={"pair": pair})
    except KeyError:
        # A data kitchen of a live bot sets the targets, too, and needs no training windows.
        kitchen = FreqaiDataKitchen(config, live=True, pair=pair)
        labelled = kitchen.use_strategy_to_populate_indicators(strategy, prediction_dataframe=candles.copy(), pair=pair)
    return labelled


def _without_variety(model: Any, targets: pd.DataFrame, tried: pd.DataFrame) -> Iterator[Finding]:
    counts, tried_counts = targets.nunique(), tried.nunique().reindex(targets.columns)
    labels = [str(label) for label in targets]
    empty = [label for label in labels if counts[label] == 0 and tried_counts[label] == 0]
    fixed = [label for label in labels if counts[label] == 1 and tried_counts[label] == 1]
    calm = [label for label in labels if counts[label] == 1 and tried_counts[label] > 1]
    if empty:
        yield failure(
            f"set_freqai_targets: {name_some(empty)} has no value, neither on these candles nor on generated ones",
            "correct how it is computed, for instance how far it looks ahead",
        )
    if fixed:
        # The others can be learnt beside it.
        report = failure if len(fixed) == len(targets.columns) else warning
        yield report(
            f"set_freqai_targets: {name_some(fixed)} takes only one value, also on generated candles, calm and wild; "
            "there is nothing to learn",
            "correct its condition or threshold",
        )
    # Our models predict such a target as the constant it is.
    if calm and not is_ours(type(model)):
        yield warning(
            f"set_freqai_targets: {name_some(calm)} takes only one value on these candles, which CatBoost and "
            "classifiers refuse to learn",
            "bring its threshold nearer",
        )
