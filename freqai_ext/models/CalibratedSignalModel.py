"""Calibrated odds, expected value and honest intervals for any mix of targets."""

from collections.abc import Mapping
from typing import Any

from freqtrade.freqai.freqai_interface import IFreqaiModel

from freqai_ext.learning.learner import Learner
from freqai_ext.learning.learners import learner, learner_rules
from freqai_ext.learning.parameters import fitting_parameters
from freqai_ext.models._signal_model import SignalModel


class CalibratedSignalModel(SignalModel, IFreqaiModel):
    """One learner per target, on the library named by ``freqai_ext.signal.backend``.

    A continuous target gets its expected value, quantiles and, as a return, the odds; a binary one (0 and 1, or class
    names) a calibrated probability. ``model_training_parameters`` are those of the library.
    """

    def checked_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters under the library's names, refused by name where it does not take them."""
        name = self.ext_settings.signal.backend
        own = fitting_parameters(given, learner_rules(name))
        learner(name, own)
        return own

    def learner_with(self, parameters: Mapping[str, Any]) -> Learner:
        """Return the library's learner."""
        return learner(self.ext_settings.signal.backend, {**self.model_training_parameters, **parameters})
