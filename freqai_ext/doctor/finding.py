"""What a check found out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    Parameters
    ----------
    level
        How much it matters.
    message
        What was found.
    remedy
        What to do about it; empty where there is nothing to do.
    detail
        Further lines, e.g. a traceback; empty where the message says all.
    """

    level: Level
    message: str
    remedy: str = ""
    detail: str = ""


def ok(message: str) -> Finding:
    """Return a finding that says that all is well."""
    return Finding(Level.OK, message)


def warning(message: str, remedy: str = "", detail: str = "") -> Finding:
    """Return a finding that the bot runs with, but not as it could."""
    return Finding(Level.WARNING, message, remedy, detail)


def failure(message: str, remedy: str = "", detail: str = "") -> Finding:
    """Return a finding that stops the bot, or makes its results wrong."""
    return Finding(Level.FAILURE, message, remedy, detail)


class CheckSkippedError(Exception):
    """A check cannot run; the message says what it waits for."""


def name_some(names: Iterable[str], limit: int = 5) -> str:
    """Return the first ``limit`` of ``names`` in a list for a message, with the count of the others."""
    listed = list(names)
    others = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + others
