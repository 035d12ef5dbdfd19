import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

HEALTH = {
    "status": "ok",
    "generated_at": 1795216651.0,
    "updated_at": 1795216651.5,
    "source": "freqtrade",
    "symbols": 3,
    "settings": {
        "testnet": False,
        "ai_enabled": True,
        "ai_buy_threshold": 0.52,
        "ai_sell_threshold": 0.42,
        "freqai_enabled": True,
    },
    "predictions": {"total_pairs": 3, "stale": False, "recency_seconds": 3600.0, "top": []},
    "ws": None,
}

FEATURES = {
    "generated_at": 1795217205.94,
    "count": 1,
    "pairs": [{"symbol": "ADAUSDT", "trend": "wait", "features": {"turnover_usd": 9.2e7, "model.macro": 0.5}}],
    "executions_path": "/srv/guardian/_data/pnl/executions.mainnet.jsonl",
}

PREDICTIONS = {
    "generated_at": 1795216651.0,
    "source": "freqtrade",
    "pairs": {
        "BTCUSDT": {"probability": 0.66, "ev_bps": 120.0, "confidence": 0.85, "generated_at": 1795216651.0},
    },
    "updated_at": 1795216651.5,
}


@dataclass(frozen=True)
class Received:
    """One request as it reached the server."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes
    peer: tuple


class LoopbackGuardian:
    """A real HTTP server that answers as a test tells it, with Guardian's healthy answers until then.

    ``token`` is wanted as Guardian wants its own. ``released`` ends answers that hang; it is set at the end.
    """

    def __init__(self):
        self.token = None
        self.requests = []
        self.released = threading.Event()
        self._answers = {}
        for method, path, answer in (
            ("GET", "/health", HEALTH),
            ("GET", "/features", FEATURES),
            ("GET", "/predictions", PREDICTIONS),
            ("POST", "/predictions", {"status": "ok", "symbols": 3}),
        ):
            self.answer(path, answer, method=method)
        self._start(0)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path, content, status=200, *, method="GET", **headers):
        """Answer ``path`` with JSON, or with bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()

        def reply(handler):
            handler.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.serve(path, reply, method=method)

    def serve(self, path, function, *, method="GET"):
        """Answer ``path`` by a function of the request handler."""
        self._answers[method, path] = function

    def restart(self):
        self._halt()
        self._start(self.port)

    def stop(self):
        self.released.set()
        self._halt()

    def _start(self, port):
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.guardian = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _halt(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, handler):
        address = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.requests.append(Received(handler.command, address.path, query, headers, body, handler.client_address))
        refusal = self._refusal(headers)
        if refusal:
            self.answer("/refusal", {"detail": refusal[1]}, refusal[0])
            self._answers["GET", "/refusal"](handler)
        else:
            self._answers[handler.command, address.path](handler)

    def _refusal(self, headers):
        sent = headers.get("x-api-token", headers.get("authorization", "").removeprefix("Bearer "))
        if self.token is None or sent == self.token:
            return None
        return (403, "invalid_token") if sent else (401, "missing_token")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.guardian.handle(self)

    def do_POST(self):
        self.server.guardian.handle(self)

    def log_message(self, *args):
        pass


@contextmanager
def running_guardian():
    server = LoopbackGuardian()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def guardian():
    """A healthy Guardian on a loopback port."""
    with running_guardian() as server:
        yield server


@pytest.fixture
def other_server():
    """Another server, which the token is not for."""
    with running_guardian() as server:
        yield server


@pytest.fixture
def call():
    """Run ``function(client)`` in an event loop of its own and close the client."""

    def run(client, function):
        async def main():
            try:
                return await function(client)
            finally:
                await client.aclose()

        return asyncio.run(main())

    return run


@pytest.fixture
def health_answer():
    """A healthy answer of ``/health`` that a test may change."""
    return json.loads(json.dumps(HEALTH))
