"""The process a replay exchange runs in: started, watched and ended by the one that wants it."""

import asyncio
import logging

import uvicorn

from freqai_ext._services.loopback.parent import read_order, say, say_fault, when_it_ends
from freqai_ext._services.loopback.port import bound_socket
from freqai_ext.errors import FreqaiExtError, ReplayError
from freqai_ext.replay.server import create_app
from freqai_ext.replay.settings import ReplaySettings

_BACKLOG = 256


def main() -> int:
    """Serve until standard input closes. Returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="replay exchange: %(levelname)s: %(message)s")
    order = read_order()
    try:
        listening = bound_socket(order["port"], ReplayError, _BACKLOG)
        exchange = ReplaySettings.model_validate(order["settings"]).exchange()
    except FreqaiExtError as error:
        say_fault(error)
        return 2
    config = uvicorn.Config(
        create_app(exchange), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    when_it_ends(end)
    start_ms, end_ms = exchange.span_ms
    say({"port": listening.getsockname()[1], "start_ms": start_ms, "end_ms": end_ms, "pairs": list(exchange.pairs)})
    asyncio.run(server.serve(sockets=[listening]))
    return 0
