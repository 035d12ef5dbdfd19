"""Weights of a network as bytes that hold tensors and nothing that runs."""

import io
from collections.abc import Mapping

import torch
from torch import Tensor


def to_bytes(state: Mapping[str, Tensor]) -> bytes:
    """Return ``state`` as torch writes it."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def from_bytes(data: bytes) -> dict[str, Tensor]:
    """Return what :func:`to_bytes` was given, on the CPU; anything but tensors is refused."""
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state
