"""How much each feature mattered to a trained model, whatever library made it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Where libraries keep the names of the columns that they were trained on.
_NAMES = ("feature_names_", "feature_name_", "feature_names_in_")


def feature_importance(model: Any, columns: Sequence[str]) -> dict[str, float]:
    """Return the share of each feature that mattered at all; the shares add up to 1.

    Read are ``feature_importances_`` (scikit-learn, LightGBM, XGBoost, CatBoost and the models of freqai_ext), a
    method ``importance()``, and the members of a model that holds one per target in ``estimators_``, each of which
    counts alike.

    Parameters
    ----------
    model
        What a FreqAI model's ``fit`` returned.
    columns
        Names of the columns that went into it; the model's own names stand in where the number differs.

    Returns
    -------
    dict
        Empty where the model does not tell.
    """
    holders = [model] if _raw(model) is not None else list(getattr(model, "estimators_", None) or [])
    told = [shares for each in holders if (shares := _shares(each, columns))]
    total: dict[str, float] = {}
    for shares in told:
        for name, share in shares.items():
            total[name] = total.get(name, 0.0) + share / len(told)
    return total


def _shares(model: Any, columns: Sequence[str]) -> dict[str, float]:
    values = _raw(model)
    if values is None or not np.isfinite(values).all() or not values.sum() > 0.0:
        return {}
    names = _names(model, columns, len(values))
    if names is None:
        return {}
    return {name: float(value) for name, value in zip(names, values / values.sum(), strict=True) if value > 0.0}


def _raw(model: Any) -> NDArray[np.float64] | None:
    # Libraries raise what they like where a model was trained without importances.
    try:
        found = getattr(model, "feature_importances_", None)
        if found is None and callable(getattr(model, "importance", None)):
            found = model.importance()
        return None if found is None else np.abs(np.asarray(found, np.float64)).ravel()
    except Exception:
        return None


def _names(model: Any, columns: Sequence[str], count: int) -> list[str] | None:
    if len(columns) == count:
        return list(columns)
    for attribute in _NAMES:
        own = getattr(model, attribute, None)
        if own is not None and len(own) == count:
            return [str(name) for name in own]
    return None
