"""Injects faults between the server and Guardian's application."""

import random
from typing import ClassVar, Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from freqai_ext._services.loopback.fault_layer import NOT_JSON, FaultLayer
from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._services.loopback.spoiling import wrong_types
from freqai_ext.guardian.sandbox.answer import json_answer
from freqai_ext.guardian.sandbox.faults import SERVICE, UNHEARD, Fault
from freqai_ext.guardian.sandbox.state import GuardianState

_STATUS: Final = {"error_500": 500, "error_503": 503, "denied_401": 401, "denied_403": 403}
_DETAIL: Final = {401: "missing_token", 403: "invalid_token", 503: "settings_unavailable"}


class GuardianFaultLayer(FaultLayer[Fault]):
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

    unheard: ClassVar[frozenset[str]] = UNHEARD

    def __init__(self, app: ASGIApp, state: GuardianState, faults: FaultPlan[Fault]) -> None:
        super().__init__(app, SERVICE, faults, state.clock)
        self._state = state

    def _refusal(self, fault: Fault) -> Response:
        status = _STATUS[fault.kind]
        if status == 500:
            return PlainTextResponse("Internal Server Error", 500)
        return Response(json_answer({"detail": _DETAIL[status]}).body, status, media_type="application/json")

    def _spoilt(self, fault: Fault, body: bytes) -> Response:
        if fault.kind == "wrong_types":
            draw = random.Random(f"{fault.seed}:{self._state.clock()}")  # noqa: S311
            return Response(wrong_types(body, draw), media_type="application/json")
        return Response(NOT_JSON, media_type="text/html")

    def _note_unheard(self, fault: Fault, method: str, body: bytes) -> None:
        if method == "POST":
            self._state.pushes.add(self._state.clock(), body, _STATUS.get(fault.kind), fault=fault.kind)
