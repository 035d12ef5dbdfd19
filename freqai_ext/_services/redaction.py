"""Keeping secrets of ``freqai_ext`` out of what Freqtrade stores of its configuration.

Freqtrade keeps the configuration as it was read in ``config["original_config"]``, and writes that into the archive of
every backtest.
"""

import functools
import logging
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from freqai_ext._services.secrets import holds_secret, routes_of, sections_in

logger = logging.getLogger(__name__)

REDACTED: Final = "REDACTED"
"""What Freqtrade writes in place of its own secrets."""

_SECTION: Final = "freqai_ext"
_ORIGINAL: Final = "original_config"
_FREQTRADE_PREFIX: Final = "FREQTRADE__"
# Freqtrade's own that it does not mask; our compose files set the first.
_FREQTRADES: Final = frozenset(
    {"api_server.jwt_secret_key", "api_server.ws_token", "external_message_consumer.producers.*.ws_token"}
)
_LOGIN: Final = re.compile(r"(?<=://).*@|^[^:@]+:.*@", re.DOTALL)
_PLACE: Final = re.compile(r"(?<=\.)\d+(?=\.|$)")
_LEAST_CHARACTERS: Final = 6


@dataclass(frozen=True)
class Exposure:
    """A secret that stands where Freqtrade prints and stores it.

    Attributes
    ----------
    path
        Of the setting.
    variable
        The variable of Freqtrade's that holds it; ``None`` where it is in a configuration file.
    """

    path: str
    variable: str | None

    def __str__(self) -> str:
        return f"{self.fault}; {self.remedy}"

    @property
    def fault(self) -> str:
        """Where it stands, and why that is a fault."""
        where = f"the variable {self.variable}" if self.variable else "the configuration"
        return f"{self.path}: its secret is in {where}, which Freqtrade shows in clear in `freqtrade show-config`"

    @property
    def remedy(self) -> str:
        """Where it can stand instead."""
        return f"put it into {routes_of(self.path)}"


def exposures(config: Mapping[str, Any], section: type[BaseModel]) -> tuple[Exposure, ...]:
    """Return the secrets of ``section`` that stand in a Freqtrade configuration in clear.

    Parameters
    ----------
    config
        The configuration; what it holds as ``original_config`` is looked at where there is one.
    section
        The settings of the key ``freqai_ext``.
    """
    raw = _original(config).get(_SECTION)
    paths = {path: None for path, _ in _secrets(raw, section, _SECTION)}
    return tuple(Exposure(path, _variable(path)) for path in paths)


def redact(config: MutableMapping[str, Any], section: type[BaseModel]) -> None:
    """Mask the secrets of ``section`` in ``config["original_config"]``, wherever in it they stand.

    What the bot works with stays as it is. Freqtrade's own secrets that it leaves in clear are masked with them. A text
    that equals a secret is masked in other sections, too: the keys of one service are often written down twice.
    """
    original = config.get(_ORIGINAL)
    if not isinstance(original, MutableMapping) or original is config:
        return
    found = list(_secrets(original.get(_SECTION), section, _SECTION))
    values = frozenset(str(value) for _, value in found)
    paths = frozenset(path for path, _ in found)
    for name in original:
        original[name] = _masked(original[name], str(name), paths, values, name == _SECTION)


def protect(config: MutableMapping[str, Any], section: type[BaseModel]) -> None:
    """Warn of secrets that stand in the configuration, and mask them before Freqtrade stores it."""
    for exposure in exposures(config, section):
        _warn_once(str(exposure))
    redact(config, section)


@functools.cache
def _warn_once(text: str) -> None:
    # Strategy and model are given the same configuration, and a list of strategies a copy for each.
    logger.warning("%s", text)


def _original(config: Mapping[str, Any]) -> Mapping[str, Any]:
    original = config.get(_ORIGINAL)
    return original if isinstance(original, Mapping) else config


def _secrets(raw: Any, section: type[BaseModel], path: str) -> Iterator[tuple[str, Any]]:
    """Iterate over path and value of what stands at the places of secrets, valid or not."""
    if not isinstance(raw, Mapping):
        return
    for name, value in raw.items():
        field = section.model_fields.get(name)
        if field is None or value in (None, "", REDACTED):
            continue
        where = f"{path}.{name}"
        if holds_secret(field.annotation):
            yield where, value
        for inner in sections_in(field.annotation):
            if isinstance(value, list | tuple):
                for index, item in enumerate(value):
                    yield from _secrets(item, inner, f"{where}.{index}")
            else:
                yield from _secrets(value, inner, where)


def _masked(value: Any, path: str, paths: frozenset[str], values: frozenset[str], ours: bool) -> Any:
    if (value and (path in paths or _PLACE.sub("*", path) in _FREQTRADES)) or (
        isinstance(value, str) and len(value) >= _LEAST_CHARACTERS and value in values
    ):
        return REDACTED
    if isinstance(value, Mapping):
        return {name: _masked(item, f"{path}.{name}", paths, values, ours) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, f"{path}.{index}", paths, values, ours) for index, item in enumerate(value)]
    if ours and isinstance(value, str) and "@" in value:
        # An address may hold a password, with or without a scheme before it.
        return _LOGIN.sub(f"{REDACTED}@", value)
    return value


def _variable(path: str) -> str | None:
    """Return the variable of Freqtrade's that sets ``path`` or a list above it."""
    wanted = path.upper().split(".")
    for name in os.environ:
        parts = name.removeprefix(_FREQTRADE_PREFIX).upper().split("__")
        if name.startswith(_FREQTRADE_PREFIX) and parts == wanted[: len(parts)]:
            return name
    return None
