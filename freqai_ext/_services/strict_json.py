"""Reading JSON that cannot be trusted: an absent or odd value becomes ``None``, a wrong outer shape an error."""

import math
from collections.abc import Mapping
from typing import Final

import orjson

from freqai_ext.errors import FreqaiExtError, NewsAnswerError

MAX_DEPTH: Final = 32
"""No service nests a third of that; far deeper ones would exhaust the stack of whoever walks them."""

_REMEDY: Final = "see whether the address is that of the service"


def decode(
    content: bytes,
    where: str = "the answer",
    *,
    error: type[FreqaiExtError] = NewsAnswerError,
    remedy: str = _REMEDY,
) -> object:
    """Return the JSON value in ``content``.

    Parameters
    ----------
    content
        As it came.
    where
        What it is, for the text: ``"GET http://127.0.0.1:3000/api/providers: the answer"``.
    error
        What is raised if it is no JSON in UTF-8, has a number that is not finite, or nests deeper than
        :data:`MAX_DEPTH`.
    remedy
        What to do about it.

    Examples
    --------
    >>> decode(b'{"facts": []}')
    {'facts': []}
    """
    try:
        value: object = orjson.loads(content)
    except orjson.JSONDecodeError as fault:
        raise error(f"{where} is not JSON ({fault.msg}); {remedy}") from None
    if _is_deeper(value, MAX_DEPTH):
        raise error(f"{where} nests deeper than {MAX_DEPTH} levels; {remedy}")
    return value


def expect_object(
    value: object, where: str = "the answer", *, error: type[FreqaiExtError] = NewsAnswerError
) -> Mapping[str, object]:
    """Return ``value`` if it is a JSON object, else raise; ``where`` begins the text."""
    if not isinstance(value, dict):
        raise unexpected(value, where, "an object", error=error)
    return value


def expect_list(
    value: object, where: str = "the answer", *, error: type[FreqaiExtError] = NewsAnswerError
) -> list[object]:
    """Return ``value`` if it is a list, else raise; ``where`` begins the text."""
    if not isinstance(value, list):
        raise unexpected(value, where, "a list", error=error)
    return value


def unexpected(
    value: object, where: str, wanted: str, *, error: type[FreqaiExtError] = NewsAnswerError, remedy: str = _REMEDY
) -> FreqaiExtError:
    """Return an error that says what stands where ``wanted`` should. It shows types, never contents."""
    return error(f"{where} is {_kind(value)}, not {wanted}; {remedy}")


def object_or_empty(value: object) -> Mapping[str, object]:
    """Return ``value`` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_or_empty(value: object) -> list[object]:
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def number_or_none(value: object) -> float | None:
    """Return a finite number as a float; ``None`` for everything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def count_or_none(value: object) -> int | None:
    """Return an integer from 0 up; ``None`` for everything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text_or_none(value: object) -> str | None:
    """Return a text that is not empty; ``None`` for everything else."""
    return value if isinstance(value, str) and value else None


def _kind(value: object) -> str:
    if value is None:
        return "null or missing"
    if isinstance(value, bool):
        return "a boolean"
    names = ((int | float, "a number"), (str, "a text"), (list, "a list"), (dict, "an object"))
    return next((name for kind, name in names if isinstance(value, kind)), "no JSON value")


def _is_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        layer = [inner for outer in layer for inner in _members(outer)]
        if not layer:
            return False
    return True


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
