"""Faults that can be injected between Guardian and who asks it."""

from typing import Final, Literal

from pydantic import Field, model_validator

from freqai_ext._settings import Settings, parse_settings

FaultKind = Literal[
    "refuse",
    "hang",
    "error_500",
    "error_503",
    "denied_401",
    "denied_403",
    "slow",
    "truncated",
    "reset",
    "not_json",
    "huge",
    "wrong_types",
]

SERVICE: Final = "guardian"
"""Its name in a plan of faults, and of its port."""

UNHEARD: Final = frozenset({"hang", "error_500", "error_503", "denied_401", "denied_403"})
"""Faults in which Guardian does not come to see the request. In the others it does as asked, and its answer suffers."""


class Fault(Settings):
    """What goes wrong, where and when.

    Attributes
    ----------
    kind
        ``refuse`` closes the listening socket; ``hang`` never answers; ``error_`` and ``denied_`` answer with that
        status; ``slow`` waits ``seconds``; ``truncated`` ends in the middle of the answer, ``reset`` tears the
        connection there; ``not_json``, ``huge`` and ``wrong_types`` answer 200 with something else.
    route
        Only on this path, such as ``"/features"``.
    method
        Only for this method, such as ``"POST"``.
    start_s, end_s
        Only from the one until just before the other, UTC seconds of the sandbox's clock.
    probability
        How likely a request meets it; for ``refuse``, the whole window.
    seed
        Of that chance.
    seconds
        How long ``slow`` waits, in real seconds whatever the clock.
    megabytes
        How large ``huge`` is.
    """

    kind: FaultKind
    route: Literal["/health", "/features", "/predictions"] | None = None
    method: Literal["GET", "POST"] | None = None
    start_s: float | None = None
    end_s: float | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    seconds: float = Field(default=5.0, ge=0)
    megabytes: float = Field(default=64.0, gt=0, le=1_024)

    @model_validator(mode="after")
    def _refuse_is_for_all(self) -> "Fault":
        if self.kind == "refuse" and (self.route or self.method):
            raise ValueError("a closed socket refuses all; remove route and method, or choose another kind")
        return self

    def concerns(self, service: str, now_s: float) -> bool:  # noqa: ARG002 - there is one service
        """Return whether ``now_s`` (UTC seconds) is in its window."""
        return (self.start_s is None or now_s >= self.start_s) and (self.end_s is None or now_s < self.end_s)


def parse_fault(raw: object) -> Fault:
    """Return the fault that a JSON object describes.

    Raises
    ------
    SettingsError
        If it describes none.
    """
    return parse_settings(Fault, raw, "fault")
