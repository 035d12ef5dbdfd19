"""Injects faults between the server and the application of a stand-in."""

import json
import random
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import ClassVar, Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from freqai_ext._services.loopback.fault_layer import NOT_JSON, FaultLayer
from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._services.loopback.spoiling import wrong_types
from freqai_ext.news.standins.answer import FAILURE
from freqai_ext.news.standins.faults import OWN, UNHEARD, Fault
from freqai_ext.news.standins.settings import Service

_REFUSALS: Final = {"error_503": 503, "limited_429": 429, "denied_401": 401, "denied_403": 403}
_NO_LETTER: Final = b"\xff\xfe"


class NewsFaultLayer(FaultLayer[Fault]):
    """An application around a stand-in's."""

    unheard: ClassVar[frozenset[str]] = UNHEARD
    own: ClassVar[frozenset[str]] = frozenset(OWN)

    def __init__(self, app: ASGIApp, service: Service, faults: FaultPlan[Fault], clock: Callable[[], float]) -> None:
        super().__init__(app, service, faults, clock)
        self._spoilt_answers = 0

    def _refusal(self, fault: Fault) -> Response:
        if fault.kind == "redirect":
            return Response(status_code=307, headers={"location": fault.location})
        if fault.kind == "error_500":
            return PlainTextResponse(FAILURE, 500)
        status = _REFUSALS[fault.kind]
        asked = formatdate(time.time() + fault.seconds, usegmt=True) if fault.as_date else f"{fault.seconds:.0f}"
        headers = {"retry-after": asked} if status in (429, 503) else {}
        content = json.dumps({"error": {"message": fault.kind, "code": status}}).encode()
        return Response(content, status, headers, "application/json")

    def _spoilt(self, fault: Fault, body: bytes) -> Response:
        self._spoilt_answers += 1
        if fault.kind == "wrong_types":
            draw = random.Random(f"{fault.seed}:{self._spoilt_answers}")  # noqa: S311
            return Response(wrong_types(body, draw), media_type="application/json")
        if fault.kind == "not_utf8":
            return Response(body.replace(b'"', b'"' + _NO_LETTER, 1), media_type="application/json")
        return Response(NOT_JSON, media_type="text/html")
