"""Where and how torch runs: its presence, device, threads and random numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from freqai_ext.errors import MissingExtraError, SettingsError
from freqai_ext.learning.sequence.settings import SequenceSettings

if TYPE_CHECKING:
    import torch


def require_torch() -> None:
    """Raise :class:`~freqai_ext.errors.MissingExtraError` where torch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtraError("The sequence learner", "torch") from None


def choose_device(settings: SequenceSettings) -> "torch.device":
    """Return the device that ``settings`` ask for.

    Raises
    ------
    SettingsError
        Where CUDA is asked for and there is no device.
    """
    import torch

    if settings.device == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if settings.device == "cuda":
        raise SettingsError(
            "freqai_ext.sequence.device, or freqai.model_training_parameters.device: 'cuda' is not valid; torch finds "
            "no CUDA device here: write 'auto' or 'cpu'"
        )
    return torch.device("cpu")


def check_device(settings: SequenceSettings) -> None:
    """Raise :class:`SettingsError` where ``settings`` force a device that is not there, without loading torch else."""
    if settings.device == "cuda":
        require_torch()
        choose_device(settings)


@contextmanager
def bounded_threads(threads: int) -> Iterator[None]:
    """Let torch use so many CPU ``threads``, and as many as before afterwards."""
    import torch

    former = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(former)


@contextmanager
def seeded(seed: int, device: "torch.device") -> Iterator[None]:
    """Draw torch's random numbers from ``seed``; the caller's own sequence goes on afterwards as if nothing were."""
    import torch

    devices = [device.index] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        for index in devices:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
