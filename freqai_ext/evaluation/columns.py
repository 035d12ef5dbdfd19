"""Which columns of a prediction speak of which target."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd

from freqai_ext.config import ExtSettings
from freqai_ext.evaluation.forecasts import Forecasts

TargetKind: TypeAlias = Literal["number", "event", "classes"]
"""A number, an event (0 or 1), or names of classes."""


@dataclass(frozen=True)
class OddsColumns:
    """Columns of the odds of a return, each ``None`` where the model does not give it."""

    p_up: str | None
    p_down: str | None
    ev_bps: str | None


@dataclass(frozen=True)
class TargetColumns:
    """A target and the columns that speak of it.

    Attributes
    ----------
    target
        Name of the target, also of the column of its forecast.
    kind
        What its outcomes are.
    lower, upper
        Columns of the ends of its interval, or ``None``.
    odds
        Of a number that is a return.
    classes
        Of names: the classes that have a column of probabilities.
    is_return
        Of a number: whether it is a return, on which one can bet.
    """

    target: str
    kind: TargetKind
    lower: str | None
    upper: str | None
    odds: OddsColumns
    classes: tuple[str, ...] = ()
    is_return: bool = False


def target_columns(forecasts: Forecasts, settings: ExtSettings) -> tuple[TargetColumns, ...]:
    """Return the targets that were forecast, in the strategy's order.

    Only returns have odds. Of several each has them under its own name, ``p_up_return_12`` of ``&-return_12``; columns
    without one belong to the first, or to the first of ``freqai_ext.signal.return_targets``.
    """
    given = [target for target in forecasts.actual.columns if target in forecasts.rows]
    kinds = {target: _kind(forecasts.actual[target]) for target in given}
    numbers = [target for target in given if kinds[target] == "number"]
    returns = [target for target in numbers if forecasts.returns is None or target in forecasts.returns]
    wanted = settings.signal.return_targets
    primary = next((target for target in (returns if wanted == "auto" else wanted) if target in returns), None)
    return tuple(
        _columns(target, kinds[target], forecasts, is_return=target in returns, is_primary=target == primary)
        for target in given
    )


def _kind(actual: pd.Series) -> TargetKind:
    known = actual.dropna()
    if pd.api.types.is_string_dtype(known) and not pd.api.types.is_numeric_dtype(known):
        return "classes"
    return "event" if len(known) and known.isin((0, 1)).all() else "number"


def _columns(
    target: str, kind: TargetKind, forecasts: Forecasts, *, is_return: bool, is_primary: bool
) -> TargetColumns:
    given = set(forecasts.rows.columns)

    def present(*names: str) -> str | None:
        return next((name for name in names if name in given), None)

    def odds(name: str) -> str | None:
        own = f"{name}_{target.removeprefix('&').lstrip('-')}"
        return present(own, *([name] if is_primary else [])) if is_return else None

    lower, upper = present(f"{target}_lo"), present(f"{target}_hi")
    if kind != "number" or lower is None or upper is None:
        lower = upper = None
    classes: tuple[str, ...] = ()
    if kind == "classes":
        seen = sorted(map(str, forecasts.actual[target].dropna().unique()))
        classes = tuple(name for name in seen if name in given)
    given_odds = OddsColumns(odds("p_up"), odds("p_down"), odds("ev_bps"))
    return TargetColumns(target, kind, lower, upper, given_odds, classes, is_return)
