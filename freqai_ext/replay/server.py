"""The HTTP side of the replay exchange: thin routes over :class:`~freqai_ext.replay.exchange.ReplayedExchange`."""

from collections.abc import Awaitable, Callable

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

from freqai_ext._services.loopback.guard import LocalRequestsOnly
from freqai_ext.replay.clock import SettableClock
from freqai_ext.replay.exchange import ReplayedExchange, health


def create_app(exchange: ReplayedExchange) -> FastAPI:
    """Return the application.

    Besides ``/v5/market/...`` it serves

    - ``GET /_sim/health``: state and number of requests;
    - ``GET /_sim/clock``: ``{"now_ms": ...}``;
    - ``POST /_sim/clock?now_ms=...&rate=...``: sets a settable clock; 409 where the clock is the wall's.

    Requests that may come from a web page are refused.
    """
    app = FastAPI(title="freqai-ext replay exchange", openapi_url=None)
    app.add_middleware(LocalRequestsOnly)
    for path in exchange.paths:
        app.add_api_route(f"/v5/market/{path}", _route(exchange, path), methods=["GET"], response_model=None)

    @app.get("/_sim/health", response_model=None)
    async def _health() -> Response:
        return _json(health(exchange))

    @app.get("/_sim/clock", response_model=None)
    async def _clock() -> Response:
        return _json(orjson.dumps({"now_ms": exchange.clock.now_ms()}))

    @app.post("/_sim/clock", response_model=None)
    async def _set_clock(now_ms: int, rate: float = 0.0) -> Response:
        if not isinstance(exchange.clock, SettableClock):
            return _json(orjson.dumps({"error": "the clock is the wall's; start the exchange with --clock sim"}), 409)
        exchange.clock.set(now_ms, max(rate, 0.0))
        return _json(orjson.dumps({"now_ms": exchange.clock.now_ms()}))

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"], response_model=None)
    async def _unserved(request: Request) -> Response:
        return _json(exchange.unserved(request.method, request.url.path))

    return app


def _route(exchange: ReplayedExchange, path: str) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return _json(exchange.answer(path, request.query_params))

    return handle


def _json(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")
