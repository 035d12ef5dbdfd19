"""A recurrent network over a window."""

from torch import Tensor, nn

from freqai_ext.learning.sequence.settings import SequenceSettings


class GatedRecurrentBody(nn.Module):
    """Gated recurrent units; what they remember at the last candle is the result.

    References
    ----------
    Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        super().__init__()
        layers = settings.layers or 1
        between = settings.dropout if layers > 1 else 0.0
        self.recurrent = nn.GRU(settings.hidden_size, settings.hidden_size, layers, batch_first=True, dropout=between)

    def forward(self, sequence: Tensor) -> Tensor:
        """Return shape ``(n, hidden)`` for windows of shape ``(n, window, hidden)``."""
        remembered: Tensor = self.recurrent(sequence)[0]
        return remembered[:, -1]
