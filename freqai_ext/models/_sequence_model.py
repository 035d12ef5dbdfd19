"""What the two sequence models share."""

from collections.abc import Mapping
from typing import Any

from freqai_ext._settings import parse_settings
from freqai_ext.learning.learner import Learner
from freqai_ext.learning.parameter_names import Counterpart
from freqai_ext.learning.parameter_settings import network_counterparts, settings_rules
from freqai_ext.learning.parameters import PATH, ParameterRules, fitting_parameters
from freqai_ext.learning.sequence import SequenceLearner, SequenceSettings, check_device
from freqai_ext.models._signal_model import SignalModel


class SequenceModel(SignalModel):
    """One network per target over windows of candles, with the settings of ``freqai_ext.sequence``.

    ``model_training_parameters`` may hold the same settings and then win, also under the names of Freqtrade's own torch
    models. ``freqai.conv_width`` is the window where ``window_candles`` is not set.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        width = config.get("freqai", {}).get("conv_width", 1)
        # FreqAI fills in 1, which is no window.
        self._conv_width: dict[str, Any] = {"window_candles": width} if width != 1 else {}
        super().__init__(config=config)

    def checked_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters under the names of ``freqai_ext.sequence``, refused where a network has none such."""
        own = fitting_parameters(given, _rules())
        check_device(self._settings_with(own))
        return own

    @property
    def history_rows(self) -> int:
        """Number of rows before a row that its prediction looks at."""
        return self.learner_with({}).history_rows

    def learner_with(self, parameters: Mapping[str, Any]) -> Learner:
        """Return the learner of windows."""
        return SequenceLearner(self._settings_with({**self.model_training_parameters, **parameters}))

    def _settings_with(self, parameters: Mapping[str, Any]) -> SequenceSettings:
        chosen = parse_settings(SequenceSettings, parameters, PATH).model_dump(exclude_unset=True)
        section = self.ext_settings.sequence.model_dump(exclude_unset=True)
        return parse_settings(SequenceSettings, {**self._conv_width, **section, **chosen}, PATH)


def _rules() -> ParameterRules:
    counterparts = {
        **network_counterparts(width="hidden_size", seed="random_seed"),
        "heads": Counterpart("heads"),
        "window": Counterpart("window_candles"),
    }
    return settings_rules(SequenceSettings, "the network", {}, family="network", counterparts=counterparts)
