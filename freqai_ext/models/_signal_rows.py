"""From FreqAI's frames to the rows that a signal is learnt from."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.learning.design import Design
from freqai_ext.models._kind import KNOWN_AT
from freqai_ext.models._market import close_times_ns, run_starts
from freqai_ext.signals import SignalSettings, Target, TrainingSet

PAIR_FEATURE = "pair"


@dataclass(frozen=True, eq=False)
class PairRows:
    """Consecutive candles of one pair.

    Attributes
    ----------
    pair
        Its name.
    made_at_ns
        Shape ``(rows,)``: close of each candle, UTC, nanoseconds since 1970.
    features
        One row per candle; incomplete rows are filled with 0.
    complete
        Shape ``(rows,)``: whether no feature is missing or infinite.
    volatility
        Shape ``(rows,)``: the unit of labels.
    terms
        Shape ``(rows, terms)``: volatilities over windows of several lengths.
    labels
        One row per candle, the columns that the strategy set; empty where nothing is to be learnt.
    weight
        Shape ``(rows,)``; 0 where a row must not be trained on.
    known_at_ns
        For each label, shape ``(rows,)``: from when on it is known, see :func:`with_known_labels`.
    """

    pair: str
    made_at_ns: npt.NDArray[np.int64]
    features: pd.DataFrame
    complete: npt.NDArray[np.bool_]
    volatility: npt.NDArray[np.float64]
    terms: npt.NDArray[np.float64]
    labels: pd.DataFrame
    weight: npt.NDArray[np.float64]
    known_at_ns: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def take(self, kept: npt.NDArray[np.bool_]) -> "PairRows":
        """Return the rows marked in ``kept``."""
        return PairRows(
            self.pair,
            self.made_at_ns[kept],
            self.features[kept],
            self.complete[kept],
            self.volatility[kept],
            self.terms[kept],
            self.labels[kept],
            self.weight[kept],
            {name: stamps[kept] for name, stamps in self.known_at_ns.items()},
        )


def known_at_column(label: str) -> str:
    """Return the column that may say from when on each row's label is known, in UTC seconds.

    For labels whose horizon differs from row to row, such as the outcome of a trade; those of other labels are known
    after their horizon. Its name has none of the marks by which FreqAI finds features and labels.
    """
    return f"{KNOWN_AT}{label.removeprefix('&').removeprefix('-')}"


def pair_rows(
    pair: str,
    frame: pd.DataFrame,
    features: pd.DataFrame,
    labels: Sequence[str],
    volatility: npt.NDArray[np.float64],
    terms: npt.NDArray[np.float64],
    candle_ns: int,
    complete: npt.NDArray[np.bool_] | None = None,
) -> PairRows:
    """Return the rows of a frame; each weighs 1 where its features are complete.

    Parameters
    ----------
    frame
        Candles with labels, one per row.
    features
        Their features, in the same order.
    complete
        Which rows have whole features, where FreqAI has filled the others already.
    """
    if complete is None:
        features = features.replace([np.inf, -np.inf], np.nan)
        complete = features.notna().all(axis=1).to_numpy()
        features = features if complete.all() else features.fillna(0.0)
    made_at_ns = close_times_ns(frame, candle_ns)
    known_at_ns = {
        name: (frame[known_at_column(name)].to_numpy(dtype=np.float64) * 1e9).astype(np.int64)
        for name in labels
        if known_at_column(name) in frame
    }
    return PairRows(
        pair,
        made_at_ns,
        features,
        complete,
        volatility,
        terms,
        _known_at_the_end(frame[list(labels)], known_at_ns, made_at_ns),
        complete.astype(np.float64),
        known_at_ns,
    )


def _known_at_the_end(
    labels: pd.DataFrame, known_at_ns: Mapping[str, npt.NDArray[np.int64]], made_at_ns: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Return the labels without those that become known after the window."""
    known = {name: labels[name].where(stamps <= made_at_ns[-1:]) for name, stamps in known_at_ns.items()}
    return labels.assign(**known) if known else labels


def build_design(
    rows: Sequence[PairRows],
    matrix: npt.NDArray[np.float32],
    names: Sequence[str],
    pair_codes: Mapping[str, int] | None,
    candle_ns: int,
) -> Design:
    """Return the design of rows whose features went through the pipeline.

    Parameters
    ----------
    matrix
        Shape ``(rows, features)``, of all ``rows`` one after the other.
    pair_codes
        The code of each pair, where the pair is a feature; an unknown pair has the code that follows.
    """
    starts, offset = [], 0
    for each in rows:
        starts.append(run_starts(each.made_at_ns, each.complete, candle_ns) + offset)
        offset += len(each.complete)
    run_start = np.concatenate(starts).astype(np.intp)
    if pair_codes is None:
        return Design(np.ascontiguousarray(matrix), tuple(names), run_start)
    codes = np.concatenate([np.full(len(each.complete), pair_codes.get(each.pair, len(pair_codes))) for each in rows])
    with_pair = np.column_stack([matrix, codes.astype(np.float32)])
    return Design(np.ascontiguousarray(with_pair), (*names, PAIR_FEATURE), run_start, (len(names),))


