"""A real HTTP server on a loopback port that answers as a test tells it."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it reached the server."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class LoopbackServer:
    """Answers 404 until told otherwise. ``released`` ends answers that hang; it is set at the end."""

    def __init__(self):
        self.requests = []
        self.released = threading.Event()
        self._answers = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def answer(self, method, path, content, status=200, **headers):
        """Answer with JSON, or with bytes as they are."""
        self.serve(method, path, lambda handler: send(handler, content, status, **headers))

    def serve(self, method, path, function):
        """Answer by a function of the request handler."""
        self._answers[method, path] = function

    def asked(self, method, path):
        """Return the requests of a route, oldest first."""
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def stop(self):
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, handler):
        address = urlsplit(handler.path)
        handler.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.requests.append(Received(handler.command, address.path, query, headers, handler.body))
        answer = self._answers.get((handler.command, address.path))
        if answer is None:
            send(handler, b"<html>Not Found</html>", 404)
        else:
            answer(handler)


def send(handler, content, status=200, **headers):
    """Send one whole answer."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def hang(handler):
    """Send nothing until the end of the test."""
    handler.server.owner.released.wait()
    handler.close_connection = True


@contextmanager
def running_server():
    """Run a server for the length of a ``with``."""
    server = LoopbackServer()
    try:
        yield server
    finally:
        server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.owner.handle(self)

    def do_POST(self):
        self.server.owner.handle(self)

    def log_message(self, *args):
        pass
