"""Mean and deviation of recent predictions, for every column and without FreqAI's loop over candles.

With ``freqai.fit_live_predictions_candles`` FreqAI gives the strategy ``<column>_mean`` and ``<column>_std`` of the
last predictions, so that it can tell a rare forecast from a common one. Two things are mended here:

- FreqAI knows the statistics of targets and classes only, and its live loop fails with a ``KeyError`` on any further
  number that a model returns, such as the lower end of an interval. A model declares those in
  :meth:`LiveStatistics.extra_prediction_columns`.
- A backtest computes them candle by candle, which takes longer than the forecasts. Here each window of rows is split
  where a block of as many rows ends; both parts come from running moments of their block, and are joined by Chan's
  formula. Only terms that are not negative are added, so nothing cancels, however large or constant the column is.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel as _Base
else:
    _Base = object


class LiveStatistics(_Base):
    """Fills mean and deviation of all numeric prediction columns; place it before a FreqAI base class."""

    def extra_prediction_columns(self, dk: "FreqaiDataKitchen") -> list[str]:
        """Return the numeric columns that this model predicts beside the targets and the classes.

        It is asked when the targets of ``dk`` are known. They get ``_mean`` and ``_std`` as targets do.
        """
        return []

    def fit_live_predictions(self, dk: "FreqaiDataKitchen", pair: str) -> None:
        """Note mean and deviation of the last ``fit_live_predictions_candles`` predictions of every numeric column."""
        recent = self.dd.historic_predictions[dk.pair].tail(self.freqai_info.get("fit_live_predictions_candles", 100))
        dk.data["labels_mean"], dk.data["labels_std"] = {}, {}
        for column in [*dk.label_list, *dk.unique_class_list, *self.extra_prediction_columns(dk)]:
            if _is_numeric(recent[column]):
                values = recent[column].to_numpy(dtype=float)
                dk.data["labels_mean"][column], dk.data["labels_std"][column] = values.mean(), values.std()

    def backtesting_fit_live_predictions(self, dk: "FreqaiDataKitchen") -> None:
        """Fill the statistics of a backtest as the live bot would have seen them.

        Row ``i`` gets those of the half-open window of rows ``[i - fit_live_predictions_candles, i)``; rows with
        fewer rows before them keep what the training noted. The values are those of FreqAI's loop. The loop itself
        runs where a subclass computes its own ``fit_live_predictions``.
        """
        window = self.freqai_info.get("fit_live_predictions_candles", 0)
        extra = [column for column in self.extra_prediction_columns(dk) if column in dk.full_df]
        self._note_columns_without_statistics(dk)
        dk.full_df = _with_statistics_of_training(dk.full_df, extra)
        if getattr(self.fit_live_predictions, "__func__", None) is not LiveStatistics.fit_live_predictions:
            super().backtesting_fit_live_predictions(dk)
        elif 0 < window < len(dk.full_df):
            per_training = dk.data["extra_returns_per_train"]
            targets = [column for column in dk.full_df if _is_target(column) and column not in per_training]
            columns = [column for column in dict.fromkeys([*targets, *extra]) if _is_numeric(dk.full_df[column])]
            dk.full_df = _with_recent_statistics(dk.full_df, columns, window, per_training)

    def build_strategy_return_arrays(
        self, dataframe: pd.DataFrame, dk: "FreqaiDataKitchen", pair: str, trained_timestamp: int
    ) -> None:
        """Predict the newest candle, as FreqAI does; columns that the training noted nothing of have statistics 0."""
        self._note_columns_without_statistics(dk)
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

    def _note_columns_without_statistics(self, dk: "FreqaiDataKitchen") -> None:
        for column in self.extra_prediction_columns(dk):
            dk.data.setdefault("labels_mean", {}).setdefault(column, 0)
            dk.data.setdefault("labels_std", {}).setdefault(column, 0)


def moments_before(values: NDArray[np.float64], window_rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and population standard deviation of the ``window_rows`` rows before each row.

    Parameters
    ----------
    values
        Shape ``(rows, columns)``, with more rows than ``window_rows``.
    window_rows
        At least 1. A window that holds a value that is not finite has NaN for both.

    Returns
    -------
    tuple
        Two arrays of shape ``(rows - window_rows, columns)``, the first row being of row ``window_rows``.
    """
    rows, columns = values.shape
    blocks = np.pad(values, ((0, -rows % window_rows), (0, 0)), mode="edge").reshape(-1, window_rows, columns)
    # A window is the tail of one block and the head, perhaps of no rows, of the next.
    first = np.arange(rows - window_rows)
    in_head = (first % window_rows)[:, None]
    with np.errstate(invalid="ignore"):
        tails = [part[:, ::-1].reshape(-1, columns)[first] for part in _running_moments(blocks[:, ::-1])]
        heads = [part.reshape(-1, columns)[first + window_rows - 1] for part in _running_moments(blocks)]
        origin, mean, squares = tails
        head_origin, head_mean, head_squares = heads
        # The origins are subtracted by themselves: a small difference of large means would lose its digits.
        apart = np.where(in_head > 0, (head_origin - origin) + (head_mean - mean), 0.0)
        squares = squares + np.where(in_head > 0, head_squares, 0.0)
        squares = squares + apart**2 * (in_head * (window_rows - in_head) / window_rows)
        return origin + (mean + apart * (in_head / window_rows)), np.sqrt(squares / window_rows)


def _running_moments(blocks: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return an origin, and of the first 1, 2, … rows of each block the mean less the origin and the squares (Welford).

    The squares are the sum of squared deviations from the mean.
    """
    count = np.arange(1, blocks.shape[1] + 1)[:, None]
    # Relative to the block's first value a constant is exactly zero.
    relative = blocks - blocks[:, :1]
    mean = np.cumsum(relative, axis=1) / count
    before = np.concatenate([np.zeros_like(mean[:, :1]), mean[:, :-1]], axis=1)
    squares = np.cumsum((relative - before) ** 2 * ((count - 1) / count), axis=1)
    return [np.broadcast_to(blocks[:, :1], blocks.shape), mean, squares]


def _with_recent_statistics(
    frame: pd.DataFrame, columns: list[str], window: int, per_training: dict[str, Any]
) -> pd.DataFrame:
    # A window whose training failed has no further columns; the strategy sees zeros there, and so do the statistics.
    mean, deviation = moments_before(frame[columns].fillna(0.0).to_numpy(dtype=float), window)
    filled: dict[str, Any] = {}
    for position, column in enumerate(columns):
        for name, recent in ((f"{column}_mean", mean), (f"{column}_std", deviation)):
            noted = frame[name].to_numpy(dtype=float) if name in frame else np.full(len(frame), np.nan)
            filled[name] = np.concatenate([noted[:window], recent[:, position]])
    for name, value in per_training.items():
        noted_value = frame[name].iloc[:window].tolist() if name in frame else [np.nan] * window
        filled[name] = [*noted_value, *[value] * (len(frame) - window)]
    return frame.assign(**filled)


def _with_statistics_of_training(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    names = [f"{column}_{statistic}" for column in columns for statistic in ("mean", "std")]
    return frame.assign(**dict.fromkeys((name for name in names if name not in frame), 0.0))


def _is_target(column: str) -> bool:
    return column.startswith("&") and not column.endswith(("_mean", "_std"))


def _is_numeric(column: pd.Series) -> bool:
    return not pd.api.types.is_string_dtype(column.dtype)
