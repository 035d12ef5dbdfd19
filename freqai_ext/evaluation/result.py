"""The outcome of an evaluation, and its form as JSON."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from freqai_ext.evaluation.importance import Importance
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.scoring import TargetScores
from freqai_ext.evaluation.trainings import TrainingReport

SCHEMA: Final = "freqai-ext/evaluation"
VERSION: Final = 2


@dataclass(frozen=True)
class MissingWindow:
    """A window without predictions, and why: the last failure of its training, where it is known."""

    window: str
    pair: str
    error: str


@dataclass(frozen=True)
class ContenderResult:
    """Scores of one contender.

    Attributes
    ----------
    identifier
        Its ``freqai.identifier``, under which its predictions are kept.
    windows, missing
        Number of windows, and those without predictions.
    error
        Why it has no scores at all; empty where it has.
    rows, trusted_share
        Its own forecasts, and the share of them with ``do_predict`` 1. Scored are those that all contenders have.
    untraded_rows
        Forecasts left out before that because there was no trade in their candle or at the end of their horizon.
    importance, trainings
        ``None`` where no training was recorded.
    """

    label: str
    freqaimodel: str
    strategy: str
    identifier: str
    windows: int
    missing: tuple[MissingWindow, ...]
    error: str
    rows: int
    untraded_rows: int
    trusted_share: float
    targets: tuple[TargetScores, ...]
    importance: Importance | None
    trainings: TrainingReport | None

    @property
    def has_scores(self) -> bool:
        """Whether there was anything to score."""
        return bool(self.targets)

    def left_out(self, scored_rows: int) -> Iterator[str]:
        """Yield a sentence for each reason why some of its forecasts are not among the ``scored_rows``."""
        if self.untraded_rows:
            yield f"{self.untraded_rows} forecasts of candles without trades are left out"
        if self.has_scores and self.rows > scored_rows:
            yield f"{self.rows - scored_rows} forecasts are left out, of pairs and times that another model lacks"

    def target(self, name: str) -> TargetScores | None:
        """Return the scores of a target, if it was forecast."""
        return next((each for each in self.targets if each.target == name), None)


@dataclass(frozen=True)
class Evaluation:
    """The outcome of :func:`~freqai_ext.evaluation.evaluate`.

    Attributes
    ----------
    timerange, timeframe, trading_mode
        As Freqtrade has them.
    pairs
        All pairs that any contender has forecast.
    train_days, backtest_days
        Lengths of training and of prediction, of the configuration common to all.
    cost_bps
        Round-trip cost, ``freqai_ext.signal.round_trip_cost_bps``, of the configuration common to all.
    baseline
        Label of the contender with which the others are compared.
    block_candles
        Candles that the bootstrap draws together.
    scored_rows
        Pairs and candles that every scored contender has forecast; scores are of these alone.
    interrupted
        Whether Ctrl-C ended the training; then nothing is scored.
    """

    timerange: str
    timeframe: str
    trading_mode: str
    pairs: tuple[str, ...]
    train_days: float
    backtest_days: float
    cost_bps: float
    baseline: str
    block_candles: int
    scored_rows: int
    options: EvaluationOptions
    contenders: tuple[ContenderResult, ...]
    interrupted: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets that any contender has forecast."""
        return tuple(dict.fromkeys(each.target for contender in self.contenders for each in contender.targets))

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON types, with ``schema`` and ``version``; what is not defined is ``None``."""
        content: dict[str, Any] = _plain({"schema": SCHEMA, "version": VERSION, **asdict(self)})
        return content


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
