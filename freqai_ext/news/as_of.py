"""What was known of news at the close of each candle, and at any other moment."""

import threading
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.news.records import SIGN, Verdict
from freqai_ext.news.store import Added, NewsStore

AVAILABLE: Final = "news-available"
IMPACT: Final = "news-impact"
SENTIMENT: Final = "news-sentiment"
CONFIDENCE: Final = "news-confidence"
AGE_MIN: Final = "news-age_min"
COUNT_24H: Final = "news-count_24h"
TAINTED: Final = "news-tainted"
VERDICT: Final = "news-verdict"
COLUMNS: Final = (AVAILABLE, IMPACT, SENTIMENT, CONFIDENCE, AGE_MIN, COUNT_24H, TAINTED, VERDICT)

FloatArray = npt.NDArray[np.float64]

_DAY_S: Final = 86_400.0


@dataclass(frozen=True)
class VerdictRecord:
    """The verdicts on one asset in memory, by when they became available; the later stored of one moment is the later.

    Attributes
    ----------
    since_s
        From when on they are all there, UTC seconds.
    times_s
        When each became available, UTC seconds; shape (verdicts,), ascending.
    made_s
        From when the age of each counts, UTC seconds; shape (verdicts,), in the same order, so not always ascending.
    newest
        Of each and those before it, the place of the one made last; shape (verdicts,).
    numbers
        Their numbers in the store.
    values
        Impact, sign of the sentiment, confidence and whether tainted (1 or 0); shape (verdicts, 4).
    verdicts
        Themselves.
    article_times_s
        When the asset's articles were first seen, UTC seconds; shape (articles,), ascending.
    """

    since_s: float
    times_s: FloatArray
    made_s: FloatArray
    newest: npt.NDArray[np.intp]
    numbers: FloatArray
    values: FloatArray
    verdicts: tuple[Verdict, ...]
    article_times_s: FloatArray

    def latest(self, moments_s: FloatArray) -> npt.NDArray[np.intp]:
        """Return the place of the newest verdict available at each of ``moments_s``; -1 where there was none.

        The newest is the one that was made last. Of those made at one moment it is the one that became available last:
        what arrives late from another bot does not replace what was judged since.
        """
        arrived = np.searchsorted(self.times_s, moments_s, side="right") - 1
        if not len(self.newest):
            return arrived
        return np.where(arrived >= 0, self.newest[np.maximum(arrived, 0)], -1)


