"""The prediction columns of a model that gives odds."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.models._signal_rows import class_target
from freqai_ext.signals import Signal, TargetForecast

logger = logging.getLogger(__name__)

ODDS = ("p_up", "p_down", "ev_bps", "confidence")


def odds_columns(returns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return for each return target its column of each of :data:`ODDS`, as ``{target: {"p_up": column, …}}``.

    With one return they are called as they are. With several each has them with its own name behind, e.g.
    ``p_up_return_12`` for ``&-return_12``.
    """
    if len(returns) < 2:
        return {target: {odds: odds for odds in ODDS} for target in returns}
    return {target: {odds: f"{odds}_{target.removeprefix('&').lstrip('-')}" for odds in ODDS} for target in returns}


def extra_columns(labels: Sequence[str], classes: Mapping[str, Sequence[str]], signal: Signal) -> list[str]:
    """Return the columns of a prediction beside the labels."""
    columns: list[str] = []
    for label in labels:
        columns += classes.get(label, (f"{label}_lo", f"{label}_hi"))
    named = odds_columns(signal.returns)
    if len(signal.returns) > 1:
        columns += ODDS
    return [*columns, *(column for each in named.values() for column in each.values())]


def usual_columns(labels: Sequence[str], returns: Sequence[str]) -> list[str]:
    """Return the columns beside numeric labels, some of which are returns, where there was no training yet."""
    ends = [f"{label}_{end}" for label in labels for end in ("lo", "hi")]
    odds = [column for each in odds_columns(returns).values() for column in each.values()]
    return list(dict.fromkeys([*ends, *(ODDS if returns else ()), *odds]))


def prediction_frame(
    labels: Sequence[str],
    classes: Mapping[str, Sequence[str]],
    signal: Signal,
    forecasts: Mapping[str, TargetForecast],
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return a row for each row asked for, and whether all of it could be forecast; what could not is 0."""
    columns: dict[str, npt.ArrayLike] = {}
    for label in labels:
        if label in classes:
            columns |= _class_columns(label, classes[label], forecasts)
            continue
        forecast = forecasts[label]
        columns |= {label: forecast.value, f"{label}_lo": forecast.lower, f"{label}_hi": forecast.upper}
    named = odds_columns(signal.returns)
    if len(signal.returns) > 1:
        columns |= _odds(forecasts[signal.returns[0]], {odds: odds for odds in ODDS})
    for target, names in named.items():
        columns |= _odds(forecasts[target], names)
    frame = pd.DataFrame(columns)
    numbers = frame.select_dtypes("number")
    whole = np.isfinite(numbers.to_numpy(dtype=float)).all(axis=1)
    if not whole.all():
        frame.loc[~whole, numbers.columns] = 0.0
    return frame, whole


def log_shares_beyond_costs(predictions: pd.DataFrame, pair: str, cost_bps: float) -> bool:
    """Say in one line how many forecasts exceed the costs: thresholds may never be met. Return whether there are any.

    Parameters
    ----------
    predictions
        With ``do_predict``; rows that are not trusted do not count.
    cost_bps
        Round-trip cost in basis points.
    """
    trusted = predictions[predictions["do_predict"] == 1]
    if trusted.empty or "ev_bps" not in trusted:
        return False
    columns = [str(name) for name in trusted]
    written = [name.removeprefix("ev_bps") for name in columns if name.startswith("ev_bps")]
    # Beside each column FreqAI keeps its mean and deviation.
    own = [name for name in written if not (name.endswith(("_mean", "_std")) and name.rpartition("_")[0] in written)]
    suffixes = [name for name in own if name] or [""]
    shares = []
    for suffix in suffixes:
        expected = (trusted[f"ev_bps{suffix}"] + cost_bps).abs()
        likely = (trusted[f"p_up{suffix}"] > 0.5) | (trusted[f"p_down{suffix}"] > 0.5)
        shares.append(
            f"{suffix.removeprefix('_') or 'the return'}: {100 * (expected > cost_bps).mean():.1f} % of the forecasts, "
            f"and p_up or p_down above 0.5 in {100 * likely.mean():.1f} %"
        )
    logger.info(
        "%s: beyond the round-trip cost of %g bps lie, of %s. Forecasts are as small as what is known: set thresholds "
        "on p_up and ev_bps, or freqai_ext.signal.forecast_scale to 'raw' where a strategy looks at their size.",
        *(pair, cost_bps, "; of ".join(shares)),
    )
    return True


def _class_columns(
    label: str, classes: Sequence[str], forecasts: Mapping[str, TargetForecast]
) -> dict[str, npt.ArrayLike]:
    """Return the likeliest class, and each class's probability; they add up to 1."""
    chances = np.column_stack([forecasts[class_target(label, chosen)].value for chosen in classes])
    chances = chances / np.maximum(chances.sum(axis=1, keepdims=True), 1e-12)
    likeliest = np.array(classes, dtype=object)[chances.argmax(axis=1)]
    return {label: likeliest, **{chosen: chances[:, number] for number, chosen in enumerate(classes)}}


def _odds(forecast: TargetForecast, names: Mapping[str, str]) -> dict[str, npt.ArrayLike]:
    return {column: getattr(forecast.odds, odds) for odds, column in names.items()}
