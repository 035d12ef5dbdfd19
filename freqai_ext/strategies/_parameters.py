"""Parameters of hyperopt that start from the configuration."""

from copy import copy
from typing import Any


def starting_at(parameter: Any, value: float) -> Any:
    """Return a copy of a hyperopt parameter with another value to start from."""
    chosen = copy(parameter)
    chosen.default = chosen.value = value
    return chosen
