"""Networks over windows of candles, for numbers."""

from freqtrade.freqai.freqai_interface import IFreqaiModel

from freqai_ext.models._sequence_model import SequenceModel


class PyTorchSequenceRegressor(SequenceModel, IFreqaiModel):
    """A GRU, temporal convolutions or a patch Transformer for each target, with odds and intervals.

    Needs the extra ``torch``. What FreqAI saves holds a ``state_dict`` that is loaded with ``weights_only=True``.
    """
