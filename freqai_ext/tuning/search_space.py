"""Which parameters of a learner are searched, and between which bounds."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from freqai_ext.errors import SettingsError
from freqai_ext.learning.learner import Learner
from freqai_ext.tuning.dimension import Choice, Dimension, Range, parse_dimension

if TYPE_CHECKING:
    import optuna

logger = logging.getLogger(__name__)

MakeLearner = Callable[[Mapping[str, Any]], Learner]
"""Gives the learner with some parameters set and all others as they are; ``{}`` gives the defaults."""

PATH = "freqai_ext.tuning.space"

# Returns are nearly noise: what matters is how strongly a learner is held back. The number of rounds is not searched,
# since the folds choose it in every trial.
_BUILT_IN: Mapping[str, Mapping[str, Dimension]] = MappingProxyType(
    {
        "lightgbm": {
            "num_leaves": Range(4, 31, log=True),
            "min_child_samples": Range(20, 500, log=True),
            "learning_rate": Range(0.01, 0.1, log=True),
            "colsample_bytree": Range(0.05, 0.5, log=True),
            "reg_lambda": Range(0.1, 100.0, log=True),
        },
        "catboost": {
            "depth": Range(3, 7),
            "learning_rate": Range(0.01, 0.1, log=True),
            "l2_leaf_reg": Range(1.0, 100.0, log=True),
            "rsm": Range(0.05, 0.5, log=True),
            "random_strength": Range(0.3, 10.0, log=True),
        },
        "hist_gradient_boosting": {
            "max_leaf_nodes": Range(4, 31, log=True),
            "min_samples_leaf": Range(20, 500, log=True),
            "learning_rate": Range(0.01, 0.1, log=True),
            "max_features": Range(0.05, 0.5, log=True),
            "l2_regularization": Range(0.1, 100.0, log=True),
        },
        "torch": {
            "hidden": Range(16, 128, log=True),
            "dropout": Range(0.1, 0.6),
            "learning_rate": Range(3e-4, 3e-3, log=True),
            "weight_decay": Range(0.05, 2.0, log=True),
        },
        "linear": {"alpha": Range(0.01, 100.0, log=True)},
        "sequence": {
            "window_candles": Choice((24, 48, 96)),
            "hidden_size": Choice((16, 32, 64)),
            "dropout": Range(0.1, 0.6),
            "learning_rate": Range(5e-4, 5e-3, log=True),
            "weight_decay": Range(0.05, 2.0, log=True),
        },
    }
)


@dataclass(frozen=True)
class SearchSpace:
    """Parameters to search, by name.

    Attributes
    ----------
    dimensions
        What each may be.
    written
        Which of them the user has written; a fault in these is an error, while others are left out where they do not
        fit the user's own parameters.
    """

    dimensions: Mapping[str, Dimension]
    written: frozenset[str] = frozenset()

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Return the parameters that a trial proposes."""
        return {name: dimension.suggest(trial, name) for name, dimension in self.dimensions.items()}

    def within(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the parameters that lie in the space."""
        return {
            name: parameters[name]
            for name, dimension in self.dimensions.items()
            if name in parameters and parameters[name] in dimension
        }

    def accepted_by(self, make_learner: MakeLearner) -> "SearchSpace":
        """Return the space without what the learner refuses, e.g. a parameter that the user fixed by another name.

        Raises
        ------
        SettingsError
            If the learner refuses a parameter that the user has written into the space.
        """
        kept = {}
        for name, dimension in self.dimensions.items():
            try:
                for value in dimension.extremes():
                    make_learner({name: value})
            except SettingsError as error:
                if name in self.written:
                    raise SettingsError(
                        f"{PATH}.{name}: the learner refuses a value of it; correct the range, or write null not to "
                        f"search it ({error})"
                    ) from None
                logger.info("Tuning does not search %s: %s", name, error)
            else:
                kept[name] = dimension
        return SearchSpace(kept, self.written)


def search_space(learner: str, written: Mapping[str, object] | None = None) -> SearchSpace:
    """Return the space of a learner by its name, with what the user has written over it.

    Parameters
    ----------
    learner
        As ``Learner.name``; for others than ours only ``written`` is searched.
    written
        The setting ``freqai_ext.tuning.space``: ``null`` takes a parameter out.

    Raises
    ------
    ValueError
        If an entry describes neither a range nor a list.
    """
    own = {name: parse_entry(name, raw) for name, raw in (written or {}).items()}
    merged = {**_BUILT_IN.get(learner, {}), **own}
    return SearchSpace(
        {name: dimension for name, dimension in merged.items() if dimension is not None}, frozenset(written or ())
    )


def parse_entry(name: str, raw: object) -> Dimension | None:
    """Return the dimension of one entry of the setting, ``None`` for ``null``; the error names the entry."""
    if raw is None:
        return None
    try:
        return parse_dimension(raw)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
