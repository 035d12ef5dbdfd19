"""A judgement of news, read from the text that a language model wrote: contract of the LLM, sections 1 and 2."""

import re
from typing import Any, Final, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from freqai_ext.errors import NewsAnswerError
from freqai_ext.news._plain_text import one_line

MAX_REASONING_CHARACTERS: Final = 500

JUDGEMENT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "impact_score": {"type": "number"},
        "sentiment": {"type": "string", "enum": ["positive", "negative", "neutral"]},
        "confidence": {"type": "number"},
        "reasoning": {"type": "string"},
    },
    "required": ["impact_score", "sentiment", "confidence", "reasoning"],
    "additionalProperties": False,
}
"""What endpoints are sent. Ranges are left out, which some refuse; :class:`Judgement` checks them."""

_LONGEST_TEXT: Final = 100_000
_FENCE: Final = "```"
_MARK: Final = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)


class Judgement(BaseModel):
    """What news say of an asset's price, validated: a number out of range is a fault and never moved into it.

    Attributes
    ----------
    impact_score, confidence
        In [0, 1].
    sentiment
        Lower case.
    reasoning
        One line without control characters, cut to 500 characters.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    impact_score: float = Field(ge=0, le=1, allow_inf_nan=False, strict=True)
    sentiment: Literal["positive", "negative", "neutral"]
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False, strict=True)
    reasoning: str = Field(strict=True)

    @field_validator("sentiment", mode="before")
    @classmethod
    def _case_does_not_matter(cls, sentiment: object) -> object:
        return sentiment.strip().lower() if isinstance(sentiment, str) else sentiment

    @field_validator("reasoning")
    @classmethod
    def _is_a_short_line(cls, reasoning: str) -> str:
        return one_line(reasoning, MAX_REASONING_CHARACTERS)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the judgement in ``text``, an answer of a language model.

        A byte order mark, thoughts (``<think>``) and code fences are taken away; of prose, the first balanced
        ``{...}`` counts.

        Raises
        ------
        NewsAnswerError
            If there is no such object, more than one, a field is missing, of another type or out of range. The text
            names fields and rules and repeats nothing of the answer, so that it can be told to the model.
        """
        if len(text) > _LONGEST_TEXT:
            raise NewsAnswerError(f"it is longer than {_LONGEST_TEXT} characters")
        value = _json_in(_bare(text))
        if not isinstance(value, dict):
            raise NewsAnswerError("it is JSON but no object with the four fields")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise NewsAnswerError("; ".join(_explained(fault) for fault in error.errors())) from None


def _bare(text: str) -> str:
    text = _without_thoughts(text.replace("\N{ZERO WIDTH NO-BREAK SPACE}", "")).strip()
    if text.startswith(_FENCE) and text.endswith(_FENCE) and "\n" in text:
        text = text.removesuffix(_FENCE).partition("\n")[2].strip()
    return text


def _without_thoughts(text: str) -> str:
    said: list[str] = []
    position, thinks = 0, False
    for mark in _MARK.finditer(text):
        closes = bool(mark.group(1))
        if closes and not thinks:
            # Some servers take the opening mark away and leave the closing one.
            said.clear()
        elif not thinks:
            said.append(text[position : mark.start()])
        thinks, position = not closes, mark.end()
    return "".join(said) + ("" if thinks else text[position:])


def _json_in(text: str) -> object:
    if not text:
        raise NewsAnswerError("it is empty")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        found = _first_object(text)
    if found is None:
        raise NewsAnswerError("there is no JSON object in it")
    start, end = found
    # A headline that was repeated may hold an object of its own: which of two is meant, nobody knows.
    if '"impact_score"' in text[end:]:
        raise NewsAnswerError("there is more than one JSON object in it")
    try:
        return orjson.loads(text[start:end])
    except orjson.JSONDecodeError:
        raise NewsAnswerError("what stands in braces is not valid JSON") from None


def _first_object(text: str) -> tuple[int, int] | None:
    """Return where the first balanced ``{...}`` begins and ends; braces within JSON strings do not count."""
    start = text.find("{")
    if start < 0:
        return None
    depth, in_string, escaped = 0, False, False
    for position in range(start, len(text)):
        character = text[position]
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return start, position + 1
    return None


def _explained(fault: Any) -> str:
    field = str(fault["loc"][0])
    if fault["type"] == "missing":
        return f"'{field}' is missing"
    if field == "sentiment":
        return "'sentiment' is not one of positive, negative, neutral"
    return f"'{field}' is not a text" if field == "reasoning" else f"'{field}' is not a number from 0 to 1"
