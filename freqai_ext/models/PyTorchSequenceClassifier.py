"""Networks over windows of candles, for classes."""

from freqtrade.freqai.freqai_interface import IFreqaiModel

from freqai_ext.models._sequence_model import SequenceModel


class PyTorchSequenceClassifier(SequenceModel, IFreqaiModel):
    """A GRU, temporal convolutions or a patch Transformer for each class, with calibrated probabilities.

    Returns the likeliest class of each target and a column per class. Class names must differ between targets.
    Needs the extra ``torch``. What FreqAI saves holds a ``state_dict`` that is loaded with ``weights_only=True``.
    """

    task = "classification"
