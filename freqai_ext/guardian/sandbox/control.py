"""The second port of a sandbox, which never goes down: clock, faults, settings, restarts, and what was received."""

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.answer import json_response
from freqai_ext._services.loopback.control import control_app, sent_object
from freqai_ext._services.loopback.door import Door
from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext.guardian.sandbox.faults import Fault, parse_fault
from freqai_ext.guardian.sandbox.state import GuardianState


def create_control_app(state: GuardianState, faults: FaultPlan[Fault], door: Door) -> FastAPI:
    """Return the application of the control port: :func:`~freqai_ext._services.loopback.control.control_app`, and

    - ``GET /_sim/state``: time, settings without the token, what is stored, requests by route, faults;
    - ``GET /_sim/log?since=``: pushes after that number;
    - ``POST /_sim/settings``: settings that can change while it runs, as a JSON object;
    - ``POST /_sim/restart?down_s=``.
    """
    app = control_app(
        "freqai-ext sandbox control", clock=state.clock, faults=faults, parse_fault=parse_fault, settle=door.settle
    )

    @app.get("/_sim/state", response_model=None)
    async def _state() -> Response:
        return json_response(described(state, faults, door))

    @app.get("/_sim/log", response_model=None)
    async def _log(since: int = 0) -> Response:
        return json_response([asdict(record) for record in state.pushes.since(since)])

    @app.post("/_sim/settings", response_model=None)
    async def _settings(request: Request) -> Response:
        state.change(await sent_object(request, '{"network": "testnet"}'))
        return json_response(described(state, faults, door)["settings"])

    @app.post("/_sim/restart", response_model=None)
    async def _restart(down_s: float = 0.0) -> Response:
        await door.restart(down_s)
        return json_response({"is_open": door.is_open})

    return app


def described(state: GuardianState, faults: FaultPlan[Fault], door: Door) -> dict[str, Any]:
    """Return the content of ``/_sim/state``."""
    settings = state.settings.model_dump(mode="json", exclude={"token"})
    return {
        "now_s": state.clock(),
        "is_open": door.is_open,
        "settings": settings | {"has_token": state.settings.token is not None},
        "stored": state.stored(),
        "requests": dict(door.counts),
        "pushes": state.pushes.total,
        "faults": faults.shown(),
    }
