"""What an OpenAI-compatible endpoint answered, looked at in the order of the contract of the LLM, section 3."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from freqai_ext._services.http import Reply
from freqai_ext._services.strict_json import count_or_none, decode, list_or_empty, object_or_empty, text_or_none
from freqai_ext.errors import NewsAnswerError
from freqai_ext.news._plain_text import one_line

_LONGEST_MODEL_NAME: Final = 120
_BROKE_OFF: Final = 502


@dataclass(frozen=True)
class Said:
    """A whole answer.

    Attributes
    ----------
    text
        Of the model; ``None`` where there is none that could be read.
    fault
        Why not, in words that can be told to the model; ``None`` where there is a text.
    mendable
        Whether asking again may help.
    model
        Which one answered, by its own account.
    tokens
        Of question and answer; 0 where it does not say.
    """

    text: str | None = field(repr=False)
    fault: str | None
    mendable: bool
    model: str | None
    tokens: int


def without_success(reply: Reply) -> Reply:
    """Return a 2xx that carries an error as what it would have been without it; any other reply as it is.

    OpenRouter answers 200 before it knows, and tells an error of later in the body, for all or for the one choice.
    """
    if not reply.ok:
        return reply
    answer = object_or_empty(_json(reply))
    error = answer.get("error") or _first_choice(answer).get("error")
    if not error:
        return reply
    code = object_or_empty(error).get("code")
    status = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else _BROKE_OFF
    return replace(reply, status=status, content=orjson.dumps({"error": error}))


def read_answer(reply: Reply) -> Said:
    """Return what a reply without an error says.

    Raises
    ------
    NewsAnswerError
        If it is no JSON object with a choice in it.
    """
    answer = _json(reply)
    if not isinstance(answer, dict):
        raise NewsAnswerError(f"{reply.call}: the answer is no JSON object; see whether api_base is that of a model")
    choice = _first_choice(answer)
    if not choice:
        raise NewsAnswerError(f"{reply.call}: the answer has no choices; see whether api_base is that of a model")
    message = object_or_empty(choice.get("message"))
    text = text_or_none(message.get("content"))
    finish = choice.get("finish_reason")
    fault, mendable = None, True
    if message.get("refusal") or finish == "content_filter":
        fault, mendable = "it refuses to answer", False
    elif finish == "length":
        fault = "it is too long and was cut off; keep the reasoning short"
    elif text is None or not text.strip():
        fault = "it is empty"
    model = text_or_none(answer.get("model"))
    return Said(
        text=text if fault is None else None,
        fault=fault,
        mendable=mendable,
        model=(one_line(model, _LONGEST_MODEL_NAME) or None) if model else None,
        tokens=_tokens(answer),
    )


def _json(reply: Reply) -> object:
    return decode(reply.content, f"{reply.call}: the answer")


def _first_choice(answer: Mapping[str, object]) -> Mapping[str, object]:
    choices = list_or_empty(answer.get("choices"))
    return object_or_empty(choices[0]) if choices else {}


def _tokens(answer: Mapping[str, object]) -> int:
    usage = object_or_empty(answer.get("usage"))
    total = count_or_none(usage.get("total_tokens"))
    if total is not None:
        return total
    return (count_or_none(usage.get("prompt_tokens")) or 0) + (count_or_none(usage.get("completion_tokens")) or 0)
