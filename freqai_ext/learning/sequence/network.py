"""The network around an architecture: features in, outputs of a head out."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from freqai_ext.learning.sequence.gru import GatedRecurrentBody
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.sequence.patch_transformer import PatchTransformerBody
from freqai_ext.learning.sequence.settings import SequenceSettings
from freqai_ext.learning.sequence.tcn import ConvolutionalBody

_BODIES = {"gru": GatedRecurrentBody, "tcn": ConvolutionalBody, "patch_transformer": PatchTransformerBody}


class SequenceNetwork(nn.Module):
    """Embeds codes, projects each row once, lays the rows out in windows, and reads the windows.

    Its last layer starts at 0: before training it says its bias whatever the features are.

    Parameters
    ----------
    inputs
        The features that it will be given.
    outputs
        How many numbers it says of each window.
    """

    def __init__(self, settings: SequenceSettings, inputs: InputScale, outputs: int) -> None:
        super().__init__()
        size = settings.hidden_size
        self.embeddings = nn.ModuleList(
            # The last code stands for all that were never seen; as the padding it stays at 0.
            nn.Embedding(cardinality + 1, settings.embedding_size, padding_idx=cardinality)
            for cardinality in inputs.cardinalities
        )
        width = len(inputs.numeric) + settings.embedding_size * len(inputs.cardinalities)
        self.project = nn.Linear(width, size)
        self.dropout = nn.Dropout(settings.dropout)
        self.body = _BODIES[settings.architecture](settings)
        self.norm = nn.LayerNorm(size)
        self.output = nn.Linear(size, outputs)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def embed(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return the numbers and, after them, the embedded codes of rows: shape ``(r, width)``."""
        embedded = [embedding(codes[:, place]) for place, embedding in enumerate(self.embeddings)]
        return torch.cat([numbers, *embedded], dim=1)

    def forward(self, embedded: Tensor, index: Tensor) -> Tensor:
        """Return shape ``(n, outputs)``.

        Parameters
        ----------
        embedded
            Rows as :meth:`embed` returns them.
        index
            Shape ``(n, window)``: the rows of each window, oldest first.
        """
        sequence = functional.embedding(index, self.project(embedded))
        if self.training:
            # One mask for all candles of a window: what is left out cannot be read off its neighbour.
            sequence = sequence * self.dropout(torch.ones_like(sequence[:, :1]))
        said: Tensor = self.output(self.dropout(self.norm(self.body(sequence))))
        return said
