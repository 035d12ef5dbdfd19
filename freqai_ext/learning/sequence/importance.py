"""How much each feature moves what a network says."""

import numpy as np
import torch
from numpy.typing import NDArray

from freqai_ext.learning.sequence.batches import Batches
from freqai_ext.learning.sequence.network import SequenceNetwork
from freqai_ext.learning.sequence.windows import window_rows

_MOST_WINDOWS_ASKED = 256


def gradient_importance(
    network: SequenceNetwork, batches: Batches, rows: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Return ``|input * gradient|`` of the mean or log odds, added up over the window and averaged over rows.

    Of many ``rows`` 256, evenly spaced, are asked. Shape ``(features,)``, sum 1; ``None`` where nothing matters.
    """
    network.eval()
    spaced = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS_ASKED)).astype(np.intp)]
    total = torch.zeros(network.project.in_features, dtype=torch.float64)
    # cuDNN's recurrent kernels give no gradients outside of training.
    with torch.backends.cudnn.flags(enabled=False):
        for some in batches.chunks(spaced):
            wanted = window_rows(some, batches.design.run_start, batches.settings.window_candles)
            # Rows that windows share are taken once for each: their gradients must not cancel.
            embedded = network.embed(*batches.read_single(wanted.ravel())).detach().requires_grad_()
            index = torch.arange(wanted.size, device=batches.device).reshape(wanted.shape)
            network(embedded, index)[:, 0].sum().backward()
            if embedded.grad is not None:
                total += (embedded * embedded.grad).abs().sum(dim=0).detach().cpu().double()
    network.zero_grad(set_to_none=True)
    return _by_feature(total.numpy(), batches)


def _by_feature(moved: NDArray[np.float64], batches: Batches) -> NDArray[np.float64] | None:
    inputs, size = batches.inputs, batches.settings.embedding_size
    importance = np.zeros(batches.design.matrix.shape[1])
    numeric = len(inputs.numeric)
    importance[inputs.numeric] = moved[:numeric]
    importance[inputs.categorical] = moved[numeric:].reshape(-1, size).sum(axis=1)
    total = importance.sum()
    return importance / total if total > 0.0 else None
