"""The HTTP side of the reference Guardian: thin routes over :class:`~freqai_ext.guardian.sandbox.state.GuardianState`.

What the routes read is not declared to FastAPI: the original runs on an older one, whose refusals are to be matched.
"""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext.guardian.sandbox.answer import Answer
from freqai_ext.guardian.sandbox.fault_layer import GuardianFaultLayer
from freqai_ext.guardian.sandbox.faults import Fault
from freqai_ext.guardian.sandbox.state import GuardianState


def create_app(state: GuardianState, faults: FaultPlan[Fault] | None = None) -> ASGIApp:
    """Return the application: the four routes, and ``/docs``, ``/redoc`` and ``/openapi.json`` for anyone.

    Without the server of this package, faults that break a connection end the answer early instead.
    """
    app = FastAPI(title="BybitBot FreqAI Bridge", version="1.0.0")

    @app.get("/health", response_model=None)
    async def _health(request: Request) -> Response:
        return _response(state.health(request.headers))

    @app.get("/features", response_model=None)
    async def _features(request: Request) -> Response:
        query = request.query_params
        return _response(state.features(request.headers, query.get("limit"), query.get("whitelist")))

    @app.get("/predictions", response_model=None)
    async def _predictions(request: Request) -> Response:
        return _response(state.predictions(request.headers))

    @app.post("/predictions", response_model=None)
    async def _push(request: Request) -> Response:
        body, fault = await request.body(), request.scope.get("fault")
        return _response(state.push(request.headers, body, fault))

    return GuardianFaultLayer(app, state, faults or FaultPlan())


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media_type)
