"""Injects faults between the server and the application of a stand-in."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freqai_ext._services.loopback.connections import tear
from freqai_ext.news.standins.answer import FAILURE
from freqai_ext.news.standins.faults import OWN, UNHEARD, Fault, FaultPlan
from freqai_ext.news.standins.settings import Service

_REFUSALS: Final = {"error_503": 503, "limited_429": 429, "denied_401": 401, "denied_403": 403}
_NOT_JSON: Final = b"<!doctype html><title>502 Bad Gateway</title>"
_NO_LETTER: Final = b"\xff\xfe"
_CHUNK: Final = 1_000_000
_LOOK_AGAIN_S: Final = 0.05
_SPOILED_SHARE: Final = 0.3


class FaultLayer:
    """An application around a stand-in's.

    Parameters
    ----------
    app
        The stand-in's.
    service
        Which one it is.
    faults
        The plan; it may change at any time.
    clock
        Tells which faults are in place, UTC seconds.
    """

    def __init__(self, app: ASGIApp, service: Service, faults: FaultPlan, clock: Callable[[], float]) -> None:
        self._app = app
        self._service = service
        self._faults = faults
        self._clock = clock
        self._spoiled_answers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with the fault that it meets."""
        met = self._meet(scope)
        if met is None:
            await self._app(scope, receive, send)
        elif met[1].kind in OWN:
            await self._app({**scope, "fault": met[1].kind}, receive, send)
        elif met[1].kind in UNHEARD:
            await self._unheard(met, scope, receive, send)
        else:
            await self._spoiled(met[1], scope, receive, send)

    def _meet(self, scope: Scope) -> tuple[int, Fault] | None:
        if scope["type"] != "http":
            return None
        return self._faults.meet(self._service, scope["method"], scope["path"], self._clock())

    async def _unheard(self, met: tuple[int, Fault], scope: Scope, receive: Receive, send: Send) -> None:
        number, fault = met
        await Request(scope, receive).body()
        if fault.kind == "hang":
            await self._hang(number, receive)
            tear(scope)
        elif fault.kind == "redirect":
            await Response(status_code=307, headers={"location": fault.location})(scope, receive, send)
        elif fault.kind == "error_500":
            await PlainTextResponse(FAILURE, 500)(scope, receive, send)
        else:
            status = _REFUSALS[fault.kind]
            headers = {"retry-after": f"{fault.seconds:.0f}"} if status in (429, 503) else {}
            content = json.dumps({"error": {"message": fault.kind, "code": status}}).encode()
            await Response(content, status, headers, "application/json")(scope, receive, send)

    async def _hang(self, number: int, receive: Receive) -> None:
        """Wait until the other side gives up or the fault is over."""
        gone = asyncio.ensure_future(receive())
        try:
            while not gone.done() and self._faults.lasts(self._service, number, self._clock()):
                await asyncio.wait([gone], timeout=_LOOK_AGAIN_S)
        finally:
            gone.cancel()

    async def _spoiled(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Recorded()
        await self._app(scope, receive, answer.send)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await send(answer.start)
            await send({"type": "http.response.body", "body": answer.body})
        elif fault.kind in ("truncated", "reset"):
            await send(answer.start)
            await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
            if fault.kind == "reset":
                await asyncio.sleep(_LOOK_AGAIN_S)
                tear(scope)
        elif fault.kind == "huge":
            await _send_huge(fault.megabytes, send)
        else:
            self._spoiled_answers += 1
            await _other(fault, answer.body, self._spoiled_answers)(scope, receive, send)


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


def wrong_types(body: bytes, draw: random.Random) -> bytes:
    """Return a JSON answer with about a third of its values, at any depth, replaced by ones of another type.

    What is no JSON is returned as it is.
    """
    try:
        content = json.loads(body)
    except ValueError:
        return body
    return json.dumps(_retyped(content, draw)).encode()


def _other(fault: Fault, body: bytes, time: int) -> Response:
    if fault.kind == "wrong_types":
        draw = random.Random(f"{fault.seed}:{time}")  # noqa: S311
        return Response(wrong_types(body, draw), media_type="application/json")
    if fault.kind == "not_utf8":
        return Response(body.replace(b'"', b'"' + _NO_LETTER, 1), media_type="application/json")
    return Response(_NOT_JSON, media_type="text/html")


def _retyped(value: Any, draw: random.Random) -> Any:
    if draw.random() < _SPOILED_SHARE:
        others: list[Any] = [None, True, "text", 12.5, -1, 10**400, [], {}, [[None]], {"": {}}]
        return draw.choice([other for other in others if type(other) is not type(value)])
    if isinstance(value, dict):
        return {key: _retyped(inner, draw) for key, inner in value.items()}
    if isinstance(value, list):
        return [_retyped(inner, draw) for inner in value]
    return value


async def _send_huge(megabytes: float, send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"padding":"', "more_body": True})
    left = int(megabytes * _CHUNK)
    while left > 0:
        await send({"type": "http.response.body", "body": b"x" * min(left, _CHUNK), "more_body": True})
        left -= _CHUNK
    await send({"type": "http.response.body", "body": b'"}'})
