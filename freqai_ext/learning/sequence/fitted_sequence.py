"""What a sequence learner has learnt."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Design
from freqai_ext.learning.learner import Head
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.sequence.label_scale import LabelScale
from freqai_ext.learning.sequence.runtime import bounded_threads, choose_device, require_torch, seeded
from freqai_ext.learning.sequence.settings import SequenceSettings

if TYPE_CHECKING:
    import torch

    from freqai_ext.learning.sequence.network import SequenceNetwork


@dataclass(frozen=True, eq=False)
class FittedSequence:
    """A trained network as bytes of its weights; the network itself is built when first asked, and never pickled.

    Attributes
    ----------
    settings
        Those of the learner.
    head
        What it was asked for.
    names
        The features, in the order of the design's columns.
    inputs
        How features are scaled.
    labels
        How labels are scaled.
    state
        The weights: a ``state_dict`` as torch saves it, read with ``weights_only=True``.
    rounds
        Epochs that made the weights, of the one part that there is.
    curves
        Loss on the evaluation rows after each epoch that was trained, also those after the best; in squared standard
        deviations of the label (half of the squared error, plus the pinball loss), or as cross entropy.
    gradient_importance
        See :meth:`importance`.
    """

    settings: SequenceSettings
    head: Head
    names: tuple[str, ...]
    inputs: InputScale
    labels: LabelScale
    state: bytes = field(repr=False)
    rounds: tuple[int, ...]
    curves: tuple[NDArray[np.float64], ...]
    gradient_importance: NDArray[np.float64] | None

    def at(self, rounds: tuple[int, ...]) -> "FittedSequence":  # noqa: ARG002
        """Return itself: earlier epochs are not kept."""
        return self

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``: the mean, then the quantiles; or the probability of 1.

        Each row is read with the ``window_candles - 1`` rows before it of its run; where the run is shorter, its first
        row is repeated. Windows are laid out a batch at a time.

        Raises
        ------
        MissingExtraError
            Where torch is not installed.
        SettingsError
            Where the settings force a device that is not there.
        ValueError
            Unless the design has the features of the training.
        """
        require_torch()
        from freqai_ext.learning.sequence.batches import Batches

        if design.names != self.names:
            raise ValueError(
                f"design.names: {len(design.names)} features, which are not the {len(self.names)} trained on; "
                "give the same ones in the same order"
            )
        network, device = self._network_and_device
        with bounded_threads(self.settings.threads):
            outputs = Batches(design, self.inputs, self.settings, device).outputs(network, rows)
        return self.labels.predictions(outputs.cpu().numpy())

    def importance(self) -> NDArray[np.float64] | None:
        """Return ``|input * gradient|`` of the mean or log odds, added up over the window and averaged over 256
        training rows; shape ``(features,)``, sum 1, or ``None`` where no feature matters.
        """
        return self.gradient_importance

    @cached_property
    def _network_and_device(self) -> "tuple[SequenceNetwork, torch.device]":
        from freqai_ext.learning.sequence.network import SequenceNetwork
        from freqai_ext.learning.sequence.state_bytes import from_bytes

        device = choose_device(self.settings)
        # Building a network draws first weights, which are thrown away here.
        with seeded(0, device):
            network = SequenceNetwork(self.settings, self.inputs, self.head.outputs)
        network.load_state_dict(from_bytes(self.state))
        return network.to(device), device

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_network_and_device"}
