"""Guardian's recorded features as columns of a candle frame."""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from freqai_ext.guardian._pair_record import PairRecord
from freqai_ext.guardian._transforms import TRAILING_S, FloatArray
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow
from freqai_ext.guardian.schema import MODEL_COLUMNS
from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol

AVAILABLE: Final = "guardian-available"
AGE_MIN: Final = "guardian-age_min"
COLUMNS: Final = (AVAILABLE, AGE_MIN, *(f"guardian-{column.name}" for column in MODEL_COLUMNS))

_SLACK_S: Final = 2 * 86_400.0
_MOST_PAIRS_OF_A_RECORDING: Final = 8


class FeatureHistory:
    """What was known of Guardian's features at the close of each candle.

    Rows are read from the store when a pair is first asked for, from a week before the first candle on, and kept: about
    220 bytes each, 2 MB a month and pair. Rows that the store is given later are added as they come.

    Parameters
    ----------
    store
        The recorded rows.
    max_age_min
        A row stands for at most so many minutes.
    """

    def __init__(self, store: FeatureStore, max_age_min: float) -> None:
        self._store = store
        self._max_age_s = 60.0 * max_age_min
        self._records: dict[str, PairRecord] = {}
        self._changing = threading.Lock()
        store.subscribe(self._extend)

    def columns(self, pair: str, candle_dates: pd.Series, candle_s: float) -> pd.DataFrame:
        """Return the columns of ``pair``, as known when each candle closed. May be called in any thread.

        A row counts for the candle that opens at ``date`` if it became known at ``date + candle_s`` or before, and at
        most ``max_age_min`` before. What is missing is 0, which says "nothing special" in every column.

        Parameters
        ----------
        pair
            Freqtrade's name of the pair; one that Guardian does not trade has no rows.
        candle_dates
            Opening times, UTC.
        candle_s
            Length of a candle in seconds.

        Returns
        -------
        DataFrame
            float64 without NaN, the index of ``candle_dates``, always the columns :data:`COLUMNS`:
            ``guardian-available`` (1 or 0), ``guardian-age_min`` (at most ``max_age_min``, which stands for none) and
            those of :data:`~freqai_ext.guardian.schema.MODEL_COLUMNS`.

        Raises
        ------
        GuardianDataError
            If the recorded rows cannot be read.
        """
        symbol = guardian_symbol(pair)
        if symbol is None or not len(candle_dates):
            return self.neutral(candle_dates)
        closes_s = _epoch_s(candle_dates) + candle_s
        known = self._record(canonical_symbol(symbol), closes_s).as_of(closes_s, self._max_age_s)
        table = np.vstack([known.available, known.age_s / 60.0, known.values.T])
        return pd.DataFrame(table.T, index=candle_dates.index, columns=list(COLUMNS))

    def neutral(self, candle_dates: pd.Series) -> pd.DataFrame:
        """Return the columns as they are where nothing is known."""
        table = np.zeros((len(COLUMNS), len(candle_dates)))
        table[1] = self._max_age_s / 60.0
        return pd.DataFrame(table.T, index=candle_dates.index, columns=list(COLUMNS))

    def _record(self, symbol: str, closes_s: FloatArray) -> PairRecord:
        since_s = float(closes_s.min()) - self._max_age_s - TRAILING_S
        keep_s = float(closes_s.max()) - since_s + _SLACK_S
        record = self._records.get(symbol)
        if record is None or since_s < record.since_s:
            with self._changing:
                # Another thread may have loaded it meanwhile.
                record = self._records.get(symbol)
                if record is None or since_s < record.since_s:
                    return self._load(symbol, since_s, keep_s)
        record.keep_s = max(record.keep_s, keep_s)
        return record

    def _load(self, symbol: str, since_s: float, keep_s: float) -> PairRecord:
        former = self._records.pop(symbol, None)
        if self._store.read_only and len(self._records) >= _MOST_PAIRS_OF_A_RECORDING:
            # A backtest goes through the pairs one by one, each over all its candles.
            del self._records[next(iter(self._records))]
        found = self._store.read(symbol, since_s)
        keep_s = keep_s if former is None else max(keep_s, former.keep_s)
        record = self._records[symbol] = PairRecord(since_s, found.times_s, found.values, keep_s)
        return record

    def _extend(self, rows: Sequence[FeatureRow], fetched_at_s: float) -> None:
        with self._changing:
            for row in rows:
                record = self._records.get(row.symbol)
                if record is not None and not record.extend(fetched_at_s, np.array(row.values)):
                    del self._records[row.symbol]


def share(columns: pd.DataFrame) -> float:
    """Return the share of rows that had Guardian's features, 0 to 1; 0 where there are no rows.

    Examples
    --------
    >>> share(pd.DataFrame({AVAILABLE: [0.0, 1.0, 1.0, 1.0]}))
    0.75
    """
    return float((columns[AVAILABLE] == 1.0).mean()) if len(columns) else 0.0


def _epoch_s(dates: pd.Series) -> FloatArray:
    return dates.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 1e9
