"""Reading JSON that cannot be trusted: an absent or odd value becomes ``None``, a wrong outer shape an error."""

from collections.abc import Mapping
from typing import Final

from freqai_ext._services import strict_json
from freqai_ext.errors import FreqaiExtError, GuardianAnswerError

_REMEDY: Final = "see whether freqai_ext.guardian.url is the address of Guardian's FreqAI bridge"


def decode(content: bytes, path: str) -> object:
    """Return the JSON value in ``content``, the answer of ``path``.

    Raises
    ------
    GuardianAnswerError
        If it is no JSON in UTF-8, has a number that is not finite, or nests deeper than
        :data:`~freqai_ext._services.strict_json.MAX_DEPTH`.
    """
    return strict_json.decode(content, f"{path}: the answer", error=GuardianAnswerError, remedy=_REMEDY)


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


def unexpected(value: object, path: str, name: str | None, wanted: str) -> FreqaiExtError:
    """Return an error that says what stands where ``wanted`` should. It shows types, never contents."""
    where = f"'{name}'" if name else "the answer"
    return strict_json.unexpected(value, f"{path}: {where}", wanted, error=GuardianAnswerError, remedy=_REMEDY)


def flag_or_none(value: object) -> bool | None:
    """Return a boolean; ``None`` for everything else."""
    return value if isinstance(value, bool) else None
