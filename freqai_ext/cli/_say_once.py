"""Warnings that a program gives once, however often their cause comes up."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

# Freqtrade's readers of candles; each contender of an evaluation reads them again.
_READERS = "freqtrade.data.history.datahandlers.idatahandler"


@contextmanager
def say_once(name: str = _READERS) -> Iterator[None]:
    """Let a logger say each of its messages only once while the context lasts."""
    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        new = message not in said
        said.add(message)
        return new

    logger = logging.getLogger(name)
    logger.addFilter(is_new)
    try:
        yield
    finally:
        logger.removeFilter(is_new)
