"""Windows that end at a row and stop at the beginning of its run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def window_rows(rows: NDArray[np.intp], run_start: NDArray[np.intp], window_candles: int) -> NDArray[np.intp]:
    """Return for each of ``rows`` the ``window_candles`` rows up to and including it, shape ``(n, window_candles)``.

    What would reach back beyond the first row of the run, at ``run_start``, is that first row, repeated.
    """
    back = np.arange(window_candles - 1, -1, -1)
    return np.asarray(np.maximum(rows[:, None] - back, run_start[rows][:, None]), dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows that share their rows, so that each row is read once however many windows it is in.

    Attributes
    ----------
    rows
        Shape ``(r,)``: positions in the design, ascending, each once.
    index
        Shape ``(n, window_candles)``: positions in ``rows``, oldest candle first.
    """

    rows: NDArray[np.intp]
    index: NDArray[np.intp]

    @classmethod
    def ending_at(cls, rows: NDArray[np.intp], run_start: NDArray[np.intp], window_candles: int) -> "Windows":
        """Return the windows that end at ``rows``; see :func:`window_rows`."""
        wanted = window_rows(rows, run_start, window_candles)
        unique, index = np.unique(wanted, return_inverse=True)
        return cls(unique, index.reshape(wanted.shape))
