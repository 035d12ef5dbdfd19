"""Which targets are returns and get odds: declared ones, and those that are returns on generated candles."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from freqai_ext.models._target_trial import TargetTrial
from freqai_ext.signals.return_check import ReturnCheck, check_return

logger = logging.getLogger(__name__)

_SETTING = "freqai_ext.signal.return_targets"


class ReturnTargets:
    """Decides it once per bot and target.

    Every window of a backtest, every process and every restart must give a target the same columns. So the check
    looks at what ``set_freqai_targets`` makes of generated candles, the same ones always, not at the market; which also
    keeps what is only known later out of it.

    Parameters
    ----------
    named
        ``freqai_ext.signal.return_targets``.
    horizon_candles
        ``label_period_candles``.
    """

    def __init__(self, named: Literal["auto"] | tuple[str, ...], horizon_candles: int) -> None:
        self._named = named
        self._horizon = max(horizon_candles, 1)
        self._checks: dict[str, ReturnCheck] = {}

    def among(
        self,
        labels: Sequence[str],
        declared: Sequence[str],
        frame: pd.DataFrame,
        trial: Callable[[], TargetTrial] | None,
    ) -> tuple[str, ...]:
        """Return the targets that are returns.

        Parameters
        ----------
        labels
            All targets.
        declared
            Those that the strategy declares, by ``self.freqai.return_targets``.
        frame
            Candles with labels, of a training window.
        trial
            Gives the strategy's targets on generated candles; without it ``frame`` is checked.
        """
        if not isinstance(self._named, str):
            return self._named
        for label in labels:
            if label in declared or label in self._checks:
                continue
            check = self._checks[label] = self._check(label, frame, trial)
            if not check.is_return and label in frame and not _is_event(frame[label]):
                logger.info(
                    "%s is no return: %s. It gets an interval, but no odds and no expected value; name it in %s if "
                    "it is one.",
                    label,
                    check.reason,
                    _SETTING,
                )
        return tuple(label for label in labels if label in declared or self._checks[label].is_return)

    def _check(self, label: str, frame: pd.DataFrame, trial: Callable[[], TargetTrial] | None) -> ReturnCheck:
        candles, labels = frame, frame
        if trial is not None:
            tried = trial()
            if label not in tried.labels:
                reason = tried.failure or "it is not set there"
                return ReturnCheck(False, f"set_freqai_targets cannot be tried on generated candles ({reason})")
            candles, labels = tried.candles, tried.labels
        longest = max(self._horizon, _missing_at_the_end(labels[label])) + 1
        return check_return(labels[label], candles, longest)


def _missing_at_the_end(label: pd.Series) -> int:
    known = np.flatnonzero(label.notna().to_numpy())
    return len(label) - 1 - int(known[-1]) if len(known) else 0


def _is_event(label: pd.Series) -> bool:
    """Return whether a label holds class names, or 0 and 1, which nobody takes for a return."""
    known = label.dropna()
    return not pd.api.types.is_numeric_dtype(known.dtype) or bool(known.isin((0, 1)).all())
