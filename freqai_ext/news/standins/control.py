"""The port of the stand-ins that never goes down: clock, faults, settings, restarts, and what happened."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.answer import json_response
from freqai_ext._services.loopback.control import control_app, sent_object
from freqai_ext.news.standins.faults import parse_fault
from freqai_ext.news.standins.services import StandIns


def create_control_app(standins: StandIns) -> FastAPI:
    """Return the application of the control port: :func:`~freqai_ext._services.loopback.control.control_app`, and

    - ``GET /_sim/state``: time, settings without secrets, what happened so far, requests by service and route, faults;
    - ``POST /_sim/settings``: settings that can change while they run, as a JSON object;
    - ``POST /_sim/restart?service=&down_s=``: without a service, all of them.
    """
    app = control_app(
        "freqai-ext news stand-ins control",
        clock=standins.standing.clock,
        faults=standins.faults,
        parse_fault=parse_fault,
        settle=standins.settle,
    )

    @app.get("/_sim/state", response_model=None)
    async def _state() -> Response:
        return json_response(standins.described())

    @app.post("/_sim/settings", response_model=None)
    async def _settings(request: Request) -> Response:
        standins.change(await sent_object(request, '{"llm_style": "fenced"}'))
        return json_response(standins.described()["settings"])

    @app.post("/_sim/restart", response_model=None)
    async def _restart(service: str | None = None, down_s: float = 0.0) -> Response:
        await standins.restart(service, down_s)
        return json_response(standins.described()["open"])

    return app
