"""Injects faults between the server and the application."""

import asyncio
import random
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freqai_ext._services.loopback.connections import tear
from freqai_ext.guardian.sandbox.answer import json_answer
from freqai_ext.guardian.sandbox.faults import UNHEARD, Fault, FaultPlan
from freqai_ext.guardian.sandbox.spoiling import wrong_types
from freqai_ext.guardian.sandbox.state import GuardianState

_STATUS: Final = {"error_500": 500, "error_503": 503, "denied_401": 401, "denied_403": 403}
_DETAIL: Final = {401: "missing_token", 403: "invalid_token", 503: "settings_unavailable"}
_NOT_JSON: Final = b"<!doctype html><title>502 Bad Gateway</title>"
_CHUNK: Final = 1_000_000
_LOOK_AGAIN_S: Final = 0.05


class FaultLayer:
    """An application around Guardian's.

    Parameters
    ----------
    app
        Guardian's.
    state
        Whose clock tells which faults are in place, and whose log notes the pushes that Guardian never sees.
    faults
        The plan; it may change at any time.
    """

    def __init__(self, app: ASGIApp, state: GuardianState, faults: FaultPlan) -> None:
        self._app = app
        self._state = state
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with the fault that it meets."""
        met = self._meet(scope)
        if met is None:
            await self._app(scope, receive, send)
        elif met[1].kind in UNHEARD:
            await self._unheard(met, scope, receive, send)
        else:
            await self._spoiled(met[1], scope, receive, send)

    def _meet(self, scope: Scope) -> tuple[int, Fault] | None:
        if scope["type"] != "http":
            return None
        return self._faults.meet(scope["method"], scope["path"], self._state.clock())

    async def _unheard(self, met: tuple[int, Fault], scope: Scope, receive: Receive, send: Send) -> None:
        number, fault = met
        body = await Request(scope, receive).body()
        status = _STATUS.get(fault.kind)
        if scope["method"] == "POST":
            self._state.pushes.add(self._state.clock(), body, status, fault=fault.kind)
        if status is None:
            await self._hang(number, receive)
            tear(scope)
        elif status == 500:
            await PlainTextResponse("Internal Server Error", 500)(scope, receive, send)
        else:
            content = json_answer({"detail": _DETAIL[status]}, status).body
            await Response(content, status, media_type="application/json")(scope, receive, send)

    async def _hang(self, number: int, receive: Receive) -> None:
        """Wait until the other side gives up or the fault is over."""
        gone = asyncio.ensure_future(receive())
        while not gone.done() and self._faults.hanging(number, self._state.clock()):
            await asyncio.wait([gone], timeout=_LOOK_AGAIN_S)
        gone.cancel()

    async def _spoiled(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Recorded()
        await self._app({**scope, "fault": fault.kind}, receive, answer.send)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await answer.replay(send)
        elif fault.kind in ("truncated", "reset"):
            await send(answer.start)
            await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
            if fault.kind == "reset":
                await asyncio.sleep(_LOOK_AGAIN_S)
                tear(scope)
        elif fault.kind == "huge":
            await _send_huge(fault.megabytes, send)
        elif fault.kind == "wrong_types":
            draw = random.Random(f"{fault.seed}:{self._state.clock()}")  # noqa: S311
            await Response(wrong_types(answer.body, draw), media_type="application/json")(scope, receive, send)
        else:
            await Response(_NOT_JSON, media_type="text/html")(scope, receive, send)


class _Recorded:
    """What the application answers, kept until it is known what becomes of it."""

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = dict(message)
        else:
            self.body += message.get("body", b"")

    async def replay(self, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})


async def _send_huge(megabytes: float, send: Send) -> None:
    left = int(megabytes * _CHUNK)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]},
    )
    await send({"type": "http.response.body", "body": b'{"status":"ok","padding":"', "more_body": True})
    while left > 0:
        await send({"type": "http.response.body", "body": b"x" * min(left, _CHUNK), "more_body": True})
        left -= _CHUNK
    await send({"type": "http.response.body", "body": b'"}'})
