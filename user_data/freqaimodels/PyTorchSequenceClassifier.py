"""``PyTorchSequenceClassifier`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.PyTorchSequenceClassifier import PyTorchSequenceClassifier as _Base


class PyTorchSequenceClassifier(_Base):
    """A GRU, temporal convolutions or a patch Transformer for each class, with calibrated probabilities."""