def build_training_set(
    rows: Sequence[PairRows],
    design: Design,
    classes: Mapping[str, Sequence[str]],
    horizons: Mapping[str, int],
    candle_ns: int,
    returns: Collection[str] = (),
) -> TrainingSet:
    """Return everything that a signal is learnt from.

    Parameters
    ----------
    classes
        For each label of class names its classes; each class becomes a binary target, :func:`class_target`.
    horizons
        For each label how many candles it looks ahead, from :func:`label_horizons`.
    returns
        Labels that are returns, and so numbers even where a window holds none but 0 and 1.
    """
    made_at = np.concatenate([each.made_at_ns for each in rows])
    targets = []
    for name in rows[0].labels.columns:
        horizon = horizons[name]
        known_at = np.concatenate([each.known_at_ns[name] for each in rows])
        column = pd.concat([each.labels[name] for each in rows], ignore_index=True)
        if name in classes:
            for chosen in classes[name]:
                hit = np.where(column.notna(), (column == chosen).to_numpy(dtype=np.float64), np.nan)
                targets.append(Target(class_target(name, chosen), "binary", hit, horizon, known_at))
        else:
            values = column.to_numpy(dtype=np.float64)
            values = np.where(np.isfinite(values), values, np.nan)
            binary = name not in returns and bool(np.isin(values[np.isfinite(values)], (0.0, 1.0)).all())
            kind: Literal["binary", "continuous"] = "binary" if binary else "continuous"
            targets.append(Target(name, kind, values, horizon, known_at, is_return=name in returns))
    return TrainingSet(
        design,
        tuple(each.pair for each in rows),
        np.repeat(np.arange(len(rows)), [len(each.complete) for each in rows]),
        made_at,
        np.concatenate([each.volatility for each in rows]),
        np.concatenate([each.weight for each in rows]),
        tuple(targets),
        candle_ns,
        np.concatenate([each.terms for each in rows]),
    )


def class_target(name: str, chosen: str) -> str:
    """Return the name of the binary target of one class."""
    return f"{name}={chosen}"


def weighted(
    rows: PairRows, settings: SignalSettings, candle_ns: int, newer: Callable[[int], npt.NDArray[np.float64]] | None
) -> PairRows:
    """Return the rows with the weights of the settings, and 0 where a row is not to be trained on.

    Parameters
    ----------
    newer
        Gives FreqAI's weights of so many rows, where the user asks for them.
    """
    known = rows.labels.notna().any(axis=1).to_numpy()
    weight = ((rows.weight > 0) & known).astype(float)
    if len(weight) and newer is not None:
        weight *= newer(len(weight))
    number = rows.made_at_ns // candle_ns
    weight[number % settings.train_stride_candles != 0] = 0.0
    if settings.recency_half_life_days is not None and len(number):
        days = (rows.made_at_ns.max() - rows.made_at_ns) / (86_400 * 1e9)
        weight *= 0.5 ** (days / settings.recency_half_life_days)
    return replace(rows, weight=weight)


def label_horizons(rows: Sequence[PairRows], otherwise: int, cut: int = 0) -> dict[str, int]:
    """Return for each label how many candles it looks ahead: as many as are missing at the end of the window.

    A strategy may set several labels of other horizons than ``label_period_candles``, as ours do.

    Parameters
    ----------
    rows
        All rows of a training window.
    otherwise
        ``label_period_candles``, for labels without a missing tail.
    cut
        Candles that were cut off the end of the window after the labels were made.
    """
    names = rows[0].labels.columns
    return {
        name: max(
            _longest(each, name) if name in each.known_at_ns else _horizon(each.labels[name], otherwise, cut)
            for each in rows
        )
        for name in names
    }


def with_known_labels(rows: PairRows, horizons: Mapping[str, int], otherwise: int, candle_ns: int) -> PairRows:
    """Return the rows of a whole window with the time from which each label is known; infinite ones never are.

    A label that is there in the very last row cannot know what it looks ahead to: ``np.where(future > now, "up",
    "down")`` makes one out of a missing future. Its last ``otherwise`` rows are taken for unknown.
    """
    labels = rows.labels.copy()
    for name in labels.columns:
        if otherwise and name not in rows.known_at_ns and len(labels) and pd.notna(labels[name].iloc[-1]):
            labels[name] = labels[name].where(np.arange(len(labels)) < len(labels) - otherwise)
        # Only now: how far a label looks ahead is read off its missing tail.
        if pd.api.types.is_float_dtype(labels[name].dtype):
            labels[name] = labels[name].where(np.isfinite(labels[name].to_numpy()))
    known_at = {name: known_after(rows.made_at_ns, horizon, candle_ns) for name, horizon in horizons.items()}
    return replace(rows, labels=labels, known_at_ns={**known_at, **rows.known_at_ns})


def known_after(made_at_ns: npt.NDArray[np.int64], horizon: int, candle_ns: int) -> npt.NDArray[np.int64]:
    """Return the close of the candle ``horizon`` rows later; beyond the last row candles follow without a gap."""
    if not len(made_at_ns):
        return made_at_ns
    ahead = made_at_ns[-1] + candle_ns * np.arange(1, horizon + 1)
    return np.concatenate([made_at_ns, ahead])[horizon:]


def _longest(rows: PairRows, name: str) -> int:
    """Return after how many candles the last of the labels is known, at least 1."""
    until = np.searchsorted(rows.made_at_ns, rows.known_at_ns[name]) - np.arange(len(rows.made_at_ns))
    return max(1, int(until[rows.labels[name].notna().to_numpy()].max(initial=1)))


def _horizon(label: pd.Series, otherwise: int, cut: int) -> int:
    known = np.flatnonzero(label.notna().to_numpy())
    missing = len(label) - 1 - int(known[-1]) if len(known) else 0
    return missing + cut if missing else max(otherwise, 1)
