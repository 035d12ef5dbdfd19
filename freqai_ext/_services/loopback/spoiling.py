"""Answers in which values have other types than they should."""

import json
import random
from typing import Any, Final

_SHARE: Final = 0.3


def wrong_types(body: bytes, draw: random.Random) -> bytes:
    """Return a JSON answer with about a third of its values, at any depth, replaced by ones of another type.

    What is no JSON is returned as it is.
    """
    try:
        content = json.loads(body)
    except ValueError:
        return body
    return json.dumps(_spoiled(content, draw)).encode()


def _spoiled(value: Any, draw: random.Random) -> Any:
    if draw.random() < _SHARE:
        return _other(value, draw)
    if isinstance(value, dict):
        return {key: _spoiled(inner, draw) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spoiled(inner, draw) for inner in value]
    return value


def _other(value: Any, draw: random.Random) -> Any:
    others: list[Any] = [None, True, "text", 12.5, -1, 10**400, [], {}, [[None]], {"": {}}]
    return draw.choice([other for other in others if type(other) is not type(value)])
