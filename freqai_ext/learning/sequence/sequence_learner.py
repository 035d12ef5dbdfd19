"""A learner that reads windows of candles with a network."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.learning.sequence.fitted_sequence import FittedSequence
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.sequence.label_scale import LabelScale, unconditional_outputs
from freqai_ext.learning.sequence.runtime import bounded_threads, choose_device, require_torch, seeded
from freqai_ext.learning.sequence.settings import SequenceSettings

if TYPE_CHECKING:
    import torch

    from freqai_ext.learning.sequence.network import SequenceNetwork
    from freqai_ext.learning.sequence.training import Task


@dataclass(frozen=True)
class SequenceLearner:
    """One network per head over the last ``window_candles`` rows of a run; implements
    :class:`~freqai_ext.learning.learner.Learner`.

    A window that would reach back beyond the first row of its run is filled up with that row, repeated.
    On the CPU a fit is deterministic; torch's own random numbers and number of threads are as before afterwards.

    Attributes
    ----------
    settings
        Architecture and training.
    """

    settings: SequenceSettings = field(default_factory=SequenceSettings)

    @property
    def name(self) -> str:
        return "sequence"

    @property
    def history_rows(self) -> int:
        return self.settings.window_candles - 1

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> FittedSequence:
        """Return a network trained on ``train``; see :meth:`freqai_ext.learning.learner.Learner.fit`.

        With ``evaluation`` and without ``rounds`` the weights of the best epoch are kept. With ``rounds`` exactly so
        many epochs are trained: on the same rows they give the weights that the best of a longer training had.
        ``former`` gives the first weights where head, features and shapes are the same.

        Raises
        ------
        MissingExtraError
            Where torch is not installed.
        SettingsError
            Where the settings force a device that is not there.
        ValueError
            Where no example has a weight above 0.
        """
        require_torch()
        train = train.take(train.weight > 0.0)
        if len(train) == 0:
            raise ValueError("train: no example has a weight above 0; give at least one")
        if evaluation is not None:
            evaluation = evaluation.take(evaluation.weight > 0.0)
        device = choose_device(self.settings)
        with bounded_threads(self.settings.threads), seeded(self.settings.random_seed, device):
            return self._fit(head, train, evaluation if evaluation else None, rounds, former, device)

    def _fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None,
        rounds: tuple[int, ...] | None,
        former: Fitted | None,
        device: "torch.device",
    ) -> FittedSequence:
        from freqai_ext.learning.sequence.importance import gradient_importance
        from freqai_ext.learning.sequence.network import SequenceNetwork
        from freqai_ext.learning.sequence.state_bytes import to_bytes
        from freqai_ext.learning.sequence.training import Training

        inputs = InputScale.measure(train.design, train.rows)
        labels = LabelScale.measure(head, train.label, train.weight)
        network = SequenceNetwork(self.settings, inputs, head.outputs)
        _start(network, unconditional_outputs(head, labels.targets(train.label), train.weight))
        if isinstance(former, FittedSequence) and former.head == head and former.names == train.design.names:
            _continue_from(network, former)
        network.to(device)
        task = self._task(train, inputs, labels, device)
        trained = Training(network, self.settings, head, task).run(
            rounds[0] if rounds else self.settings.epochs,
            self._task(evaluation, inputs, labels, device) if evaluation else None,
            self.settings.patience_epochs if evaluation and not rounds else None,
        )
        network.load_state_dict(trained.state)
        return FittedSequence(
            settings=self.settings,
            head=head,
            names=train.design.names,
            inputs=inputs,
            labels=labels,
            state=to_bytes(trained.state),
            rounds=(trained.epochs,),
            curves=(trained.curve,) if evaluation else (),
            gradient_importance=gradient_importance(network, task.batches, train.rows) if labels.scale else None,
        )

    def _task(self, examples: Examples, inputs: InputScale, labels: LabelScale, device: "torch.device") -> "Task":
        import torch

        from freqai_ext.learning.sequence.batches import Batches
        from freqai_ext.learning.sequence.training import Task

        weight = examples.weight / examples.weight.mean()
        return Task(
            Batches(examples.design, inputs, self.settings, device),
            examples.rows,
            torch.from_numpy(labels.targets(examples.label)).to(device),
            torch.from_numpy(weight.astype(np.float32)).to(device),
        )


def _start(network: "SequenceNetwork", outputs: NDArray[np.float32]) -> None:
    import torch

    with torch.no_grad():
        network.output.bias.copy_(torch.from_numpy(outputs))


def _continue_from(network: "SequenceNetwork", former: FittedSequence) -> None:
    from freqai_ext.learning.sequence.state_bytes import from_bytes

    state = from_bytes(former.state)
    if {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in network.state_dict().items()
    }:
        network.load_state_dict(state)
