"""What a network is trained to make small."""

from torch import Tensor
from torch.nn import functional

from freqai_ext.learning.learner import Head


def row_losses(outputs: Tensor, target: Tensor, head: Head, huber_deviations: float | None) -> Tensor:
    """Return the loss of each row, shape ``(n,)``.

    For a probability the cross entropy; for a distribution half the squared (or Huber) error of the mean plus the mean
    pinball loss of the quantiles.

    Parameters
    ----------
    outputs
        Shape ``(n, head.outputs)``.
    target
        Shape ``(n,)``: 0 or 1, or standardised labels.
    """
    if head.kind == "probability":
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], target, reduction="none")
    if huber_deviations is None:
        loss = 0.5 * (target - outputs[:, 0]).square()
    else:
        loss = functional.huber_loss(outputs[:, 0], target, reduction="none", delta=huber_deviations)
    if head.quantiles:
        miss = target[:, None] - outputs[:, 1:]
        level = outputs.new_tensor(head.quantiles)
        loss = loss + (level * miss).maximum((level - 1.0) * miss).mean(dim=1)
    return loss
