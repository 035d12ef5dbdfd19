"""The search itself: an Optuna study that can be interrupted and gone on with."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from freqai_ext.learning.cross_fit import Folds
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Head
from freqai_ext.tuning.journal import open_storage
from freqai_ext.tuning.search_space import SearchSpace
from freqai_ext.tuning.settings import TuningSettings

if TYPE_CHECKING:
    import optuna

ORIGIN, ERROR, LOSSES = "origin", "error", "block_losses"
DEFAULTS, WARM_START = "defaults", "warm_start"

Trial: TypeAlias = "optuna.trial.FrozenTrial"


def study_name(
    head: Head, examples: Examples, folds: Folds, space: SearchSpace, settings: TuningSettings, identity: str
) -> str:
    """Return a name that any other data, space or way of searching changes, but not the limits of the search."""
    digest = hashlib.sha256()
    design = examples.design
    for array in (design.matrix, design.run_start, examples.rows, examples.label, examples.weight):
        digest.update(np.ascontiguousarray(array).data)
    for train, test in folds:
        digest.update(np.ascontiguousarray(train).data)
        digest.update(np.ascontiguousarray(test).data)
    way = settings.model_dump(mode="json", include={"sampler", "startup_trials", "pruner", "seed"})
    digest.update(json.dumps([design.names, design.categorical, repr(head), way, identity]).encode())
    digest.update(repr(sorted(space.dimensions.items())).encode())
    return digest.hexdigest()[:16]


def open_study(name: str, settings: TuningSettings, folds: int, journal: Path | None) -> "optuna.Study":
    """Return the study of that name, new or with the trials that the journal holds."""
    import optuna

    study = optuna.create_study(
        storage=open_storage(journal),
        study_name=name,
        load_if_exists=True,
        direction="minimize",
        pruner=_pruner(settings, folds),
    )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        # Its process has died; it is tried again.
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def finished_trials(study: "optuna.Study") -> list[Trial]:
    """Return the trials that are over, in order, without those that were interrupted."""
    from optuna.trial import TrialState

    over = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    trials = study.get_trials(deepcopy=False, states=over)
    return [trial for trial in trials if trial.state != TrialState.FAIL or ERROR in trial.user_attrs]


def enqueue_once(study: "optuna.Study", origin: str, parameters: Mapping[str, Any]) -> None:
    """Let the parameters be tried first, unless they have been or wait already."""
    from optuna.trial import TrialState

    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if all(trial.user_attrs.get(ORIGIN) != origin for trial in [*finished_trials(study), *waiting]):
        study.enqueue_trial(dict(parameters), user_attrs={ORIGIN: origin})


def seconds_of(trial: Trial) -> float:
    """Return how long a trial took."""
    return 0.0 if trial.duration is None else trial.duration.total_seconds()


def search(study: "optuna.Study", objective: Any, settings: TuningSettings) -> None:
    """Run trials until their number or the time is reached, those of the journal included."""
    done = finished_trials(study)
    left = settings.trials - len(done)
    timeout_s = settings.timeout_s
    if timeout_s is not None and done:
        timeout_s -= sum(seconds_of(trial) for trial in done)
    if left <= 0 or (timeout_s is not None and timeout_s <= 0):
        return

    def reseed(study: "optuna.Study", _: Trial) -> None:
        study.sampler = _sampler(settings, len(finished_trials(study)))

    study.sampler = _sampler(settings, len(done))
    study.optimize(objective, n_trials=left, timeout=timeout_s, catch=(Exception,), callbacks=[reseed])


def _sampler(settings: TuningSettings, done: int) -> "optuna.samplers.BaseSampler":
    """Return a sampler for the next trial alone.

    What it draws must not depend on whether the search was interrupted before.
    """
    import optuna

    seed = int(np.random.SeedSequence([settings.seed, done]).generate_state(1)[0])
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=settings.startup_trials)


def _pruner(settings: TuningSettings, folds: int) -> "optuna.pruners.BasePruner":
    import optuna

    if settings.pruner == "off" or folds < 2:
        return optuna.pruners.NopPruner()
    if settings.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=settings.startup_trials)
    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=folds, reduction_factor=2)
