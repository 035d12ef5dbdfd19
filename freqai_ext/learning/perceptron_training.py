"""Training of a multilayer perceptron."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqai_ext.learning.learner import Head
from freqai_ext.learning.perceptron_settings import PerceptronSettings
from freqai_ext.learning.sequence.loss import row_losses

Weights = tuple[NDArray[np.float32], ...]

_ROWS_AT_ONCE = 65_536
_ROWS_ASKED_FOR_IMPORTANCE = 1024


@dataclass(frozen=True, eq=False)
class Task:
    """Rows with what the network is to say of them, on the device of the training.

    Attributes
    ----------
    inputs
        Shape ``(n, columns)``.
    target
        Shape ``(n,)``: 0 or 1, or standardised labels.
    weight
        Shape ``(n,)``: above 0, with mean 1.
    """

    inputs: Tensor
    target: Tensor
    weight: Tensor


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training.

    Attributes
    ----------
    weights
        Weight and bias of each layer in turn.
    epochs
        How many epochs made them.
    curve
        Loss on the evaluation rows after each epoch that was trained; empty without any.
    sensitivity
        Shape ``(columns,)``: mean of ``|input * gradient|`` of the first output over training rows.
    """

    weights: Weights
    epochs: int
    curve: NDArray[np.float64]
    sensitivity: NDArray[np.float64]


def build_network(columns: int, outputs: int, settings: PerceptronSettings) -> nn.Sequential:
    """Return an untrained network; torch's random numbers decide its weights, the last layer begins at 0."""
    widths = (columns, *(settings.hidden,) * settings.layers)
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.SiLU(), nn.Dropout(settings.dropout)]
    last = nn.Linear(widths[-1], outputs)
    nn.init.zeros_(last.weight)
    return nn.Sequential(*layers, last)


def set_weights(network: nn.Sequential, weights: Weights) -> None:
    """Give ``network`` the weights and biases of its layers in turn."""
    with torch.no_grad():
        for parameter, values in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(values))


def start_from(network: nn.Sequential, outputs: NDArray[np.float32]) -> None:
    """Let ``network`` say ``outputs`` of every row until it is trained."""
    last = network[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias.copy_(torch.from_numpy(outputs))


class Training:
    """A network in training."""

    def __init__(self, network: nn.Sequential, settings: PerceptronSettings, head: Head, task: Task) -> None:
        self._network = network
        self._settings = settings
        self._head = head
        self._task = task
        flat = [parameter for parameter in network.parameters() if parameter.ndim < 2]
        matrices = [parameter for parameter in network.parameters() if parameter.ndim >= 2]
        self._optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": flat, "weight_decay": 0.0}],
            lr=settings.learning_rate,
        )
        device = task.inputs.device
        self._is_mixed = settings.mixed_precision and device.type == "cuda"
        is_half = self._is_mixed and not torch.cuda.is_bf16_supported()
        self._dtype = torch.float16 if is_half else torch.bfloat16
        self._scaler = torch.amp.GradScaler(device.type, enabled=is_half)
        self._order = np.random.default_rng(settings.random_state)

    def run(self, epochs: int, evaluation: Task | None, patience_epochs: int | None) -> Trained:
        """Train at most ``epochs``.

        With ``patience_epochs`` training stops after so many without a better loss on ``evaluation``, and the weights
        of the best epoch are returned; else it goes through, and the last ones are.
        """
        curve: list[float] = []
        best, best_epoch, best_loss = self._weights(), 0, math.inf
        for epoch in range(1, epochs + 1):
            self._train_epoch()
            if evaluation is None:
                continue
            curve.append(self._loss(evaluation))
            if patience_epochs is None:
                continue
            if curve[-1] < best_loss or best_epoch == 0:
                best, best_epoch, best_loss = self._weights(), epoch, curve[-1]
            if epoch - best_epoch >= patience_epochs:
                break
        if best_epoch:
            set_weights(self._network, best)
        return Trained(self._weights(), best_epoch or epochs, np.array(curve), self._sensitivity())

    def _train_epoch(self) -> None:
        self._network.train()
        positions = self._order.permutation(len(self._task.target))
        for batch in np.array_split(positions, math.ceil(len(positions) / self._settings.batch_size)):
            self._step(torch.from_numpy(batch).to(self._task.inputs.device))

    def _step(self, batch: Tensor) -> None:
        task = self._task
        with torch.autocast(task.inputs.device.type, self._dtype, enabled=self._is_mixed):
            outputs = self._network(task.inputs[batch])
        losses = row_losses(outputs.float(), task.target[batch], self._head, self._settings.huber_deviations)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale((losses * task.weight[batch]).mean()))
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def _loss(self, evaluation: Task) -> float:
        self._network.eval()
        with torch.inference_mode():
            outputs = torch.cat([self._network(some) for some in torch.split(evaluation.inputs, _ROWS_AT_ONCE)])
            losses = row_losses(outputs, evaluation.target, self._head, self._settings.huber_deviations)
            return float((losses * evaluation.weight).double().mean())

    def _sensitivity(self) -> NDArray[np.float64]:
        self._network.eval()
        step = math.ceil(len(self._task.inputs) / _ROWS_ASKED_FOR_IMPORTANCE)
        inputs = self._task.inputs[::step].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self._network(inputs)[:, 0].sum(), inputs)
        moved: NDArray[np.float64] = (inputs * gradient).abs().mean(dim=0).detach().cpu().double().numpy()
        return moved

    def _weights(self) -> Weights:
        return tuple(parameter.detach().cpu().numpy().copy() for parameter in self._network.parameters())
