"""Settings of the sequence learner."""

from typing import Literal, Self

from pydantic import Field, model_validator

from freqai_ext._settings import Settings

Architecture = Literal["gru", "tcn", "patch_transformer"]
DeviceName = Literal["auto", "cpu", "cuda"]


class SequenceSettings(Settings):
    """How a network over windows of candles is built and trained.

    Attributes
    ----------
    architecture
        ``"gru"`` (recurrent), ``"tcn"`` (causal dilated convolutions) or ``"patch_transformer"`` (attention over
        patches of the window).
    window_candles
        How many rows a prediction looks at, its own included.
    hidden_size
        Width of the network.
    layers
        Depth; by default 1, and for the convolutions as many as it takes to see the whole window.
    dropout
        Share of the channels that each training step leaves out.
    heads
        Attention heads of the transformer; ``hidden_size`` must be a multiple of it.
    kernel_candles
        Width of a convolution.
    patch_candles
        Candles that the transformer takes as one token.
    embedding_size
        Numbers that stand for each code of a categorical feature.
    huber_deviations
        Errors of the mean above so many standard deviations of the label count linearly, not as squares; ``None``
        squares all of them.
    epochs
        Passes at most; the learning rate is planned over so many, and stays at its lowest where more are asked for.
    patience_epochs
        Training stops after so many passes without a better loss on the evaluation rows.
    batch_size
        Windows per training step.
    learning_rate
        Peak of the learning rate; by default 0.001, and 0.0005 for the transformer, which overfits sooner.
    schedule
        ``"one_cycle"`` rises to the peak in the first 30 % and falls along a cosine; ``"cosine"`` only falls.
    weight_decay
        Pull of the weights towards 0, as of AdamW; biases and embeddings are free of it.
    gradient_clip
        Longest gradient that a step follows.
    train_stride_candles
        Each pass trains on every so many-th row, beginning at another one each time, because labels of neighbours
        overlap. Small training sets are thinned less: one pass takes a whole batch at least.
    device
        ``"auto"`` takes CUDA where there is a device, else the CPU.
    mixed_precision
        Trains in bfloat16 or float16 on CUDA; predictions are made in single precision always.
    random_seed
        Decides the first weights, the order of the rows and what is dropped.
    threads
        CPU threads while training and predicting; the number of before is restored.
    """

    architecture: Architecture = "gru"
    window_candles: int = Field(default=48, ge=2, le=4096)
    hidden_size: int = Field(default=32, ge=2, le=1024)
    layers: int | None = Field(default=None, ge=1, le=16)
    dropout: float = Field(default=0.5, ge=0.0, lt=1.0)
    heads: int = Field(default=4, ge=1)
    kernel_candles: int = Field(default=3, ge=2, le=64)
    patch_candles: int = Field(default=8, ge=1)
    embedding_size: int = Field(default=4, ge=1, le=64)
    huber_deviations: float | None = Field(default=3.0, gt=0.0, allow_inf_nan=False)
    epochs: int = Field(default=12, ge=1)
    patience_epochs: int = Field(default=4, ge=1)
    batch_size: int = Field(default=256, ge=1)
    learning_rate: float | None = Field(default=None, gt=0.0, le=1.0)
    schedule: Literal["one_cycle", "cosine"] = "one_cycle"
    weight_decay: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    gradient_clip: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    train_stride_candles: int = Field(default=4, ge=1)
    device: DeviceName = "auto"
    mixed_precision: bool = True
    random_seed: int = Field(default=42, ge=0, lt=2**63)
    threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.architecture == "patch_transformer":
            if self.hidden_size % self.heads:
                raise ValueError(
                    f"hidden_size {self.hidden_size} must be a multiple of heads {self.heads}; "
                    f"write hidden_size {-(-self.hidden_size // self.heads) * self.heads}"
                )
            if self.patch_candles > self.window_candles:
                raise ValueError(
                    f"patch_candles {self.patch_candles} must not be above window_candles {self.window_candles}; "
                    "write a shorter patch"
                )
        return self
