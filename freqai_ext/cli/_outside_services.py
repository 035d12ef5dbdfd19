"""Keeps a bot on replayed candles away from the services of its configuration."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from freqai_ext._services.secrets import secret_paths
from freqai_ext.config import ExtSettings

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
    guardian = {"publish": False, "features": False, "database": str(folder / "guardian.sqlite")}
    news = {"database": str(folder / "news.sqlite"), **{source: {"url": None} for source in _SOURCES}}
    return {"guardian": without_secrets("guardian", guardian), "news": without_secrets("news", news)}


def without_secrets(section: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section in which each secret that it does not name itself is none, and in no file.

    What stands in for a service must not be sent the secret of the real one, which the user's configuration names.
    """
    filled = deepcopy(dict(own))
    for path in secret_paths(ExtSettings):
        _, name, *parents, secret = path.split(".")
        # A list of the user's is replaced as a whole.
        if name == section and "*" not in parents:
            place = filled
            for part in parents:
                place = place.setdefault(part, {})
            place |= {key: None for key in (secret, f"{secret}_file") if key not in place}
    return filled


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
