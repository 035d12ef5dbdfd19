"""Causal dilated convolutions over a window."""

from torch import Tensor, nn
from torch.nn import functional

from freqai_ext.learning.sequence.settings import SequenceSettings


class ConvolutionalBody(nn.Module):
    """Residual blocks of causal convolutions whose dilation doubles; the result is that of the last candle.

    With ``layers`` blocks it sees ``1 + (kernel_candles - 1) * (2**layers - 1)`` candles, the whole window by default.

    References
    ----------
    Bai, Kolter and Koltun (2018), An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
    Modeling. Our blocks have one convolution each and group normalisation in place of weight normalisation.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        super().__init__()
        layers = settings.layers or layers_to_see(settings.window_candles, settings.kernel_candles)
        self.blocks = nn.Sequential(*(_CausalBlock(settings, 2**depth) for depth in range(layers)))

    def forward(self, sequence: Tensor) -> Tensor:
        """Return shape ``(n, hidden)`` for windows of shape ``(n, window, hidden)``."""
        convolved: Tensor = self.blocks(sequence.transpose(1, 2))
        return convolved[:, :, -1]


def layers_to_see(window_candles: int, kernel_candles: int) -> int:
    """Return the fewest blocks whose last candle sees the whole window."""
    layers = 1
    while 1 + (kernel_candles - 1) * (2**layers - 1) < window_candles:
        layers += 1
    return layers


class _CausalBlock(nn.Module):
    def __init__(self, settings: SequenceSettings, dilation: int) -> None:
        super().__init__()
        size = settings.hidden_size
        self.reach = (settings.kernel_candles - 1) * dilation
        self.convolution = nn.Conv1d(size, size, settings.kernel_candles, dilation=dilation)
        self.norm = nn.GroupNorm(1, size)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, sequence: Tensor) -> Tensor:
        convolved = self.convolution(functional.pad(sequence, (self.reach, 0)))
        added: Tensor = self.dropout(functional.gelu(self.norm(convolved)))
        return sequence + added
