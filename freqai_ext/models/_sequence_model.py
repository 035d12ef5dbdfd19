"""What the two sequence models share."""

from collections.abc import Mapping
from typing import Any

from freqai_ext._settings import parse_settings
from freqai_ext.learning.learner import Learner
from freqai_ext.learning.sequence import SequenceLearner, SequenceSettings
from freqai_ext.models._signal_model import SignalModel


class SequenceModel(SignalModel):
    """One network per target over windows of candles, with the settings of ``freqai_ext.sequence``.

    ``model_training_parameters`` may hold the same settings and then win.
    """

    def checked_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters, refused by name where a network does not take them."""
        self._settings_with(given)
        return dict(given)

    @property
    def history_rows(self) -> int:
        """Number of rows before a row that its prediction looks at."""
        return self.learner_with({}).history_rows

    def learner_with(self, parameters: Mapping[str, Any]) -> Learner:
        """Return the learner of windows."""
        return SequenceLearner(self._settings_with({**self.model_training_parameters, **parameters}))

    def _settings_with(self, parameters: Mapping[str, Any]) -> SequenceSettings:
        path = "freqai.model_training_parameters"
        chosen = parse_settings(SequenceSettings, parameters, path).model_dump(exclude_unset=True)
        section = self.ext_settings.sequence.model_dump(exclude_unset=True)
        return parse_settings(SequenceSettings, {**section, **chosen}, path)
