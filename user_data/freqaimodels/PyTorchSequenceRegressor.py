"""``PyTorchSequenceRegressor`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.PyTorchSequenceRegressor import PyTorchSequenceRegressor as _Base


class PyTorchSequenceRegressor(_Base):
    """A GRU, temporal convolutions or a patch Transformer for each target, with odds and intervals."""
