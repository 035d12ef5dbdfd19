"""Pieces of answers that several stand-ins give."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

FAILURE: Final = "Internal Server Error"
"""What they answer where they fail: no JSON."""

_LOOK_AGAIN_S: Final = 0.05


def iso(moment_s: float) -> str:
    """Return UTC seconds as the services write dates."""
    return datetime.fromtimestamp(moment_s, UTC).isoformat().replace("+00:00", "Z")


async def object_body(request: Request) -> dict[str, Any] | None:
    """Return the JSON object that was sent; ``None`` for anything else."""
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def fault_of(request: Request) -> str | None:
    """Return the kind of the fault that a request meets in the service itself."""
    fault: str | None = request.scope.get("fault")
    return fault


async def hang_for_ever(request: Request) -> Response:
    """Wait until the other side gives up."""
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOK_AGAIN_S)
    return Response(status_code=499)
