"""What a demonstration wants of whatever shows its progress."""

from contextlib import AbstractContextManager
from typing import Protocol, Self


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows how far a step is."""

    def __enter__(self) -> Self:
        """Begin to show it."""

    def __call__(self, step: str, share: float) -> None:
        """Take note of the share of a step that is done."""
