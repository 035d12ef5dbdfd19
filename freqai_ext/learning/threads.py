"""Bounding the threads of NumPy and scikit-learn."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def at_most_threads(count: int, library: Literal["blas", "openmp"]) -> Iterator[None]:
    """Let linear algebra (``"blas"``) or scikit-learn's loops (``"openmp"``) use ``count`` threads within the block.

    The bound of OpenMP is that of the calling thread; the bound of BLAS holds for the whole process, so it belongs
    around fits, of which one runs at a time, not around predictions.
    """
    with threadpool_limits(limits=count, user_api=library):
        yield
