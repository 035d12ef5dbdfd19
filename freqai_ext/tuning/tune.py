"""Search for the hyper-parameters that serve purged folds best and beat the defaults by more than noise."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from freqai_ext.learning.cross_fit import Folds
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Head
from freqai_ext.tuning.fold_loss import FoldLoss
from freqai_ext.tuning.gain import gain
from freqai_ext.tuning.result import TrialRecord, TuningResult
from freqai_ext.tuning.search_space import MakeLearner, SearchSpace
from freqai_ext.tuning.settings import TuningSettings
from freqai_ext.tuning.study import DEFAULTS, ERROR, LOSSES, ORIGIN, Trial, seconds_of
from freqai_ext.tuning.trials import Trials

logger = logging.getLogger(__name__)

_STATES: Mapping[str, Literal["complete", "pruned", "failed"]] = MappingProxyType(
    {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
)


def tune(
    make_learner: MakeLearner,
    space: SearchSpace,
    head: Head,
    examples: Examples,
    folds: Folds,
    settings: TuningSettings,
    journal: Path | None = None,
    warm_start: Mapping[str, Any] | None = None,
    identity: str = "",
) -> TuningResult:
    """Return the parameters to train with: the best that were tried if they beat the defaults, else the defaults.

    Each trial fits one model per fold, watched on the fold's test rows, takes for all folds the number of rounds that
    serves them together best, and is judged by :class:`~freqai_ext.tuning.fold_loss.FoldLoss`. First the defaults are
    tried, then ``warm_start``. The best trial is used if its gain on the defaults is above
    ``settings.noise_errors`` standard errors (:func:`~freqai_ext.tuning.gain.gain`). A trial that fails is recorded and
    skipped.

    The same arguments give the same result, unless the time limit strikes; whether the search was interrupted and went
    on from its journal does not matter.

    Parameters
    ----------
    make_learner
        Gives the learner with some parameters set, over the user's own; ``{}`` is the default that has to be beaten.
    space
        What is searched, from :func:`~freqai_ext.tuning.search_space.search_space`.
    head, examples
        What is learnt, and from what. Nothing but these rows is looked at.
    folds
        Positions in ``examples``; whoever makes them has to purge them.
    journal
        File of the trials, made if need be; one for each training and target. One process at a time may write it.
    warm_start
        ``best_parameters`` of an earlier search; what lies outside the space is left out.
    identity
        What else the trials depend on, such as the user's own parameters as JSON: a search with another identity does
        not go on with the trials of this one.

    Raises
    ------
    SettingsError
        If the learner refuses the defaults, or a parameter that the user has written into the space.
    """
    name = make_learner({}).name
    judged = [
        (fold, loss)
        for fold in folds
        if (loss := FoldLoss.of(head, examples.take(fold[0]), examples.take(fold[1]))) is not None
    ]
    searched = space.accepted_by(make_learner)
    if not judged:
        result = TuningResult({}, "defaults kept: no fold has rows to be judged on")
    elif not searched.dimensions:
        result = TuningResult({}, "defaults kept: there is nothing to search")
    else:
        losses = [loss for _, loss in judged]
        trials = Trials(make_learner, searched, head, examples, [fold for fold, _ in judged], losses, settings)
        finished = trials.run(
            journal if settings.journal else None, (warm_start or {}) if settings.warm_start else {}, identity
        )
        result = _concluded(finished, losses, settings)
    failed = bool(result.history) and all(record.state == "failed" for record in result.history)
    logger.log(logging.WARNING if failed else logging.INFO, "Tuning of %s (%s): %s", name, head.kind, result.reason)
    return result


def _concluded(finished: Sequence[Trial], losses: Sequence[FoldLoss], settings: TuningSettings) -> TuningResult:
    history = tuple(_record(trial) for trial in finished)
    count = len(history)
    result = TuningResult({}, "", trials=count, seconds=sum(record.seconds for record in history), history=history)
    complete = [(trial.value, trial) for trial in finished if trial.value is not None and LOSSES in trial.user_attrs]
    if not complete:
        error = history[-1].error if history else "none was begun"
        return replace(result, reason=f"defaults kept: none of {count} trials came to an end; the last: {error}")
    # The defaults come first, so a tie is theirs.
    best_loss, best = min(complete, key=lambda each: each[0])
    result = replace(result, best_parameters=dict(best.params), best_loss=best_loss)
    defaults_loss, defaults = next((each for each in complete if _is_defaults(each[1])), (None, None))
    if defaults is None:
        reason = f"tuned: the defaults failed, and the best of {count} trials has a loss of {best_loss:.5f}"
        return replace(result, parameters=result.best_parameters, reason=reason)
    shares = [loss.block_weights.tolist() for loss in losses]
    better = gain(defaults.user_attrs[LOSSES], best.user_attrs[LOSSES], shares)
    result = replace(result, defaults_loss=defaults_loss, gain=better.mean, gain_error=better.error)
    if best is defaults:
        reason = f"defaults kept: none of {count} trials had less than their loss of {defaults_loss:.5f}"
        return replace(result, reason=reason)
    figures = f"{better.mean:.5f} below the defaults' {defaults_loss:.5f}, standard error {better.error:.5f}"
    if better.mean > settings.noise_errors * better.error:
        reason = f"tuned: the loss of the best of {count} trials is {figures}"
        return replace(result, parameters=result.best_parameters, reason=reason)
    return replace(result, reason=f"defaults kept: the loss of the best of {count} trials is only {figures}")


def _is_defaults(trial: Trial) -> bool:
    return bool(trial.user_attrs.get(ORIGIN) == DEFAULTS)


def _record(trial: Trial) -> TrialRecord:
    state = _STATES[trial.state.name]
    return TrialRecord(
        parameters=dict(trial.params),
        origin=trial.user_attrs.get(ORIGIN, "search"),
        state=state,
        loss=trial.value if state == "complete" else None,
        seconds=seconds_of(trial),
        error=trial.user_attrs.get(ERROR),
    )
