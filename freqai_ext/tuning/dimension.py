"""One parameter of a search: a range or a list of values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import optuna

Scalar: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones where both ends are.

    Attributes
    ----------
    low, high
        The ends.
    log
        Whether the logarithm is searched evenly, as suits what spans orders of magnitude.
    """

    low: int | float
    high: int | float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are in it."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def suggest(self, trial: "optuna.Trial", name: str) -> int | float:
        """Return the value that a trial proposes."""
        if self.is_whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, float(self.low), float(self.high), log=self.log)

    def __contains__(self, value: object) -> bool:
        kinds = int if self.is_whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def extremes(self) -> tuple[Scalar, ...]:
        """Return the values that are checked before the search."""
        return (self.low, self.high)


@dataclass(frozen=True)
class Choice:
    """Values without order."""

    values: tuple[Scalar, ...]

    def suggest(self, trial: "optuna.Trial", name: str) -> Scalar:
        """Return the value that a trial proposes."""
        return trial.suggest_categorical(name, self.values)

    def __contains__(self, value: object) -> bool:
        return any(value == own and type(value) is type(own) for own in self.values)

    def extremes(self) -> tuple[Scalar, ...]:
        """Return the values that are checked before the search."""
        return self.values


Dimension: TypeAlias = Range | Choice


def parse_dimension(raw: object) -> Dimension:
    """Return the dimension that a piece of JSON describes: ``{"low": 4, "high": 63, "log": true}`` or ``[0.1, 0.3]``.

    Raises
    ------
    ValueError
        If it describes none.
    """
    if isinstance(raw, Range | Choice):
        return raw
    if isinstance(raw, list | tuple):
        return _parse_choice(tuple(raw))
    if isinstance(raw, Mapping):
        return _parse_range(raw)
    raise ValueError(f'{raw!r} is no range; write {{"low": …, "high": …}}, a list of values, or null')


def _parse_choice(values: tuple[Any, ...]) -> Choice:
    if not values:
        raise ValueError("an empty list; write the values to choose from, or null not to search it")
    if not all(isinstance(value, bool | int | float | str | None) for value in values):
        raise ValueError("a list may hold numbers, texts, true, false and null only")
    if len({(type(value), value) for value in values}) < len(values):
        raise ValueError("name each value once")
    return Choice(values)


def _parse_range(raw: Mapping[Any, Any]) -> Range:
    if unknown := sorted(str(key) for key in raw.keys() - {"low", "high", "log"}):
        raise ValueError(f"{unknown[0]}: unknown key; known: high, log, low")
    if missing := [key for key in ("low", "high") if key not in raw]:
        raise ValueError(f"{missing[0]}: missing; write both ends")
    for key in ("low", "high"):
        end = raw[key]
        if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end):
            raise ValueError(f"{key}: {end!r} is not valid; write a number")
    low, high, log = raw["low"], raw["high"], raw.get("log", False)
    if not isinstance(log, bool):
        raise ValueError(f"log: {log!r} is not valid; write true or false")
    if not low < high:
        raise ValueError(f"low {low} is not below high {high}; swap them, or write one value as a list")
    if log and not low > 0:
        raise ValueError(f"low {low} has no logarithm; write a number above 0, or log false")
    return Range(low, high, log)
