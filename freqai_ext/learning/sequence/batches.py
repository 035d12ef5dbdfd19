"""Windows of a design as tensors, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freqai_ext.learning.design import Design
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.sequence.network import SequenceNetwork
from freqai_ext.learning.sequence.settings import SequenceSettings
from freqai_ext.learning.sequence.windows import Windows

_MOST_NUMBERS_AT_ONCE = 2**22
_MOST_WINDOWS_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Batches:
    """Reads windows of a design. The design is only ever read where it lies: a batch takes the rows it needs.

    Attributes
    ----------
    design
        The features.
    inputs
        How they are scaled.
    settings
        Those of the learner.
    device
        Where the tensors go.
    """

    design: Design
    inputs: InputScale
    settings: SequenceSettings
    device: torch.device

    def read(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor, Tensor]:
        """Return numbers ``(r, numeric)``, codes ``(r, categorical)`` and window index ``(n, window)`` of ``rows``."""
        windows = Windows.ending_at(rows, self.design.run_start, self.settings.window_candles)
        return (*self.read_single(windows.rows), torch.from_numpy(windows.index).to(self.device))

    def read_single(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Return numbers and codes of the rows themselves, without windows."""
        matrix = self.design.matrix[rows]
        numbers = torch.from_numpy(self.inputs.numbers(matrix))
        codes = torch.from_numpy(self.inputs.codes(matrix))
        return numbers.to(self.device), codes.to(self.device)

    def outputs(self, network: SequenceNetwork, rows: NDArray[np.intp]) -> Tensor:
        """Return what ``network`` says of the windows that end at ``rows``, shape ``(n, outputs)``."""
        network.eval()
        said = [torch.empty((0, network.output.out_features), device=self.device)]
        with torch.inference_mode():
            for some in self.chunks(rows):
                numbers, codes, index = self.read(some)
                said.append(network(network.embed(numbers, codes), index))
            return torch.cat(said)

    def chunks(self, rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Yield ``rows`` in pieces whose windows, were no row shared, would hold some 4 million numbers."""
        width = max(self.design.matrix.shape[1], self.settings.hidden_size)
        fitting = _MOST_NUMBERS_AT_ONCE // (width * self.settings.window_candles)
        size = min(max(fitting, 16), _MOST_WINDOWS_AT_ONCE)
        for first in range(0, len(rows), size):
            yield rows[first : first + size]
