"""Running the trials of one search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqai_ext.learning.cross_fit import Folds, common_rounds, fold_forecasts
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.tuning.fold_loss import FoldLoss
from freqai_ext.tuning.quiet_optuna import quiet_optuna
from freqai_ext.tuning.search_space import MakeLearner, SearchSpace
from freqai_ext.tuning.settings import TuningSettings
from freqai_ext.tuning.study import (
    DEFAULTS,
    ERROR,
    LOSSES,
    ORIGIN,
    WARM_START,
    Trial,
    enqueue_once,
    finished_trials,
    open_study,
    search,
    study_name,
)

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, eq=False)
class Trials:
    """What is tried, and how it is judged; ``losses`` has one for each of the ``folds``."""

    make_learner: MakeLearner
    space: SearchSpace
    head: Head
    examples: Examples
    folds: Folds
    losses: Sequence[FoldLoss]
    settings: TuningSettings

    def run(self, journal: Path | None, warm_start: Mapping[str, Any], identity: str) -> list[Trial]:
        """Return all finished trials in order, those found in the journal included."""
        with quiet_optuna():
            name = study_name(self.head, self.examples, self.folds, self.space, self.settings, identity)
            study = open_study(name, self.settings, len(self.folds), journal)
            enqueue_once(study, DEFAULTS, {})
            if known := self.space.within(warm_start):
                enqueue_once(study, WARM_START, known)
            search(study, self._judge, self.settings)
            return finished_trials(study)

    def _judge(self, trial: "optuna.Trial") -> float:
        from optuna import TrialPruned

        origin = trial.user_attrs.get(ORIGIN)
        try:
            parameters = {} if origin == DEFAULTS else self.space.suggest(trial)
            prunable = trial if origin is None and self.settings.pruner != "off" else None
            losses = self._block_losses(parameters, prunable)
        except TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}")
            raise
        trial.set_user_attr(LOSSES, losses)
        return sum(map(sum, losses)) / len(losses)

    def _block_losses(self, parameters: Mapping[str, Any], prunable: "optuna.Trial | None") -> list[list[float]]:
        """Return for each fold the blocks' parts of its loss."""
        learner = self.make_learner(parameters)
        models: list[Fitted] = []
        total = 0.0
        for number, (train, test) in enumerate(self.folds):
            models.append(learner.fit(self.head, self.examples.take(train), self.examples.take(test)))
            if prunable is not None and number + 1 < len(self.folds):
                forecast = models[-1].predict(self.examples.design, self.examples.rows[test])
                total += float(self.losses[number].blocks(forecast).sum())
                _report(prunable, total / (number + 1), number)
        rounds = common_rounds(models, [len(test) for _, test in self.folds])
        forecasts = fold_forecasts(models, rounds, self.examples, self.folds)
        return [loss.blocks(forecast).tolist() for loss, forecast in zip(self.losses, forecasts, strict=True)]


def _report(trial: "optuna.Trial", loss: float, fold: int) -> None:
    from optuna import TrialPruned

    # Hyperband counts steps from 1.
    trial.report(loss, fold + 1)
    if trial.should_prune():
        raise TrialPruned
