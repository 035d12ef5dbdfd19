"""What the boosting learners have in common: parts, defaults that depend on the rows, rounds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.learner import Head

#: Rounds without a better loss on the evaluation rows after which training stops, where the user says nothing.
PATIENCE_ROUNDS = 50

# Beyond some 430 features fewer than 0.3 of them per tree fit 3 to 4 times faster at no seen loss.
_MOST_SHARE, _USUAL_FEATURES, _FEWEST_FEATURES = 0.3, 130, 8
_MOST_LEAF_ROWS, _LEAVES_OF_ALL_ROWS = 500, 20


@dataclass(frozen=True)
class Part:
    """Outputs that are fitted together.

    Attributes
    ----------
    name
        ``"mean"``, ``"quantiles"`` or ``"probability"``.
    levels
        Levels of the quantiles.
    """

    name: str
    levels: tuple[float, ...] = ()


def parts_of(head: Head, quantiles_together: bool = False) -> tuple[Part, ...]:
    """Return the parts of a head: its mean and each quantile, or all quantiles together; or its probability."""
    if head.kind == "probability":
        return (Part("probability"),)
    if quantiles_together and head.quantiles:
        return (Part("mean"), Part("quantiles", head.quantiles))
    return (Part("mean"), *(Part("quantiles", (level,)) for level in head.quantiles))


def feature_share(features: int) -> float:
    """Return the share of features that a tree looks at by default: 0.3, or about 130 features where there are many.

    Never fewer than 8 features, or all where there are not so many.
    """
    share = min(_MOST_SHARE, _USUAL_FEATURES / features)
    return min(1.0, max(share, _FEWEST_FEATURES / features))


def leaf_rows(rows: int) -> int:
    """Return the default least number of rows in a leaf: 500, or a twentieth of the rows where there are few."""
    return max(1, min(_MOST_LEAF_ROWS, rows // _LEAVES_OF_ALL_ROWS))


def rounds_of_parts(rounds: Sequence[int] | None, default: int, parts: int) -> tuple[int, ...]:
    """Return how many rounds to train each part at most.

    Raises
    ------
    ValueError
        If ``rounds`` does not name one number of at least 1 for each part.
    """
    if rounds is None:
        return (default,) * parts
    if len(rounds) != parts or min(rounds) < 1:
        raise ValueError(f"rounds are {tuple(rounds)}; write one number of at least 1 for each of the {parts} parts")
    return tuple(rounds)


def best_round(curve: NDArray[np.float64]) -> int:
    """Return the first round with the least loss, counted from 1."""
    return int(np.argmin(curve)) + 1


def truncated(rounds: tuple[int, ...], trained: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``rounds``, none more than were trained."""
    return tuple(min(each, most) for each, most in zip(rounds_of_parts(rounds, 0, len(trained)), trained, strict=True))


def gain_shares(gain: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return gains per feature as shares of their sum; ``None`` where nothing was gained."""
    total = float(gain.sum())
    return gain / total if total > 0.0 else None
