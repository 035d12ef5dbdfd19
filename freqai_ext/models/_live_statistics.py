"""Mean and deviation of recent predictions, without FreqAI's loop over candles, and of the columns that need them.

With ``freqai.fit_live_predictions_candles`` FreqAI gives the strategy ``<column>_mean`` and ``<column>_std`` of the
last predictions, so that it can tell a rare forecast from a common one. Two things are mended here:

- FreqAI wants both of every number that a model returns, and its live loop fails with a ``KeyError`` where they are
  missing. Here they are those of targets and classes alone; a further number, such as the lower end of an interval, is
  kept without. A column that the stored predictions of a pair lack is added to them, with 0 before.
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
    """Fills mean and deviation of targets and classes; place it before a FreqAI base class."""

    def guard_history(self) -> None:
        """Have the drawer keep further columns of a prediction without statistics; called when it is there."""
        append = self.dd.append_model_predictions

        def append_all(
            pair: str, predictions: pd.DataFrame, do_preds: Any, dk: "FreqaiDataKitchen", strat_df: pd.DataFrame
        ) -> None:
            with_statistics, further = self._split(predictions, dk)
            self._complete_history(pair, with_statistics, further, dk)
            append(pair, predictions[with_statistics], do_preds, dk, strat_df)
            history = self.dd.historic_predictions[pair]
            # FreqAI keeps what it has where the candle is older than that.
            if further and history["date_pred"].iloc[-1] == strat_df["date"].iloc[-1]:
                for column in further:
                    history.iloc[-1, history.columns.get_loc(column)] = predictions[column].iloc[-1]
                self.dd.model_return_values[pair] = history.tail(len(strat_df)).reset_index(drop=True)

        self.dd.append_model_predictions = append_all

    def set_initial_historic_predictions(
        self, pred_df: pd.DataFrame, dk: "FreqaiDataKitchen", pair: str, strat_df: pd.DataFrame
    ) -> None:
        """Begin a pair's stored predictions, as FreqAI does, with statistics of targets and classes alone."""
        with_statistics, further = self._split(pred_df, dk)
        super().set_initial_historic_predictions(pred_df[with_statistics].copy(), dk, pair, strat_df)
        history = self.dd.historic_predictions
        history[pair] = pd.concat([history[pair], pred_df[further]], axis=1)

    def fit_live_predictions(self, dk: "FreqaiDataKitchen", pair: str) -> None:
        """Note mean and deviation of the last ``fit_live_predictions_candles`` predictions of targets and classes."""
        recent = self.dd.historic_predictions[dk.pair].tail(self.freqai_info.get("fit_live_predictions_candles", 100))
        dk.data["labels_mean"], dk.data["labels_std"] = {}, {}
        for column in self._columns_with_statistics(dk):
            if column in recent and _is_numeric(recent[column]):
                values = recent[column].to_numpy(dtype=float)
                dk.data["labels_mean"][column], dk.data["labels_std"][column] = values.mean(), values.std()

    def backtesting_fit_live_predictions(self, dk: "FreqaiDataKitchen") -> None:
        """Fill the statistics of a backtest as the live bot would have seen them.

        Row ``i`` gets those of the half-open window of rows ``[i - fit_live_predictions_candles, i)``; rows with
        fewer rows before them keep what the training noted. The values are those of FreqAI's loop. The loop itself
        runs where a subclass computes its own ``fit_live_predictions``.
        """
        window = self.freqai_info.get("fit_live_predictions_candles", 0)
        if getattr(self.fit_live_predictions, "__func__", None) is not LiveStatistics.fit_live_predictions:
            super().backtesting_fit_live_predictions(dk)
        elif 0 < window < len(dk.full_df):
            per_training = dk.data["extra_returns_per_train"]
            targets = [column for column in dk.full_df if column in dk.label_list and column not in per_training]
            columns = [column for column in targets if _is_numeric(dk.full_df[column])]
            dk.full_df = _with_recent_statistics(dk.full_df, columns, window, per_training)

    def _columns_with_statistics(self, dk: "FreqaiDataKitchen") -> list[str]:
        return list(dict.fromkeys([*dk.label_list, *dk.unique_class_list, *getattr(self, "class_names", ())]))

    def _split(self, predictions: pd.DataFrame, dk: "FreqaiDataKitchen") -> tuple[list[str], list[str]]:
        """Return the columns that have statistics, of which FreqAI finds a value, and the others."""
        mean, deviation = (dk.data.setdefault(name, {}) for name in ("labels_mean", "labels_std"))
        named = {*self._columns_with_statistics(dk), *(mean.keys() & deviation.keys())}
        columns: tuple[list[str], list[str]] = ([], [])
        for column in predictions:
            columns[column not in named].append(str(column))
        for column in columns[0]:
            mean.setdefault(column, 0)
            deviation.setdefault(column, 0)
        return columns

    def _complete_history(
        self, pair: str, with_statistics: list[str], further: list[str], dk: "FreqaiDataKitchen"
    ) -> None:
        history = self.dd.historic_predictions[pair]
        names = [*with_statistics, *further, *dk.data.get("extra_returns_per_train", {}), "do_predict"]
        names += [f"{column}_{statistic}" for column in with_statistics for statistic in ("mean", "std")]
        names += ["high_price", "low_price", "close_price"]
        if self.freqai_info.get("feature_parameters", {}).get("DI_threshold", 0) > 0:
            names.append("DI_values")
        if missing := [name for name in dict.fromkeys(names) if name not in history]:
            added = pd.DataFrame(0.0, index=history.index, columns=missing)
            self.dd.historic_predictions[pair] = pd.concat([history, added], axis=1)


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


def _is_numeric(column: pd.Series) -> bool:
    return not pd.api.types.is_string_dtype(column.dtype)
