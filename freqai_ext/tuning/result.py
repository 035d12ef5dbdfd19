"""What a search has found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class TrialRecord:
    """One set of parameters that was tried.

    Attributes
    ----------
    parameters
        What was set; empty for the defaults.
    origin
        Where they come from.
    state
        ``"pruned"``: given up before the last fold.
    loss
        Mean over the folds, lower is better; ``None`` where the trial failed or was pruned.
    seconds
        How long it took.
    error
        Why it failed.
    """

    parameters: Mapping[str, Any]
    origin: Literal["defaults", "warm_start", "search"]
    state: Literal["complete", "pruned", "failed"]
    loss: float | None
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class TuningResult:
    """What to train with, and why.

    Losses are those of :class:`~freqai_ext.tuning.fold_loss.FoldLoss`, averaged over the folds; lower is better. The
    best trial's is flattered by having been chosen for it.

    Attributes
    ----------
    parameters
        What to set; empty where the defaults are kept.
    reason
        One sentence that says why these.
    best_parameters
        Those of the best trial, whether they are used or not: what the next window starts from.
    best_loss, defaults_loss
        ``None`` where there is none.
    gain, gain_error
        How much lower the best loss is than that of the defaults, and the standard error of it; ``None`` where one of
        them is missing.
    trials
        Number of trials in all.
    seconds
        How long they took together.
    history
        All trials in order.
    """

    parameters: Mapping[str, Any]
    reason: str
    best_parameters: Mapping[str, Any] = field(default_factory=dict)
    best_loss: float | None = None
    defaults_loss: float | None = None
    gain: float | None = None
    gain_error: float | None = None
    trials: int = 0
    seconds: float = 0.0
    history: tuple[TrialRecord, ...] = ()

    def state(self) -> dict[str, Any]:
        """Return the result as JSON has it, to be stored with the model."""
        state = asdict(self)
        state["history"] = list(state["history"])
        return state
