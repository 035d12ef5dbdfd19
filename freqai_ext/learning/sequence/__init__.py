"""Networks that look back over a window of candles; torch is imported when one is fitted or asked."""

from freqai_ext.learning.sequence.fitted_sequence import FittedSequence
from freqai_ext.learning.sequence.runtime import check_device
from freqai_ext.learning.sequence.sequence_learner import SequenceLearner
from freqai_ext.learning.sequence.settings import SequenceSettings

__all__ = ["FittedSequence", "SequenceLearner", "SequenceSettings", "check_device"]
