"""Attention over patches of a window."""

import torch
from torch import Tensor, nn

from freqai_ext.learning.sequence.settings import SequenceSettings


class PatchTransformerBody(nn.Module):
    """A small encoder over patches of candles with learnt positions; the result is the mean over the patches.

    A window that is no multiple of the patch is padded with its oldest candle, repeated.

    References
    ----------
    Nie et al. (2023), A Time Series is Worth 64 Words: Long-term Forecasting with Transformers. Theirs treats each
    feature apart; ours takes patches of all features at once.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        super().__init__()
        size = settings.hidden_size
        self.patches = -(-settings.window_candles // settings.patch_candles)
        self.padding = self.patches * settings.patch_candles - settings.window_candles
        self.to_patches = nn.Linear(settings.patch_candles * size, size)
        self.position = nn.Parameter(torch.randn(self.patches, size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            size, settings.heads, 2 * size, settings.dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, settings.layers or 1, enable_nested_tensor=False)

    def forward(self, sequence: Tensor) -> Tensor:
        """Return shape ``(n, hidden)`` for windows of shape ``(n, window, hidden)``."""
        if self.padding:
            sequence = torch.cat([sequence[:, :1].expand(-1, self.padding, -1), sequence], dim=1)
        patches = self.to_patches(sequence.reshape(len(sequence), self.patches, -1))
        encoded: Tensor = self.encoder(patches + self.position)
        return encoded.mean(dim=1)
