"""Training of a sequence network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freqai_ext.learning.learner import Head
from freqai_ext.learning.sequence.batches import Batches
from freqai_ext.learning.sequence.loss import row_losses
from freqai_ext.learning.sequence.network import SequenceNetwork
from freqai_ext.learning.sequence.schedule import learning_rate_factor
from freqai_ext.learning.sequence.settings import SequenceSettings
from freqai_ext.learning.sequence.thinning import thinned_passes

State = Mapping[str, Tensor]

_DEFAULT_RATES = {"gru": 1e-3, "tcn": 1e-3, "patch_transformer": 5e-4}


@dataclass(frozen=True, eq=False)
class Task:
    """Rows with what a network is to say of them.

    Attributes
    ----------
    batches
        Reads the features.
    rows
        Shape ``(n,)``: positions in the design.
    target
        Shape ``(n,)``.
    weight
        Shape ``(n,)``: above 0, with mean 1.
    """

    batches: Batches
    rows: NDArray[np.intp]
    target: Tensor
    weight: Tensor


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training.

    Attributes
    ----------
    state
        Weights of the network, on the CPU.
    epochs
        How many epochs made them.
    curve
        Loss on the evaluation rows after each epoch that was trained; empty without any.
    """

    state: State
    epochs: int
    curve: NDArray[np.float64]


class Training:
    """A network in training.

    The schedule of the learning rate is that of ``settings.epochs`` however many are trained, so that so many epochs on
    the same rows are the same wherever training stops.
    """

    def __init__(self, network: SequenceNetwork, settings: SequenceSettings, head: Head, task: Task) -> None:
        self._network = network
        self._settings = settings
        self._head = head
        self._task = task
        self._peak_rate = settings.learning_rate or _DEFAULT_RATES[settings.architecture]
        self._optimiser = torch.optim.AdamW(_decaying_and_free(network, settings.weight_decay), lr=1.0)
        device = task.batches.device
        self._is_mixed = settings.mixed_precision and device.type == "cuda"
        is_half = self._is_mixed and not torch.cuda.is_bf16_supported()
        self._dtype = torch.float16 if is_half else torch.bfloat16
        self._scaler = torch.amp.GradScaler(device.type, enabled=is_half)
        stride = max(1, min(settings.train_stride_candles, len(task.rows) // settings.batch_size))
        self._passes = thinned_passes(len(task.rows), stride, np.random.default_rng(settings.random_seed))
        self._epochs = 0

    def run(self, epochs: int, evaluation: Task | None, patience_epochs: int | None) -> Trained:
        """Train at most ``epochs``.

        With ``patience_epochs`` training stops after so many without a better loss on ``evaluation``, and the weights
        of the best epoch are returned; else it goes through, and the last ones are.
        """
        curve: list[float] = []
        best, best_epoch, best_loss = self._state(), 0, math.inf
        for epoch in range(1, epochs + 1):
            self._train_epoch()
            if evaluation is None:
                continue
            curve.append(self._loss(evaluation))
            if patience_epochs is not None and (curve[-1] < best_loss or best_epoch == 0):
                best, best_epoch, best_loss = self._state(), epoch, curve[-1]
            if patience_epochs is not None and epoch - best_epoch >= patience_epochs:
                break
        if best_epoch == 0:
            best, best_epoch = self._state(), epochs
        return Trained(best, best_epoch, np.array(curve))

    def _train_epoch(self) -> None:
        self._network.train()
        positions = next(self._passes)
        batches = np.array_split(positions, math.ceil(len(positions) / self._settings.batch_size))
        for number, batch in enumerate(batches):
            progress = (self._epochs + number / len(batches)) / self._settings.epochs
            rate = self._peak_rate * learning_rate_factor(self._settings.schedule, progress)
            for group in self._optimiser.param_groups:
                group["lr"] = rate
            self._step(batch)
        self._epochs += 1

    def _step(self, positions: NDArray[np.intp]) -> None:
        task, network = self._task, self._network
        numbers, codes, index = task.batches.read(task.rows[positions])
        chosen = torch.from_numpy(positions).to(task.target.device)
        with torch.autocast(task.batches.device.type, self._dtype, enabled=self._is_mixed):
            outputs = network(network.embed(numbers, codes), index)
        losses = row_losses(outputs.float(), task.target[chosen], self._head, self._settings.huber_deviations)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale((losses * task.weight[chosen]).mean()))
        self._scaler.unscale_(self._optimiser)
        torch.nn.utils.clip_grad_norm_(network.parameters(), self._settings.gradient_clip)
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def _loss(self, evaluation: Task) -> float:
        outputs = evaluation.batches.outputs(self._network, evaluation.rows)
        losses = row_losses(outputs, evaluation.target, self._head, self._settings.huber_deviations)
        return float((losses * evaluation.weight).double().mean())

    def _state(self) -> State:
        return {name: value.detach().cpu().clone() for name, value in self._network.state_dict().items()}


def _decaying_and_free(network: SequenceNetwork, weight_decay: float) -> list[dict[str, object]]:
    free_modules = {id(parameter) for parameter in network.embeddings.parameters()}
    decaying: list[Tensor] = []
    free: list[Tensor] = []
    for parameter in network.parameters():
        (free if parameter.ndim < 2 or id(parameter) in free_modules else decaying).append(parameter)
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
