from datetime import UTC, datetime

import httpx
import pytest

from freqai_ext.news.standins import NewsStandIns, StandInSettings

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)

LIVE = {
    "perplexica_generation": "D",
    "perplexica_models_listed": True,
    "searxng_json": True,
    "llm_models": ["stand-in"],
    "llm_structured": "json_schema",
    "llm_style": "bare",
    "llm_reasoning": False,
    "llm_key": None,
    "graphiti_backend": "falkordb",
    "graphiti_token": None,
    "graphiti_ingest_s": 2.0,
}


@pytest.fixture(scope="session")
def process():
    with NewsStandIns(StandInSettings(clock="sim", now=MOMENT, headlines_per_hour=1.0)) as standins:
        yield standins


@pytest.fixture
def services(process):
    """The process, as new but for what Graphiti holds."""
    process.remove_faults()
    process.set_clock(MOMENT)
    process.change(**LIVE)
    process.restart()
    return process


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=5.0) as client:
        yield client
