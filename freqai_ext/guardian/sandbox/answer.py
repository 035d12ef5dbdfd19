"""An answer of Guardian's, before a server sends it."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """Status, content and its type."""

    status: int
    body: bytes
    media_type: str = "application/json"


FAILURE = Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
"""What Guardian answers where it fails: no JSON."""


def json_answer(content: object, status: int = 200) -> Answer:
    """Return ``content`` as JSON; :data:`FAILURE` where it holds what JSON cannot: no finite number, half a letter."""
    try:
        text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return Answer(status, text.encode())
    except ValueError:
        return FAILURE


def refusal(status: int, detail: object) -> Answer:
    """Return an answer that says why there is no other."""
    return json_answer({"detail": detail}, status)
