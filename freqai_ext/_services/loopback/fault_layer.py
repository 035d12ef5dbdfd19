"""Injects faults between a server and the application of a service."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freqai_ext._services.loopback.connections import tear
from freqai_ext._services.loopback.faults import FaultPlan, FaultT

NOT_JSON: Final = b"<!doctype html><title>502 Bad Gateway</title>"

_CHUNK: Final = 1_000_000
_LOOK_AGAIN_S: Final = 0.05


class FaultLayer(ABC, Generic[FaultT]):
    """An application around that of a service.

    It knows the kinds ``hang``, ``slow``, ``truncated``, ``reset`` and ``huge``; a service says what its others are.

    Parameters
    ----------
    app
        The service's.
    service
        Its name in the plan.
    faults
        The plan; it may change at any time.
    clock
        Tells which faults are in place, UTC seconds.

    Attributes
    ----------
    unheard
        Kinds in which the service does not come to see the request.
    own
        Kinds that the application itself looks after: it finds them in the scope as ``fault``.
    """

    unheard: ClassVar[frozenset[str]]
    own: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, app: ASGIApp, service: str, faults: FaultPlan[FaultT], clock: Callable[[], float]) -> None:
        self._app, self._service, self._faults, self._clock = app, service, faults, clock

    @abstractmethod
    def _refusal(self, fault: FaultT) -> Response:
        """Return the answer of a service that does not come to see the request."""

    @abstractmethod
    def _spoilt(self, fault: FaultT, body: bytes) -> Response:
        """Return what becomes of an answer."""

    def _note_unheard(self, fault: FaultT, method: str, body: bytes) -> None:
        """Take note of a request that the service does not come to see."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with the fault that it meets."""
        is_request = scope["type"] == "http"
        met = self._faults.meet(self._service, scope["method"], scope["path"], self._clock()) if is_request else None
        if met is None:
            await self._app(scope, receive, send)
            return
        number, fault = met
        if fault.kind in self.unheard:
            self._note_unheard(fault, scope["method"], await Request(scope, receive).body())
            if fault.kind == "hang":
                await self._hang(number, receive)
                tear(scope)
            else:
                await self._refusal(fault)(scope, receive, send)
        elif fault.kind in self.own:
            await self._app({**scope, "fault": fault.kind}, receive, send)
        else:
            await self._spoil(fault, scope, receive, send)

    async def _hang(self, number: int, receive: Receive) -> None:
        """Wait until the other side gives up or the fault is over."""
        gone = asyncio.ensure_future(receive())
        try:
            while not gone.done() and self._faults.lasts(self._service, number, self._clock()):
                await asyncio.wait([gone], timeout=_LOOK_AGAIN_S)
        finally:
            gone.cancel()

    async def _spoil(self, fault: FaultT, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Recorded()
        await self._app({**scope, "fault": fault.kind}, receive, answer.send)
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
            await self._spoilt(fault, answer.body)(scope, receive, send)


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


async def _send_huge(megabytes: float, send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":"ok","padding":"', "more_body": True})
    left = int(megabytes * _CHUNK)
    while left > 0:
        await send({"type": "http.response.body", "body": b"x" * min(left, _CHUNK), "more_body": True})
        left -= _CHUNK
    await send({"type": "http.response.body", "body": b'"}'})
