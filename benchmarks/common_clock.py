"""One simulated time for several bots, each in a process of its own, and for the services beside them."""

import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

STILL_THERE_S = 5.0


class CommonClock:
    """Lets bots take turns: at any moment only that one works whose time is the earliest.

    Each bot has an address that it names among the followers of its simulation. A bot that wants to move its time on
    is kept waiting until no other has anything left to do before that time; of several at the same time, the one that
    is named first comes first. So the same inputs give the same course of events, also between the bots.

    Parameters
    ----------
    bots
        Their names.
    move_to
        Called with the time (UTC seconds), which never falls, before a bot is let go on.
    """

    def __init__(self, bots: Sequence[str], move_to: Callable[[float], None]) -> None:
        self._move_to = move_to
        self._now_s = float("-inf")
        self._wanted: dict[str, float | None] = dict.fromkeys(bots)
        self._change = threading.Condition()
        self._servers = {bot: ThreadingHTTPServer(("127.0.0.1", 0), self._handler(bot)) for bot in bots}
        self._threads = [threading.Thread(target=each.serve_forever, daemon=True) for each in self._servers.values()]

    def __enter__(self) -> "CommonClock":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bot, server in self._servers.items():
            self.leave(bot)
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def url(self, bot: str) -> str:
        """Return the address that a bot is to name."""
        return f"http://127.0.0.1:{self._servers[bot].server_port}"

    def leave(self, bot: str) -> None:
        """Wait for a bot no longer: it has ended."""
        with self._change:
            self._wanted[bot] = float("inf")
            self._change.notify_all()

    def reach(self, bot: str, at_s: float, timeout_s: float) -> bool:
        """Move to a bot's time once it is its turn; False where it is not after ``timeout_s`` real seconds."""
        with self._change:
            self._wanted[bot] = at_s
            self._change.notify_all()
            if not self._change.wait_for(lambda: self._next() == bot, timeout_s):
                return False
            self._now_s = max(self._now_s, at_s)
            self._move_to(self._now_s)
            self._wanted[bot] = None
            return True

    def _next(self) -> str | None:
        """Return the bot whose turn it is; ``None`` while one is at work."""
        waiting = {bot: at_s for bot, at_s in self._wanted.items() if at_s is not None}
        return min(waiting, key=waiting.__getitem__) if len(waiting) == len(self._wanted) else None

    def _handler(self, bot: str) -> type[BaseHTTPRequestHandler]:
        clock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                at_s = float(parse_qs(urlsplit(self.path).query)["now_ms"][0]) / 1_000
                while not clock.reach(bot, at_s, STILL_THERE_S):
                    # The bot gives up where it hears nothing for long.
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
