"""The second port of a sandbox, which never goes down: clock, faults, settings, restarts, and what was received."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.clock import SettableClock
from freqai_ext._services.loopback.door import Door
from freqai_ext.errors import SettingsError
from freqai_ext.guardian.sandbox.faults import FaultPlan, parse_fault
from freqai_ext.guardian.sandbox.state import GuardianState


def create_control_app(state: GuardianState, faults: FaultPlan, door: Door) -> FastAPI:
    """Return the application of the control port.

    - ``GET /_sim/clock``, ``POST /_sim/clock?now_ms=&rate=``: a settable clock; 409 where it is the wall's;
    - ``GET /_sim/state``: time, settings without the token, what is stored, requests by route, faults;
    - ``GET /_sim/log?since=``: pushes after that number;
    - ``GET``, ``POST``, ``DELETE /_sim/faults[?number=]``: a fault or a list of them as JSON;
    - ``POST /_sim/settings``: settings that can change while it runs, as a JSON object;
    - ``POST /_sim/restart?down_s=``.

    What is not valid is answered with 400 and ``{"error": ...}``.
    """
    app = FastAPI(title="freqai-ext sandbox control", openapi_url=None)

    @app.exception_handler(SettingsError)
    async def _wrong(_: Request, error: SettingsError) -> Response:
        return _json({"error": str(error)}, 400)

    @app.get("/_sim/clock", response_model=None)
    async def _clock() -> Response:
        return _json({"now_ms": round(state.clock() * 1_000)})

    @app.post("/_sim/clock", response_model=None)
    async def _set_clock(now_ms: int, rate: float = 0.0) -> Response:
        if not isinstance(state.clock, SettableClock):
            return _json({"error": "the clock is the wall's; start the sandbox with clock 'sim'"}, 409)
        state.clock.set(now_ms / 1_000, rate)
        await door.settle()
        return _json({"now_ms": round(state.clock() * 1_000)})

    @app.get("/_sim/state", response_model=None)
    async def _state() -> Response:
        return _json(described(state, faults, door))

    @app.get("/_sim/log", response_model=None)
    async def _log(since: int = 0) -> Response:
        return _json([asdict(record) for record in state.pushes.since(since)])

    @app.post("/_sim/settings", response_model=None)
    async def _settings(request: Request) -> Response:
        state.change(_object(await _content(request)))
        return _json(described(state, faults, door)["settings"])

    @app.post("/_sim/restart", response_model=None)
    async def _restart(down_s: float = 0.0) -> Response:
        await door.restart(down_s)
        return _json({"is_open": door.is_open})

    _add_fault_routes(app, faults, door.settle)
    return app


def described(state: GuardianState, faults: FaultPlan, door: Door) -> dict[str, Any]:
    """Return the content of ``/_sim/state``."""
    settings = state.settings.model_dump(mode="json", exclude={"token"})
    return {
        "now_s": state.clock(),
        "is_open": door.is_open,
        "settings": settings | {"has_token": state.settings.token is not None},
        "stored": state.stored(),
        "requests": dict(door.counts),
        "pushes": state.pushes.total,
        "faults": _listed(faults),
    }


def _add_fault_routes(app: FastAPI, faults: FaultPlan, settle: Callable[[], Awaitable[None]]) -> None:
    @app.get("/_sim/faults", response_model=None)
    async def _list() -> Response:
        return _json(_listed(faults))

    @app.post("/_sim/faults", response_model=None)
    async def _add(request: Request) -> Response:
        content = await _content(request)
        wanted = [parse_fault(raw) for raw in (content if isinstance(content, list) else [content])]
        numbers = [faults.add(fault) for fault in wanted]
        await settle()
        return _json(numbers)

    @app.delete("/_sim/faults", response_model=None)
    async def _remove(number: int | None = None) -> Response:
        faults.remove(number)
        await settle()
        return _json(_listed(faults))


def _listed(faults: FaultPlan) -> dict[str, Any]:
    return {str(number): fault.model_dump(mode="json") for number, fault in faults.listed().items()}


async def _content(request: Request) -> object:
    try:
        content: object = json.loads(await request.body())
    except ValueError as error:
        raise SettingsError(f"the body is not JSON ({error}); send a JSON object") from None
    return content


def _object(content: object) -> Mapping[str, object]:
    if not isinstance(content, dict):
        raise SettingsError('the body is not a JSON object; send one such as {"network": "testnet"}')
    return content


def _json(content: object, status: int = 200) -> Response:
    # What poisons Guardian must be seen here: a number that is not finite is written as Python does.
    return Response(json.dumps(content), status, media_type="application/json")
