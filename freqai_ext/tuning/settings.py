"""Settings of the hyper-parameter search."""

from typing import Any, Literal

from pydantic import Field, field_validator

from freqai_ext._settings import Settings
from freqai_ext.tuning.search_space import parse_entry


class TuningSettings(Settings):
    """How hyper-parameters are searched inside every training.

    Attributes
    ----------
    enabled
        Whether to search at all. A training takes about ``trials * folds`` times as long.
    trials
        How many sets of parameters are tried, the defaults and the last window's among them.
    timeout_s
        No trial is begun after so many seconds. The result then depends on the speed of the machine; ``null`` keeps it
        reproducible.
    sampler
        ``"tpe"`` (tree of Parzen estimators) learns from the trials before; ``"random"`` does not.
    startup_trials
        How many trials are drawn at random before ``"tpe"`` begins to learn.
    pruner
        ``"median"`` or ``"hyperband"`` gives a trial up after a fold where it does badly; ``"off"`` sees all folds.
    folds
        Purged folds on which each trial is judged.
    noise_errors
        The defaults are kept unless the best trial beats them by more than so many standard errors. The more trials,
        the more one of them gains by luck alone: among 15 it is mostly more than one standard error.
    seed
        Decides what is tried.
    journal
        Write trials to a file beside the model, so that an interrupted search goes on where it stopped.
    warm_start
        Try the best parameters of the window before.
    space
        What is searched beside or instead of the learner's own ranges, e.g.
        ``{"num_leaves": {"low": 4, "high": 63, "log": true}, "max_depth": [3, 5], "reg_lambda": null}``. A range is of
        whole numbers where both ends are; ``null`` takes a parameter out of the search.
    """

    enabled: bool = False
    trials: int = Field(default=20, ge=1, le=10_000)
    timeout_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    sampler: Literal["tpe", "random"] = "tpe"
    startup_trials: int = Field(default=8, ge=1)
    pruner: Literal["off", "median", "hyperband"] = "off"
    folds: int = Field(default=3, ge=1, le=20)
    noise_errors: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    seed: int = Field(default=42, ge=0, lt=2**32)
    journal: bool = True
    warm_start: bool = True
    space: dict[str, Any] = Field(default_factory=dict)

    @field_validator("space")
    @classmethod
    def _describes_ranges_or_lists(cls, space: dict[str, Any]) -> dict[str, Any]:
        for name, raw in space.items():
            parse_entry(name, raw)
        return space
