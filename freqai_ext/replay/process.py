"""The process a replay exchange runs in: started, watched and ended by the one that wants it.

It reads its settings from standard input, writes one line of JSON when it listens (or why it cannot), and ends
when standard input closes, which the system does when the parent dies, however it dies.
"""

import asyncio
import json
import logging
import socket
import sys
import threading
from typing import Any, TextIO

import uvicorn

from freqai_ext.errors import FreqaiExtError, ReplayError
from freqai_ext.replay.server import create_app
from freqai_ext.replay.settings import ReplaySettings

HOST = "127.0.0.1"


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="replay exchange: %(levelname)s: %(message)s")
    order = json.loads(sys.stdin.readline())
    try:
        listening = listen(order["port"])
        exchange = ReplaySettings.model_validate(order["settings"]).exchange()
    except FreqaiExtError as error:
        _say({"error": type(error).__name__, "message": str(error)})
        return 2
    config = uvicorn.Config(
        create_app(exchange), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_with_parent, args=(sys.stdin, server), daemon=True).start()
    start_ms, end_ms = exchange.span_ms
    _say({"port": listening.getsockname()[1], "start_ms": start_ms, "end_ms": end_ms, "pairs": list(exchange.pairs)})
    asyncio.run(server.serve(sockets=[listening]))
    return 0


def listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback interface; port 0 takes any free one.

    Raises
    ------
    ReplayError
        When the port is in use or not allowed.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(256)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ReplayError(
            f"cannot listen on {HOST}:{port} ({error}); stop what uses the port, or choose another with --port"
        ) from error
    return listening


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _stop_with_parent(pipe: TextIO, server: uvicorn.Server) -> None:
    pipe.read()
    server.should_exit = True
