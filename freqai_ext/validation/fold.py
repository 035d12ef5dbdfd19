"""One fold of a split in time."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to train on and rows to test on.

    Attributes
    ----------
    train, test
        Row positions, ascending.
    test_start, test_stop
        The test span, half-open, UTC: from the first test row's ``date`` to the time at which all test labels are
        known.
    purged
        Number of rows left out of the training because their label interval overlaps the test span.
    embargoed
        Number of further rows left out because of the embargo.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    test_start: pd.Timestamp
    test_stop: pd.Timestamp
    purged: int
    embargoed: int
