"""The port of the stand-ins that never goes down: clock, faults, settings, restarts, and what happened."""

import json
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.clock import SettableClock
from freqai_ext.errors import SettingsError
from freqai_ext.news.standins.answer import json_response
from freqai_ext.news.standins.faults import parse_fault
from freqai_ext.news.standins.services import StandIns, listed


def create_control_app(standins: StandIns) -> FastAPI:
    """Return the application of the control port.

    - ``GET /_sim/clock``, ``POST /_sim/clock?now_ms=&rate=``: a settable clock; 409 where it is the wall's;
    - ``GET /_sim/state``: time, settings without secrets, what happened so far, requests by service and route, faults;
    - ``GET``, ``POST``, ``DELETE /_sim/faults[?number=]``: a fault or a list of them as JSON;
    - ``POST /_sim/settings``: settings that can change while they run, as a JSON object;
    - ``POST /_sim/restart?service=&down_s=``: without a service, all of them.

    What is not valid is answered with 400 and ``{"error": ...}``.
    """
    app = FastAPI(title="freqai-ext news stand-ins control", openapi_url=None)
    standing = standins.standing

    @app.exception_handler(SettingsError)
    async def _wrong(_: Request, error: SettingsError) -> Response:
        return json_response({"error": str(error)}, 400)

    @app.get("/_sim/clock", response_model=None)
    async def _clock() -> Response:
        return json_response({"now_ms": round(standing.clock() * 1_000)})

    @app.post("/_sim/clock", response_model=None)
    async def _set_clock(now_ms: int, rate: float = 0.0) -> Response:
        if not isinstance(standing.clock, SettableClock):
            return json_response({"error": "the clock is the wall's; start the stand-ins with clock 'sim'"}, 409)
        standing.clock.set(now_ms / 1_000, rate)
        await standins.settle()
        return json_response({"now_ms": round(standing.clock() * 1_000)})

    @app.get("/_sim/state", response_model=None)
    async def _state() -> Response:
        return json_response(standins.described())

    @app.post("/_sim/settings", response_model=None)
    async def _settings(request: Request) -> Response:
        content = await _content(request)
        if not isinstance(content, Mapping):
            raise SettingsError('the body is not a JSON object; send one such as {"llm_style": "fenced"}')
        standins.change(content)
        return json_response(standins.described()["settings"])

    @app.post("/_sim/restart", response_model=None)
    async def _restart(service: str | None = None, down_s: float = 0.0) -> Response:
        await standins.restart(service, down_s)
        return json_response(standins.described()["open"])

    @app.get("/_sim/faults", response_model=None)
    async def _list_faults() -> Response:
        return json_response(listed(standins.faults))

    @app.post("/_sim/faults", response_model=None)
    async def _add_faults(request: Request) -> Response:
        content = await _content(request)
        wanted = [parse_fault(raw) for raw in (content if isinstance(content, list) else [content])]
        numbers = [standins.faults.add(fault) for fault in wanted]
        await standins.settle()
        return json_response(numbers)

    @app.delete("/_sim/faults", response_model=None)
    async def _remove_faults(number: int | None = None) -> Response:
        standins.faults.remove(number)
        await standins.settle()
        return json_response(listed(standins.faults))

    return app


async def _content(request: Request) -> object:
    try:
        content: object = json.loads(await request.body())
    except ValueError as error:
        raise SettingsError(f"the body is not JSON ({error}); send a JSON object") from None
    return content
