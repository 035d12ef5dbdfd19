"""The rows that count."""

import numpy as np

from freqai_ext.learning.design import Examples


def weighted_rows(examples: Examples) -> Examples:
    """Return the examples of positive weight: a row of weight 0 must not even shape a bin.

    Raises
    ------
    ValueError
        If there is none.
    """
    counts = examples.weight > 0.0
    if not counts.any():
        raise ValueError(f"none of the {len(examples)} rows has a weight above 0; there is nothing to learn from")
    return examples if counts.all() else examples.take(np.flatnonzero(counts))


def weighted_evaluation(examples: Examples | None) -> Examples | None:
    """Return the evaluation examples of positive weight; ``None`` where there are none."""
    return None if examples is None or not np.any(examples.weight > 0.0) else weighted_rows(examples)
