"""How strictly an endpoint can be made to answer in JSON: contract of the LLM, section 2."""

from enum import StrEnum
from typing import Any, Final

from freqai_ext.news.judgement import JUDGEMENT_SCHEMA


class Level(StrEnum):
    """What is asked for, strictest first."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    NONE = "none"

    @property
    def next(self) -> "Level | None":
        """The level below; ``None`` below the last."""
        return {Level.JSON_SCHEMA: Level.JSON_OBJECT, Level.JSON_OBJECT: Level.NONE}.get(self)


_REFUSING: Final = frozenset({400, 404, 422})
_OF_THE_FORMAT: Final = (
    "response_format",
    "json_schema",
    "json_object",
    "structured",
    "no endpoints found that support",
    "no endpoints found that can handle",
)
_OF_SOMETHING: Final = ("not supported", "unsupported", "not support")
_OTHER_PARAMETERS: Final = ("max_tokens", "max_completion_tokens", "temperature")


def response_format(level: Level) -> dict[str, Any] | None:
    """Return the request's ``response_format``; ``None`` where it is to be left out."""
    if level is Level.JSON_SCHEMA:
        schema = {"name": "news_impact", "strict": True, "schema": JUDGEMENT_SCHEMA}
        return {"type": "json_schema", "json_schema": schema}
    return {"type": "json_object"} if level is Level.JSON_OBJECT else None


def refuses_format(status: int, content: bytes) -> bool:
    """Return whether an error means that the level is not supported and the one below may be.

    A parameter that is named as the one not supported, other than the format, is none of the level's business.

    Examples
    --------
    >>> refuses_format(400, b'{"error": {"message": "response_format is not supported by this model"}}')
    True
    >>> refuses_format(400, b'{"error": {"message": "Unsupported parameter: max_tokens"}}')
    False
    """
    if status not in _REFUSING:
        return False
    text = content.decode("utf-8", "replace").lower()
    if any(word in text for word in _OF_THE_FORMAT):
        return True
    return any(word in text for word in _OF_SOMETHING) and not names_other_parameter(content)


def names_other_parameter(content: bytes) -> bool:
    """Return whether an error speaks of what reasoning models do not take: the token limit or the temperature."""
    text = content.decode("utf-8", "replace").lower()
    return any(name in text for name in _OTHER_PARAMETERS)


class LevelMemory:
    """Which level works, by address and model, for as long as the process runs."""

    def __init__(self) -> None:
        self._working: dict[tuple[str, str], Level] = {}

    def first(self, api_base: str, model: str) -> Level:
        """Return the level to begin with."""
        return self._working.get((api_base, model), Level.JSON_SCHEMA)

    def works(self, api_base: str, model: str, level: Level) -> None:
        """Remember a level that was answered."""
        self._working[api_base, model] = level
