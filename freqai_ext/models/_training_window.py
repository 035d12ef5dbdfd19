"""What a training window must hold before a model learns from it: candles, and labels that are numbers."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException

logger = logging.getLogger(__name__)

# A share of the rows. FreqAI warns from there on too, in live mode alone, and may name a label.
LARGEST_USUAL_LOSS = 0.1


def require_candles(frame: pd.DataFrame, pair: str, window: str) -> None:
    """Raise where a training window has no candles, as of a pair that was listed later.

    Raises
    ------
    OperationalException
        With the pair, the window and the remedy; FreqAI then goes on with the next window.
    """
    if frame.empty:
        raise OperationalException(
            f"{pair}: the training window{window} has no candles; download older ones, "
            "start the backtest later, or take the pair off the whitelist"
        )


def require_distinct_columns(frame: pd.DataFrame) -> None:
    """Raise where two columns have one name, as those have that differ in a colon, which FreqAI takes out.

    Raises
    ------
    OperationalException
        With the names.
    """
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        raise OperationalException(
            f"the strategy makes more than one column {', '.join(twice)}, colons left out as FreqAI does; "
            "give each feature and label its own name"
        )


def without_infinite_labels(frame: pd.DataFrame, labels: Sequence[str], pair: str) -> pd.DataFrame:
    """Return the training rows with infinite labels made missing, so that they are left out; one log line says so.

    A division by zero in a target, as by the volume of a candle without trades, makes such labels, and one of them
    spoils a whole training.

    Raises
    ------
    OperationalException
        Where all that is known of a label is infinite.
    """
    mended, counts = {}, {}
    for name in labels:
        label = frame[name]
        if not pd.api.types.is_float_dtype(label.dtype):
            continue
        infinite = np.isinf(label.to_numpy(dtype=np.float64, na_value=np.nan))
        if not infinite.any():
            continue
        if infinite.sum() == label.notna().sum():
            raise OperationalException(
                f"{pair}: every known value of the label {name} in the training window is infinite; "
                "look for a division by zero in set_freqai_targets"
            )
        counts[name] = int(infinite.sum())
        mended[name] = label.where(~infinite)
    if not mended:
        return frame
    logger.warning(
        "%s: of %d training rows %s infinite; they are left out. Look for a division by zero in set_freqai_targets.",
        pair,
        len(frame),
        " and ".join(f"{count} have the label {name}" for name, count in counts.items()),
    )
    return frame.assign(**mended)


def tell_missing_features(frame: pd.DataFrame, features: Sequence[str], pair: str) -> None:
    """Log where more of a training window than a warm-up is lost, because a feature is missing or infinite.

    Usual reasons are another pair whose history is shorter, and a window before the first stored candle.
    """
    if frame.empty:
        return
    values = frame[list(features)]
    lacking = values.isna().to_numpy() | np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))
    lost = int(lacking.any(axis=1).sum())
    if lost <= LARGEST_USUAL_LOSS * len(frame):
        return
    worst = int(lacking.sum(axis=0).argmax())
    first = frame["date"].iloc[int(np.argmax(lacking[:, worst]))]
    logger.warning(
        "%s: %d of %d training rows lack a feature and are left out; most often it is %s, first at %s. Look whether "
        "the candles that it is made of reach back to there.",
        pair,
        lost,
        len(frame),
        features[worst],
        f"{first:%Y-%m-%d %H:%M}",
    )
