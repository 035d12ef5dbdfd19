"""Settings of the multilayer perceptron."""

from typing import Literal

from pydantic import Field

from freqai_ext._settings import Settings


class PerceptronSettings(Settings):
    """How a multilayer perceptron is built and trained.

    Attributes
    ----------
    hidden
        Width of each hidden layer.
    layers
        Number of hidden layers.
    dropout
        Share of the hidden units that each training step leaves out.
    epochs
        Passes over the rows at most.
    patience_epochs
        Training stops after so many passes without a better loss on the evaluation rows.
    batch_size
        Rows per training step.
    learning_rate
        Size of the steps; it stays the same, so that fewer epochs are the beginning of more.
    weight_decay
        Pull of the weights towards 0, as of AdamW; biases are free of it.
    huber_deviations
        Errors of the mean above so many standard deviations of the label count linearly, not as squares; ``null``
        squares all of them, which is what makes it a mean.
    device
        ``"auto"`` takes CUDA where there is a device, else the CPU. Predictions are made on the CPU.
    mixed_precision
        Train in bfloat16, or float16 where the device has no bfloat16, on CUDA.
    random_state
        Decides the first weights, the order of the rows and what is dropped.
    threads
        CPU threads while training; the number of before is restored.
    """

    hidden: int = Field(default=64, ge=1, le=4096)
    layers: int = Field(default=2, ge=1, le=16)
    dropout: float = Field(default=0.3, ge=0.0, lt=1.0)
    epochs: int = Field(default=20, ge=1)
    patience_epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0)
    weight_decay: float = Field(default=0.5, ge=0.0, allow_inf_nan=False)
    huber_deviations: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mixed_precision: bool = True
    random_state: int = Field(default=0, ge=0, lt=2**63)
    threads: int = Field(default=1, ge=1)
