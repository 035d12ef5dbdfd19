"""Which targets to train, for the kind of model that the user has chosen."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from freqtrade.exceptions import OperationalException

from freqai_ext.labels import LabelSettings, direction, make_targets
from freqai_ext.models._kind import model_task, takes_several_targets

_BINARY = ("buy", "sell", "stoploss")


@dataclass(frozen=True)
class TargetPlan:
    """The targets to set and the form that the model needs.

    Parameters
    ----------
    names
        Of ``roi``, ``buy``, ``sell`` and ``stoploss``.
    task
        ``regression`` trains numbers (a hit is 1.0), ``classification`` trains string classes.
    """

    names: tuple[str, ...]
    task: Literal["regression", "classification"]

    @property
    def class_names(self) -> list[str]:
        """The classes of all targets, each name once; empty for regression."""
        if self.task == "regression":
            return []
        binary = [f"{name}_{answer}" for name in self.names if name != "roi" for answer in ("no", "yes")]
        return [*(("down", "flat", "up") if "roi" in self.names else ()), *binary]


def plan_targets(model: Any, wanted: Literal["auto"] | tuple[str, ...]) -> TargetPlan:
    """Return the targets for a FreqAI model, ours, Freqtrade's or the user's.

    ``"auto"`` gives a model of one target the forward return (its direction, for a classifier) and a model of
    several targets everything that it can learn.

    Raises
    ------
    OperationalException
        Where several targets are asked of a model of one.
    """
    task, several = model_task(model), takes_several_targets(model)
    if wanted == "auto":
        return TargetPlan(("roi", *_BINARY) if several else ("roi",), task)
    if len(wanted) > 1 and not several:
        raise OperationalException(
            f"freqai_ext.strategy.targets: {list(wanted)} is more than one target, and {type(model).__name__} learns "
            'one; name one target, write "auto", or use a MultiTarget model'
        )
    return TargetPlan(tuple(wanted), task)


def target_columns(
    candles: pd.DataFrame, plan: TargetPlan, horizon_candles: int, timeframe: str, settings: LabelSettings
) -> pd.DataFrame:
    """Return one FreqAI label column (``&-...``) per target; rows whose label is not yet known are missing."""
    targets = make_targets(candles, horizon_candles, timeframe, settings)
    columns: dict[str, pd.Series] = {}
    for name in plan.names:
        if plan.task == "regression":
            columns[f"&-{name}"] = targets[name].values
        elif name == "roi":
            columns["&-direction"] = direction(
                candles,
                horizon_candles,
                timeframe,
                up_threshold=settings.buy_threshold,
                down_threshold=settings.sell_threshold,
            ).values
        else:
            columns[f"&-{name}"] = targets[name].values.map({0.0: f"{name}_no", 1.0: f"{name}_yes"})
    return pd.DataFrame(columns)
