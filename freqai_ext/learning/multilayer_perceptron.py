"""A multilayer perceptron, trained by torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from freqai_ext.errors import SettingsError
from freqai_ext.learning.boosting import gain_shares, rounds_of_parts
from freqai_ext.learning.constant import constant_of
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.learning.one_hot import one_hot_columns, one_hot_inputs, sum_by_feature
from freqai_ext.learning.parameter_names import same
from freqai_ext.learning.parameter_settings import network_counterparts, settings_from_parameters, settings_rules
from freqai_ext.learning.parameters import PATH, ParameterRules
from freqai_ext.learning.perceptron_settings import PerceptronSettings
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.sequence.label_scale import LabelScale, unconditional_outputs
from freqai_ext.learning.sequence.runtime import bounded_threads, seeded
from freqai_ext.learning.weighted_rows import weighted_evaluation, weighted_rows

if TYPE_CHECKING:
    import torch

    from freqai_ext.learning.perceptron_training import Task

_TRANSLATED = MappingProxyType(
    {
        "random_seed": ("random_state", same),
        "max_epochs": ("epochs", same),
    }
)
_ROWS_AT_ONCE = 16_384


def learner_rules() -> ParameterRules:
    """Return what the learner accepts."""
    counterparts = network_counterparts(width="hidden", seed="random_state")
    return settings_rules(
        PerceptronSettings, "the perceptron", _TRANSLATED, family="network", counterparts=counterparts
    )


@dataclass(frozen=True)
class PerceptronLearner:
    """One network per head: the mean by squared error and the quantiles by pinball loss together, or log odds.

    Features are scaled, categories are one-hot. On the CPU a fit is deterministic; torch's own random numbers and
    number of threads are as before afterwards.

    Attributes
    ----------
    settings
        Size and training of the network.
    name, history_rows
        See :class:`~freqai_ext.learning.learner.Learner`.
    """

    settings: PerceptronSettings = field(default_factory=PerceptronSettings)
    name: str = field(default="torch", init=False)
    history_rows: int = field(default=0, init=False)

    @classmethod
    def from_parameters(cls, given: Mapping[str, Any]) -> "PerceptronLearner":
        """Return the learner of the user's training parameters.

        Raises
        ------
        SettingsError
            For an unknown name or a value that is not valid.
        """
        settings = settings_from_parameters(PerceptronSettings, given, learner_rules())
        if settings.device == "cuda":
            # Before the first training, not in it.
            _device(settings)
        return cls(settings)

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> Fitted:
        """Return a network trained on ``train``; see :class:`~freqai_ext.learning.learner.Learner`.

        With ``evaluation`` and without ``rounds`` the weights of the best epoch are kept. A continued network keeps the
        scales of the former one, in which its weights mean what they did.

        Raises
        ------
        SettingsError
            Where the settings force a device that is not there.
        """
        train, evaluation = weighted_rows(train), weighted_evaluation(evaluation)
        if constant := constant_of(head, train):
            return constant
        (epochs,) = rounds_of_parts(rounds, self.settings.epochs, 1)
        before = former if isinstance(former, FittedPerceptron) else None
        if before is not None and not before.continues(self.settings, head, train.design):
            before = None
        device = _device(self.settings)
        with bounded_threads(self.settings.threads), seeded(self.settings.random_state, device):
            return self._fit(head, train, evaluation, epochs, rounds is None, before, device)

    def _fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None,
        epochs: int,
        may_stop: bool,
        before: "FittedPerceptron | None",
        device: "torch.device",
    ) -> "FittedPerceptron":
        from freqai_ext.learning.perceptron_training import Training, build_network, set_weights, start_from

        inputs = before.inputs if before else InputScale.measure(train.design, train.rows)
        labels = before.labels if before else LabelScale.measure(head, train.label, train.weight)
        network = build_network(one_hot_columns(inputs), head.outputs, self.settings)
        if before:
            set_weights(network, before.weights)
        else:
            start_from(network, unconditional_outputs(head, labels.targets(train.label), train.weight))
        task = _task(train, inputs, labels, device)
        watched = _task(evaluation, inputs, labels, device) if evaluation else None
        patience = self.settings.patience_epochs if watched and may_stop else None
        trained = Training(network.to(device), self.settings, head, task).run(epochs, watched, patience)
        return FittedPerceptron(
            settings=self.settings,
            head=head,
            inputs=inputs,
            labels=labels,
            weights=trained.weights,
            rounds=(trained.epochs,),
            curves=(trained.curve,) if watched else (),
            sensitivity=trained.sensitivity,
        )


@dataclass(frozen=True, eq=False)
class FittedPerceptron:
    """The weights of a trained network; NumPy makes the predictions. See :class:`~freqai_ext.learning.learner.Fitted`.

    Attributes
    ----------
    settings
        Those of the learner.
    head
        What was asked for.
    inputs
        How features are scaled.
    labels
        How labels are scaled.
    weights
        Weight and bias of each layer in turn.
    rounds
        Epochs that made the weights, of the one part that there is.
    curves
        Loss on the evaluation rows after each epoch that was trained, also those after the best.
    sensitivity
        Shape ``(columns,)``: how much each input moves the first output.
    """

    settings: PerceptronSettings
    head: Head
    inputs: InputScale
    labels: LabelScale
    weights: tuple[NDArray[np.float32], ...]
    rounds: tuple[int, ...]
    curves: tuple[NDArray[np.float64], ...]
    sensitivity: NDArray[np.float64]

    def at(self, rounds: tuple[int, ...]) -> "FittedPerceptron":  # noqa: ARG002
        """Return itself: earlier epochs are not kept."""
        return self

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``."""
        predictions = np.empty((len(rows), self.head.outputs))
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[first : first + _ROWS_AT_ONCE]
            outputs = self._outputs(one_hot_inputs(self.inputs, design.matrix[some]))
            predictions[first : first + len(some)] = self.labels.predictions(outputs)
        return predictions

    def importance(self) -> NDArray[np.float64] | None:
        """Return each feature's share of ``|input * gradient|`` of the mean or log odds over training rows."""
        return gain_shares(sum_by_feature(self.inputs, self.sensitivity))

    def continues(self, settings: PerceptronSettings, head: Head, design: Design) -> bool:
        """Return whether a network of ``settings`` for ``head`` on ``design`` can start from this one."""
        ours, theirs = self.settings, settings
        return (
            head == self.head
            and (ours.hidden, ours.layers) == (theirs.hidden, theirs.layers)
            and tuple(self.inputs.categorical) == tuple(sorted(design.categorical))
            and len(self.inputs.numeric) + len(self.inputs.categorical) == design.matrix.shape[1]
        )

    def _outputs(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        hidden = inputs
        for weight, bias in zip(self.weights[:-2:2], self.weights[1:-2:2], strict=True):
            hidden = hidden @ weight.T + bias
            hidden *= expit(hidden)
        weight, bias = self.weights[-2:]
        return np.asarray(hidden @ weight.T + bias, dtype=np.float32)


def _device(settings: PerceptronSettings) -> "torch.device":
    import torch

    if settings.device != "cpu" and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if settings.device == "cuda":
        raise SettingsError(f"{PATH}.device: 'cuda' is not there; torch finds no such device: write 'auto' or 'cpu'")
    return torch.device("cpu")


def _task(examples: Examples, inputs: InputScale, labels: LabelScale, device: "torch.device") -> "Task":
    import torch

    from freqai_ext.learning.perceptron_training import Task

    weight = (examples.weight / examples.weight.mean()).astype(np.float32)
    return Task(
        torch.from_numpy(one_hot_inputs(inputs, examples.features)).to(device),
        torch.from_numpy(labels.targets(examples.label)).to(device),
        torch.from_numpy(weight).to(device),
    )
