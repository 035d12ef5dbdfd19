"""Several learners, weighted by how well they forecast what they have not seen."""

from collections.abc import Mapping
from typing import Any

from freqtrade.freqai.freqai_interface import IFreqaiModel

from freqai_ext.errors import SettingsError
from freqai_ext.learning.cross_fit import Folds
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Learner
from freqai_ext.learning.learners import learner, learner_rules
from freqai_ext.learning.parameters import PATH, log_unused, translate
from freqai_ext.learning.stacking import StackedLearner
from freqai_ext.models._signal_model import SignalModel, Tuned
from freqai_ext.models._tuned_learners import MakeLearner
from freqai_ext.signals import Target, TrainingSet, target_folds


class StackedEnsembleModel(SignalModel, IFreqaiModel):
    """LightGBM, CatBoost, a linear model and, by setting, a network, stacked with non-negative weights.

    The members are named in ``freqai_ext.ensemble``. ``model_training_parameters`` go to every member whose library
    takes them; one that none takes is an error.
    """

    def checked_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters, refused by name where no member takes them."""
        settings = self.ext_settings.ensemble
        rules = {name: learner_rules(name) for name in settings.members}
        found = {name: translate(given, rules[name]) for name in settings.members}
        # What one member takes is not refused because another does not.
        faults = [each.faults for each in found.values()]
        refused = [name for name in faults[0] if all(name in others for others in faults)]
        if refused:
            raise SettingsError("\n".join(f"{PATH}.{name}: {faults[0][name]}" for name in refused))
        missing = [{*each.unused, *each.faults} for each in found.values()]
        log_unused(sorted(set.intersection(*missing)), "the ensemble", {})
        self._parameters = {}
        for name in settings.members:
            own = settings.parameters.get(name, {})
            # What is written for one member alone must be its own.
            learner(name, own)
            self._parameters[name] = {**found[name].own, **translate(own, rules[name]).own}
            learner(name, self._parameters[name])
        return dict(given)

    def learner_with(self, parameters: Mapping[str, Any]) -> Learner:
        """Return the first member, which stands in where there is nothing to stack."""
        name, own = next(iter(self._parameters.items()))
        return learner(name, {**own, **parameters})

    def make_learner(self, target: Target, training: TrainingSet, tuned: Tuned) -> Learner:
        """Return the stack, whose folds are purged by the time at which this target's labels are known."""
        members = tuple(tuned(_maker(name, own)) for name, own in self._parameters.items())
        settings = self.signal_settings

        def split(examples: Examples) -> Folds:
            return target_folds(training, target, examples.rows, settings, self.ext_settings.ensemble.folds)

        overlap = max(1.0, target.horizon_candles / settings.train_stride_candles)
        return StackedLearner(members, split, overlap=overlap)


def _maker(name: str, own: Mapping[str, Any]) -> MakeLearner:
    return lambda found: learner(name, {**own, **found})
