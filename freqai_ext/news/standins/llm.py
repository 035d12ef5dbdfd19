"""A language model behind an OpenAI-compatible address: contract of the LLM, sections 1 to 3.

It judges by the good and bad words of :mod:`~freqai_ext.news.standins.words`, the same text always in the same way.
"""

import asyncio
import hmac
import json
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.answer import json_response
from freqai_ext.news.standins.answer import fault_of, object_body
from freqai_ext.news.standins.standing import Standing
from freqai_ext.news.standins.words import tone

_LEVELS: Final = ("none", "json_object", "json_schema")
_CHARACTERS_PER_TOKEN: Final = 4


class LlmStandIn:
    """What it counts."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.calls = 0
        self.tokens = 0

    def refusal(self, body: dict[str, Any] | None) -> Response | None:
        """Return why a question is not answered; ``None`` where it is."""
        settings = self.standing.settings
        if body is None:
            return _refused(400, "We could not parse the JSON body of your request.")
        if body.get("model") not in settings.llm_models:
            text = f"The model `{body.get('model')}` does not exist or you do not have access to it."
            return _refused(404, text, code="model_not_found")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return _refused(400, "Missing required parameter: 'messages'.", parameter="messages")
        if settings.llm_reasoning:
            for parameter, remedy in (
                ("max_tokens", "Use 'max_completion_tokens' instead."),
                ("temperature", "Only the default (1) value is supported."),
            ):
                if body.get(parameter, 1) != 1:
                    text = f"Unsupported parameter: '{parameter}' is not supported with this model. {remedy}"
                    return _refused(400, text, parameter=parameter, code="unsupported_parameter")
        return self._format_refusal(body)

    def judged(self, body: dict[str, Any], fault: str | None) -> dict[str, Any]:
        """Return the completion of a question."""
        self.calls += 1
        question = "\n".join(_text(message) for message in body["messages"])
        # The orders of the question must not count as news.
        news = "\n".join(_text(message) for message in body["messages"] if _role(message) == "user")
        text, finish = _spoiled(_verdict(news), fault)
        content = self._wrapped(text, fault)
        tokens = (len(question) // _CHARACTERS_PER_TOKEN, len(content or "") // _CHARACTERS_PER_TOKEN)
        self.tokens += sum(tokens)
        refusal = "I'm sorry, but I can't help with that." if fault == "refusal" else None
        message = {"role": "assistant", "content": None if refusal else content, "refusal": refusal}
        return {
            "id": f"chatcmpl-{self.calls:08d}",
            "object": "chat.completion",
            "created": int(self.standing.clock()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": tokens[0],
                "completion_tokens": tokens[1],
                "total_tokens": sum(tokens),
            },
        }

    def _format_refusal(self, body: dict[str, Any]) -> Response | None:
        wanted = body.get("response_format")
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if wanted is None or kind == "text":
            return None
        offered = self.standing.settings.llm_structured
        if kind not in _LEVELS or _LEVELS.index(str(kind)) > _LEVELS.index(offered):
            text = f"Invalid parameter: 'response_format' of type '{kind}' is not supported with this model."
            return _refused(400, text, parameter="response_format")
        words = "\n".join(_text(message) for message in body["messages"]).lower()
        if kind == "json_object" and "json" not in words:
            text = (
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            )
            return _refused(400, text, parameter="messages")
        return _schema_refusal(wanted) if kind == "json_schema" else None

    def _wrapped(self, text: str, fault: str | None) -> str:
        style = fault if fault in ("fenced", "thinking") else self.standing.settings.llm_style
        if style == "fenced":
            return f"```json\n{text}\n```"
        if style == "thinking":
            return f'<think>\nThe schema is {{"impact_score": 0}}; let me see.\n</think>\n\n{text}'
        if style == "prose":
            return f"Here is my verdict:\n\n{text}\n\nLet me know if you need more."
        return text


def create_llm_app(llm: LlmStandIn) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="LLM stand-in", openapi_url=None)

    @app.get("/v1/models", response_model=None)
    async def _models(request: Request) -> Response:
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "stand-in"}
            for name in llm.standing.settings.llm_models
        ]
        return _denial(llm, request) or json_response({"object": "list", "data": listed})

    @app.post("/v1/chat/completions", response_model=None)
    async def _complete(request: Request) -> Response:
        body, fault = await object_body(request), fault_of(request)
        refusal = _denial(llm, request) or llm.refusal(body)
        if refusal is not None or body is None:
            return refusal or _refused(400, "We could not parse the JSON body of your request.")
        await asyncio.sleep(llm.standing.settings.llm_latency_s)
        if fault == "error_in_200":
            error = {"code": 502, "message": "Provider returned error", "metadata": {"provider_name": "stand-in"}}
            return json_response({"error": error})
        return json_response(llm.judged(body, fault))

    return app


def _denial(llm: LlmStandIn, request: Request) -> Response | None:
    key = llm.standing.settings.llm_key
    if key is None:
        return None
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if hmac.compare_digest(sent.encode(), key.get_secret_value().encode()):
        return None
    text = "Incorrect API key provided." if sent else "You didn't provide an API key."
    return _refused(401, text, code="invalid_api_key" if sent else None)


def _verdict(news: str) -> dict[str, Any]:
    positive, negative = tone(news)
    strongest, clear = max(positive, negative), abs(positive - negative)
    sentiment = "neutral" if not clear else ("positive" if positive > negative else "negative")
    return {
        "impact_score": round(min(0.9, 0.15 * clear + 0.15 * (strongest > 0)), 2),
        "sentiment": sentiment,
        "confidence": round(0.5 + 0.4 * clear / max(positive + negative, 1), 2),
        "reasoning": f"{positive} good and {negative} bad words in the news.",
    }


def _spoiled(verdict: dict[str, Any], fault: str | None) -> tuple[str, str]:
    """Return the text of a verdict and why it ends."""
    changes: dict[str, dict[str, Any]] = {
        "nan_score": {"impact_score": float("nan")},
        "out_of_range": {"impact_score": 7.5},
        "unknown_sentiment": {"sentiment": "to the moon"},
    }
    text = json.dumps(verdict | changes.get(fault or "", {}))
    if fault == "cut_short":
        return text[: len(text) // 2], "length"
    return ("" if fault == "empty" else text), "stop"


def _schema_refusal(wanted: dict[str, Any]) -> Response | None:
    given = wanted.get("json_schema")
    given = given if isinstance(given, dict) else {}
    schema = given.get("schema")
    if not given.get("name") or not isinstance(schema, dict):
        text = "Missing required parameter: 'response_format.json_schema'."
        return _refused(400, text, parameter="response_format.json_schema")
    complete = set(schema.get("required") or ()) == set(schema.get("properties") or ())
    if given.get("strict") is True and not (complete and schema.get("additionalProperties") is False):
        rule = (
            "'additionalProperties' is required to be supplied and to be false, and 'required' to name every property"
        )
        text = f"Invalid schema for response_format '{given['name']}': In context=(), {rule}."
        return _refused(400, text, parameter="response_format")
    return None


def _refused(status: int, message: str, *, parameter: str | None = None, code: str | None = None) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": parameter, "code": code}
    return json_response({"error": error}, status)


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None


def _text(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
