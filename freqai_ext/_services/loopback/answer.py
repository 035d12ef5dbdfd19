"""Answers of servers on the loopback address."""

import json

from fastapi.responses import Response


def json_response(content: object, status: int = 200) -> Response:
    """Return JSON; a number that is not finite is written as Python does: no JSON, to be seen, and a trap."""
    return Response(json.dumps(content), status, media_type="application/json")
