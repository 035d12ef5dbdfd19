"""What the stand-ins are; also the message from the process that starts them to their own."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from freqai_ext._settings import Settings

Service = Literal["perplexica", "searxng", "llm", "graphiti"]

SERVICES: Final[tuple[Service, ...]] = ("perplexica", "searxng", "llm", "graphiti")

Port = Annotated[int, Field(ge=0, le=65535)]

FIXED: Final = frozenset(
    {
        *(f"{service}_port" for service in SERVICES),
        "control_port",
        "clock",
        "now",
        "seed",
        "archive",
        "headlines_per_hour",
        "hostile_share",
        "graphiti_dialect",
    }
)
"""Settings that cannot be changed while they run."""


class StandInSettings(Settings):
    """Settings of the stand-ins.

    Attributes
    ----------
    perplexica_port, searxng_port, llm_port, graphiti_port, control_port
        On the loopback address; 0 takes a free one.
    clock
        The wall's, or one that is set from outside.
    now
        Where the settable clock stands first, UTC.
    seed
        Of the news that are made up, and of the providers' ids.
    archive
        JSON lines (``.jsonl``, ``.jsonl.gz``) of ``published_at``, ``title``, ``currencies``, and optionally ``id``,
        ``text`` and ``url``: the news of a time are what it holds until then. Without it news are made up.
    headlines_per_hour
        How many are made up for an asset, on average.
    hostile_share
        Share of the made-up headlines that give orders to whoever reads them.
    perplexica_generation
        Contract of Perplexica, section 0.
    perplexica_models_listed
        Whether its provider lists models, which one with an address of its own does not until they are added.
    searxng_json
        Whether its settings allow JSON.
    llm_models
        Names of the models.
    llm_structured
        The strictest ``response_format`` that is not refused.
    llm_style
        How answers are wrapped: bare JSON, in a code fence, after ``<think>``, or in prose.
    llm_reasoning
        Refuse ``max_tokens`` and ``temperature``, as reasoning models of OpenAI's do.
    llm_key
        The key that is wanted.
    llm_latency_s
        How long an answer takes, real seconds.
    graphiti_dialect
        Contract of Graphiti, sections 1 and 2.
    graphiti_backend
        With ``"neo4j"`` the first message ends the ingest for ever, as with a recent driver: contract, section 1.3.
    graphiti_token
        What the adapter, or the proxy in front of getzep's server, wants.
    graphiti_ingest_s
        How long a message takes until it can be read, seconds of the stand-ins' clock.
    """

    perplexica_port: Port = 0
    searxng_port: Port = 0
    llm_port: Port = 0
    graphiti_port: Port = 0
    control_port: Port = 0
    clock: Literal["wall", "sim"] = "wall"
    now: datetime | None = None
    seed: int = Field(default=7, ge=0)
    archive: Path | None = None
    headlines_per_hour: float = Field(default=0.5, ge=0, le=20)
    hostile_share: float = Field(default=0.0, ge=0, le=1)
    perplexica_generation: Literal["A", "B", "C", "D"] = "D"
    perplexica_models_listed: bool = True
    searxng_json: bool = True
    llm_models: tuple[str, ...] = ("stand-in",)
    llm_structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    llm_style: Literal["bare", "fenced", "thinking", "prose"] = "bare"
    llm_reasoning: bool = False
    llm_key: SecretStr | None = None
    llm_latency_s: float = Field(default=0.0, ge=0)
    graphiti_dialect: Literal["graphiti", "adapter"] = "graphiti"
    graphiti_backend: Literal["falkordb", "neo4j"] = "falkordb"
    graphiti_token: SecretStr | None = None
    graphiti_ingest_s: float = Field(default=2.0, ge=0)

    def port_of(self, service: Service) -> int:
        """Return the port that a service is to have."""
        port: int = getattr(self, f"{service}_port")
        return port
