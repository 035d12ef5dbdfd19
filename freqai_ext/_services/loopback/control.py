"""Routes of a control port, which never goes down: clock and faults."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.answer import json_response
from freqai_ext._services.loopback.clock import SettableClock
from freqai_ext._services.loopback.faults import FaultPlan, FaultT
from freqai_ext._services.loopback.guard import LocalRequestsOnly
from freqai_ext.errors import SettingsError


def control_app(
    title: str,
    *,
    clock: Callable[[], float],
    faults: FaultPlan[FaultT],
    parse_fault: Callable[[object], FaultT],
    settle: Callable[[], Awaitable[None]],
) -> FastAPI:
    """Return an application for a control port, to which a service adds its own routes.

    - ``GET /_sim/clock``, ``POST /_sim/clock?now_ms=&rate=``: a settable clock; 409 where it is the wall's;
    - ``GET``, ``POST``, ``DELETE /_sim/faults[?number=]``: a fault or a list of them as JSON.

    What is not valid is answered with 400 and ``{"error": ...}``, what may come from a web page as
    :class:`~freqai_ext._services.loopback.guard.LocalRequestsOnly` says.

    Parameters
    ----------
    title
        What it is.
    clock
        UTC seconds.
    faults
        The plan.
    parse_fault
        Returns the fault that a JSON value describes.
    settle
        Opens and closes ports as the faults in place say.
    """
    app = FastAPI(title=title, openapi_url=None)
    app.add_middleware(LocalRequestsOnly)

    @app.exception_handler(SettingsError)
    async def _wrong(_: Request, error: SettingsError) -> Response:
        return json_response({"error": str(error)}, 400)

    @app.get("/_sim/clock", response_model=None)
    async def _clock() -> Response:
        return json_response({"now_ms": round(clock() * 1_000)})

    @app.post("/_sim/clock", response_model=None)
    async def _set_clock(now_ms: int, rate: float = 0.0) -> Response:
        if not isinstance(clock, SettableClock):
            return json_response({"error": "the clock is the wall's; start with the clock 'sim'"}, 409)
        clock.set(now_ms / 1_000, rate)
        await settle()
        return json_response({"now_ms": round(clock() * 1_000)})

    @app.get("/_sim/faults", response_model=None)
    async def _list_faults() -> Response:
        return json_response(faults.shown())

    @app.post("/_sim/faults", response_model=None)
    async def _add_faults(request: Request) -> Response:
        content = await _content(request)
        wanted = [parse_fault(raw) for raw in (content if isinstance(content, list) else [content])]
        numbers = [faults.add(fault) for fault in wanted]
        await settle()
        return json_response(numbers)

    @app.delete("/_sim/faults", response_model=None)
    async def _remove_faults(number: int | None = None) -> Response:
        faults.remove(number)
        await settle()
        return json_response(faults.shown())

    return app


async def sent_object(request: Request, example: str) -> Mapping[str, Any]:
    """Return the JSON object that was sent.

    Raises
    ------
    SettingsError
        If it is none; the text shows an ``example``.
    """
    content = await _content(request)
    if not isinstance(content, dict):
        raise SettingsError(f"the body is not a JSON object; send one such as {example}")
    return content


async def _content(request: Request) -> object:
    try:
        content: object = json.loads(await request.body())
    except ValueError as error:
        raise SettingsError(f"the body is not JSON ({error}); send a JSON object") from None
    return content
