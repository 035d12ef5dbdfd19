"""Faults that can be injected between the stand-ins and who asks them."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, model_validator

from freqai_ext._settings import Settings, parse_settings
from freqai_ext.news.standins.settings import Service

FaultKind = Literal[
    "refuse", "hang", "error_500", "error_503", "limited_429", "denied_401", "denied_403", "redirect",
    "slow", "truncated", "reset", "not_json", "huge", "wrong_types", "not_utf8",
    "model_fails", "json_off", "error_in_200", "nan_score", "out_of_range", "unknown_sentiment", "cut_short",
    "refusal", "empty", "fenced", "thinking", "ingest_dies",
]  # fmt: skip

UNHEARD: Final = frozenset(
    {"hang", "error_500", "error_503", "limited_429", "denied_401", "denied_403", "redirect"},
)
"""Faults in which the service does not come to see the request. In the others it does, and its answer suffers."""

OWN: Final[Mapping[str, Service]] = {
    "model_fails": "perplexica",
    "json_off": "searxng",
    "error_in_200": "llm",
    "nan_score": "llm",
    "out_of_range": "llm",
    "unknown_sentiment": "llm",
    "cut_short": "llm",
    "refusal": "llm",
    "empty": "llm",
    "fenced": "llm",
    "thinking": "llm",
    "ingest_dies": "graphiti",
}
"""Faults that a service has of its own, and which one."""


class Fault(Settings):
    """What goes wrong, where and when.

    Attributes
    ----------
    kind
        ``refuse`` closes the listening socket; ``hang`` never answers; ``error_``, ``limited_`` and ``denied_`` answer
        with that status; ``redirect`` points to ``location``; ``slow`` waits ``seconds``; ``truncated`` ends in the
        middle of the answer, ``reset`` tears the connection there; ``not_json``, ``huge``, ``wrong_types`` and
        ``not_utf8`` answer 200 with something else. Perplexica: ``model_fails`` hangs as it does when its own model
        fails. SearXNG: ``json_off``. Graphiti: ``ingest_dies`` ends the ingest at the next message, until a restart.
        The rest are answers of a language model that cannot be used, or only after unwrapping.
    service
        Only there; by default everywhere, or where the kind belongs.
    route
        Only on this path, such as ``"/api/search"``.
    method
        Only for this method, such as ``"POST"``.
    start_s, end_s
        Only from the one until just before the other, UTC seconds of the stand-ins' clock.
    probability
        How likely a request meets it; for ``refuse``, the whole window.
    seed
        Of that chance.
    seconds
        How long ``slow`` waits, in real seconds whatever the clock, and what ``limited_429`` and ``error_503`` ask for.
    as_date
        They ask for it by the date at which it is over.
    megabytes
        How large ``huge`` is.
    location
        Where ``redirect`` points to.
    """

    kind: FaultKind
    service: Service | None = None
    route: str | None = None
    method: Literal["GET", "POST", "DELETE"] | None = None
    start_s: float | None = None
    end_s: float | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    seconds: float = Field(default=5.0, ge=0)
    as_date: bool = False
    megabytes: float = Field(default=8.0, gt=0, le=1_024)
    location: str = "http://elsewhere.invalid/"

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Fault":
        if self.kind == "refuse" and (self.route or self.method):
            raise ValueError("a closed socket refuses all; remove route and method, or choose another kind")
        own = OWN.get(self.kind)
        if own and self.service not in (None, own):
            raise ValueError(f"{self.kind} is a fault of {own} alone; remove service, or choose another kind")
        return self

    def concerns(self, service: str, now_s: float) -> bool:
        """Return whether it is in place for a service at ``now_s`` (UTC seconds)."""
        where = self.service or OWN.get(self.kind)
        begun = self.start_s is None or now_s >= self.start_s
        return where in (None, service) and begun and (self.end_s is None or now_s < self.end_s)


def parse_fault(raw: object) -> Fault:
    """Return the fault that a JSON object describes.

    Raises
    ------
    SettingsError
        If it describes none.
    """
    return parse_settings(Fault, raw, "fault")