class VerdictHistory:
    """Verdicts of a store as columns of candles and as themselves, from memory.

    What it knows of an asset is read when it is first asked for: about 1 kB a verdict. What the store is given later is
    added as it comes. Methods may be called in any thread.

    Parameters
    ----------
    store
        The verdicts and articles.
    max_age_s
        A verdict is valid for so many seconds, the last moment included.
    judge
        Whose verdicts count: a name of :meth:`NewsStore.judges`. Those of the others are as if they were not there;
        ``None`` mixes all.
    """

    def __init__(self, store: NewsStore, max_age_s: float, judge: str | None = None) -> None:
        self.max_age_s = max_age_s
        self.judge = judge
        self._store = store
        self._records: dict[str, VerdictRecord] = {}
        self._changing = threading.Lock()
        store.subscribe(self._extend)

    def columns(self, asset: str, candle_dates: pd.Series, candle_s: float) -> pd.DataFrame:
        """Return the columns of ``asset``, as known when each candle closed.

        A verdict counts for the candle that opens at ``date`` if it was available at ``date + candle_s`` or before, was
        made at most ``max_age_s`` before, and no other that was available then was made later.

        Parameters
        ----------
        asset
            Base asset, upper case.
        candle_dates
            Opening times, UTC.
        candle_s
            Length of a candle in seconds.

        Returns
        -------
        DataFrame
            float64 without NaN, the index of ``candle_dates``, always the columns :data:`COLUMNS`:
            ``news-available`` (1 or 0), ``news-impact``, ``news-sentiment`` (+1, 0, -1), ``news-confidence``,
            ``news-age_min`` (since it was made, also where it is too old to count; the greatest age where there is
            none), ``news-count_24h``
            (articles about the asset first seen in the 24 hours before the close), ``news-tainted`` (1 where the model
            may have known what happened next) and ``news-verdict``, the number of the verdict for :meth:`cited`.
            Without a valid verdict all but the count and the age are 0.

        Raises
        ------
        NewsDataError
            If the store cannot be read.
        """
        table = np.zeros((len(candle_dates), len(COLUMNS)))
        table[:, 4] = self.max_age_s / 60.0
        if len(candle_dates):
            closes_s = epoch_s(candle_dates) + candle_s
            record = self.record(asset, float(closes_s.min()) - max(self.max_age_s, _DAY_S))
            table[:, 5] = _count_of_a_day(record.article_times_s, closes_s)
            if len(record.times_s):
                latest = record.latest(closes_s)
                age_s = closes_s - record.made_s[np.maximum(latest, 0)]
                there = latest >= 0
                table[there, 4] = age_s[there] / 60.0
                valid = there & (age_s <= self.max_age_s)
                found = latest[valid]
                table[valid, 0] = 1.0
                table[valid, 1:4] = record.values[found, :3]
                table[valid, 6] = record.values[found, 3]
                table[valid, 7] = record.numbers[found]
        return pd.DataFrame(table, index=candle_dates.index, columns=list(COLUMNS))

    def newest(self, asset: str, at_s: float) -> Verdict | None:
        """Return the newest verdict on ``asset`` available at ``at_s`` (UTC seconds), which may be too old to be valid.

        The newest is that of :meth:`VerdictRecord.latest`, as in the columns. ``None`` where there is none, or none
        younger than what was loaded.
        """
        record = self.record(asset, at_s - self.max_age_s)
        arrived = int(np.searchsorted(record.times_s, at_s, side="right")) - 1
        return record.verdicts[record.newest[arrived]] if arrived >= 0 else None

    def cited(self, asset: str, number: float) -> Verdict | None:
        """Return the verdict that ``news-verdict`` names; ``None`` where it names none."""
        record = self._records.get(asset)
        if record is None or not number > 0:
            return None
        places = np.flatnonzero(record.numbers == number)
        return record.verdicts[places[0]] if len(places) else None

    def record(self, asset: str, since_s: float) -> VerdictRecord:
        """Return what is known of ``asset`` from ``since_s`` on, or from before; it is read where it is not there."""
        record = self._records.get(asset)
        if record is None or since_s < record.since_s:
            with self._changing:
                # Another thread may have loaded it meanwhile.
                record = self._records.get(asset)
                if record is None or since_s < record.since_s:
                    record = self._records[asset] = self._load(asset, since_s)
        return record

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a VerdictHistory cannot be sent to another process; make one there from its store")

    def _load(self, asset: str, since_s: float) -> VerdictRecord:
        found = self._store.numbered_verdicts(asset, since_s, judge=self.judge)
        verdicts = tuple(verdict for _, verdict in found)
        made_s = np.array([verdict.age_from_s for verdict in verdicts], dtype=np.float64)
        return VerdictRecord(
            since_s=since_s,
            times_s=np.array([verdict.available_at_s for verdict in verdicts], dtype=np.float64),
            made_s=made_s,
            newest=_made_last(made_s),
            numbers=np.array([number for number, _ in found], dtype=np.float64),
            values=np.array([_values(verdict) for verdict in verdicts], dtype=np.float64).reshape(-1, 4),
            verdicts=verdicts,
            article_times_s=self._store.article_times(asset, since_s),
        )

    def _extend(self, added: Added) -> None:
        with self._changing:
            if added.verdict is not None and self.judge in (None, added.verdict.judge):
                self._extend_by_verdict(added.verdict, added.row)
            # The store alone knows which of them were not there before.
            for asset in {asset for article in added.articles for asset in article.assets} & self._records.keys():
                record = self._records[asset]
                self._records[asset] = replace(record, article_times_s=self._store.article_times(asset, record.since_s))

    def _extend_by_verdict(self, verdict: Verdict, number: int) -> None:
        record = self._records.get(verdict.asset)
        if record is None or verdict.available_at_s < record.since_s or np.any(record.numbers == number):
            return
        place = int(np.searchsorted(record.times_s, verdict.available_at_s, side="right"))
        made_s = np.insert(record.made_s, place, verdict.age_from_s)
        # Readers see the old record or the new one, never half of either.
        self._records[verdict.asset] = replace(
            record,
            times_s=np.insert(record.times_s, place, verdict.available_at_s),
            made_s=made_s,
            newest=_made_last(made_s),
            numbers=np.insert(record.numbers, place, number),
            values=np.insert(record.values, place, _values(verdict), axis=0),
            verdicts=(*record.verdicts[:place], verdict, *record.verdicts[place:]),
        )


def epoch_s(dates: pd.Series) -> FloatArray:
    """Return UTC seconds of ``dates``."""
    return dates.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 1e9


def coverage(columns: pd.DataFrame) -> float:
    """Return the share of rows with a valid verdict, 0 to 1; 0 where there are no rows.

    Examples
    --------
    >>> coverage(pd.DataFrame({AVAILABLE: [0.0, 1.0, 1.0, 1.0]}))
    0.75
    """
    return float((columns[AVAILABLE] == 1.0).mean()) if len(columns) else 0.0


def tainted_share(columns: pd.DataFrame) -> float:
    """Return the share of rows with a valid verdict whose model may have known what happened next; 0 without any."""
    valid = columns[columns[AVAILABLE] == 1.0]
    return float((valid[TAINTED] == 1.0).mean()) if len(valid) else 0.0


def _made_last(made_s: FloatArray) -> npt.NDArray[np.intp]:
    """Return, for each place, the place of the greatest of ``made_s`` up to there; of equals the last."""
    leads = made_s >= np.maximum.accumulate(made_s)
    return np.maximum.accumulate(np.where(leads, np.arange(len(made_s)), 0))


def _count_of_a_day(times_s: FloatArray, closes_s: FloatArray) -> FloatArray:
    until = np.searchsorted(times_s, closes_s, side="right")
    return (until - np.searchsorted(times_s, closes_s - _DAY_S, side="right")).astype(np.float64)


def _values(verdict: Verdict) -> tuple[float, float, float, float]:
    return (verdict.impact_score, float(SIGN[verdict.sentiment]), verdict.confidence, float(verdict.tainted))
