"""Numbers that Guardian stores as they are sent: contract, section 6."""

from math import isfinite
from numbers import Real
from typing import Final

SMALLEST: Final = 1e-6
"""Sent in place of 0, which Guardian takes for missing."""

_ROUNDING: Final = 1e-9


def number(value: object) -> float | None:
    """Return a finite number, ``None`` for anything else; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if isfinite(result) else None


def fraction(value: object) -> float | None:
    """Return a number of [0, 1] as one of [1e-6, 1]; ``None`` for what is outside by more than rounding.

    Guardian reads 0 as missing and divides by 100 what is above 1.
    """
    result = number(value)
    if result is None or not -_ROUNDING <= result <= 1.0 + _ROUNDING:
        return None
    return min(max(result, SMALLEST), 1.0)


def nonzero(value: object) -> float | None:
    """Return a finite number at least 1e-6 away from 0, on its own side of it; of 0 itself the negative one."""
    result = number(value)
    if result is None or abs(result) >= SMALLEST:
        return result
    return SMALLEST if result > 0 else -SMALLEST
