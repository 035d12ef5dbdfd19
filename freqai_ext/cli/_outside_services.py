"""Keeps a bot on replayed candles away from the services of its configuration."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

# Freqtrade prefers them to configuration files.
VARIABLES: Final = (
    *(f"FREQAI_EXT__NEWS__{name}" for name in ("PERPLEXICA", "SEARXNG", "LLM", "GRAPHITI", "DATABASE")),
    *(f"FREQAI_EXT__GUARDIAN__{name}" for name in ("URL", "TOKEN", "NETWORK", "PUBLISH", "FEATURES", "DATABASE")),
)
"""Beginnings of the names of environment variables, behind ``FREQTRADE__``, that would lead the bot to them."""

_SOURCES: Final = ("perplexica", "searxng", "graphiti")


def without_services(folder: Path) -> dict[str, Any]:
    """Return a section ``freqai_ext`` with which nothing is asked of them, told to them, or kept among real records.

    A forecast on made-up candles would move a Guardian's real orders. News of today are none of the simulated day's,
    and a backtest would take what was judged by them for what was known then.

    Parameters
    ----------
    folder
        Of the run, for what the bot records.
    """
    return {
        "guardian": {"publish": False, "features": False, "database": str(folder / "guardian.sqlite")},
        "news": {"database": str(folder / "news.sqlite"), **{source: {"url": None} for source in _SOURCES}},
    }


def services_left_alone(config: Mapping[str, Any], remedies: Mapping[str, str]) -> Iterator[str]:
    """Return a line for each section of the configuration whose services are left alone.

    Parameters
    ----------
    config
        The bot's own.
    remedies
        By section, what to do to have them.
    """
    named = config.get("freqai_ext") or {}
    for section, remedy in remedies.items():
        if named.get(section):
            yield f"freqai_ext.{section}: its services are left alone in this run; {remedy}"
