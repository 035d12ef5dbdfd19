"""The body of a push as a JSON object, or why it is refused: contract, section 6, status codes.

The shapes of the 422 answers are those of pydantic 1, which Guardian pins.
"""

import json
from collections.abc import Mapping
from typing import Any

from freqai_ext.guardian.sandbox.answer import Answer, refusal


def decode_body(headers: Mapping[str, str], body: bytes) -> tuple[Any, Answer | None]:
    """Return the JSON value, or the refusal that comes even before the token is looked at.

    What is not sent as JSON stays bytes, which :func:`check_shape` refuses.
    """
    if not body:
        return None, None
    if not _is_json(headers.get("content-type", "")):
        return body, None
    try:
        return json.loads(body), None
    except json.JSONDecodeError as error:
        fault = {"type": "json_invalid", "loc": ["body", error.pos], "msg": "JSON decode error", "input": {}}
        return None, refusal(422, [fault | {"ctx": {"error": error.msg}}])
    except (ValueError, RecursionError):
        return None, refusal(400, "There was an error parsing the body")


def check_shape(value: object) -> Answer | None:
    """Return the refusal of a body that is no object; ``None`` for one that is."""
    if isinstance(value, dict):
        return None
    if value is None:
        return refusal(422, [{"loc": ["body"], "msg": "field required", "type": "value_error.missing"}])
    if isinstance(value, list) or value == "":
        return refusal(400, "payload must be an object")
    return refusal(422, [{"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}])


def _is_json(content_type: str) -> bool:
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return not kind or (kind == "application" and (subtype == "json" or subtype.endswith("+json")))
