"""Reading JSON that cannot be trusted: an absent or odd value becomes ``None``, a wrong outer shape an error."""

from collections.abc import Mapping
from typing import Final

import orjson

from freqai_ext._services.strict_json import MAX_DEPTH, is_deeper, kind_of
from freqai_ext.errors import GuardianAnswerError

_REMEDY: Final = "see whether freqai_ext.guardian.url is the address of Guardian's FreqAI bridge"


def decode(content: bytes, path: str) -> object:
    """Return the JSON value in ``content``, the answer of ``path``.

    Raises
    ------
    GuardianAnswerError
        If it is no JSON in UTF-8, has a number that is not finite, or nests deeper than :data:`MAX_DEPTH`.
    """
    try:
        value: object = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise GuardianAnswerError(f"{path}: the answer is not JSON ({error.msg}); {_REMEDY}") from None
    if is_deeper(value, MAX_DEPTH):
        raise GuardianAnswerError(f"{path}: the answer nests deeper than {MAX_DEPTH} levels; {_REMEDY}")
    return value


def expect_object(value: object, path: str, name: str | None = None) -> Mapping[str, object]:
    """Return ``value`` if it is a JSON object, else raise; ``name`` is the key it was found under."""
    if not isinstance(value, dict):
        raise unexpected(value, path, name, "an object")
    return value


def expect_list(value: object, path: str, name: str) -> list[object]:
    """Return ``value`` if it is a list, else raise."""
    if not isinstance(value, list):
        raise unexpected(value, path, name, "a list")
    return value


def unexpected(value: object, path: str, name: str | None, wanted: str) -> GuardianAnswerError:
    """Return an error that says what stands where ``wanted`` should. It shows types, never contents."""
    where = f"'{name}'" if name else "the answer"
    return GuardianAnswerError(f"{path}: {where} is {kind_of(value)}, not {wanted}; {_REMEDY}")


def flag_or_none(value: object) -> bool | None:
    """Return a boolean; ``None`` for everything else."""
    return value if isinstance(value, bool) else None
