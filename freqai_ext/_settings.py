"""Typed settings: the base class of every section, and errors that say what to do.

A section is a frozen pydantic model that forbids unknown keys and stands next to the code that uses it.
:func:`parse_settings` turns a piece of a Freqtrade configuration into one, or raises a
:class:`~freqai_ext.errors.SettingsError` that lists every fault with its path, value, rule and remedy.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from freqai_ext.errors import SettingsError


class Settings(BaseModel):
    """Base of all settings sections: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


SettingsT = TypeVar("SettingsT", bound=Settings)


def parse_settings(section: type[SettingsT], raw: object, path: str) -> SettingsT:
    """Return ``section`` filled from ``raw``; keys that are not given take their defaults.

    Parameters
    ----------
    section
        The settings class.
    raw
        The JSON object found at ``path`` in the configuration, or ``None`` where it is absent.
    path
        Where ``raw`` stands, e.g. ``"freqai_ext.labels"``; the messages start with it.

    Raises
    ------
    SettingsError
        One line for each fault.
    """
    if raw is not None and not isinstance(raw, Mapping):
        known = _listed(section.model_fields)
        raise SettingsError(f"{path}: not an object; write {{...}} with keys of: {known}")
    try:
        return section.model_validate(dict(raw or {}))
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(section, fault, path) for fault in error.errors())) from None


def whole_address(url: str, *, password_remedy: str, parts: str, example: str) -> str:
    """Return the address of a service, without a slash at its end, as a validator of a setting does.

    Parameters
    ----------
    password_remedy
        What to do with a password in it.
    parts
        What it may consist of, for the message; a path only where that is named.
    example
        A valid one.

    Raises
    ------
    ValueError
        If it has no scheme, no host, a port that there is not, or blanks.
    """
    url = url.strip().rstrip("/")
    if "@" in url:
        raise ValueError(f"it holds a password; {password_remedy}")
    if any(each.isspace() or not each.isprintable() for each in url):
        raise ValueError(f"it has a blank in it; write it like {example}")
    try:
        split = urlsplit(url)
        named = bool(split.hostname) and split.port != 0
    except ValueError:
        raise ValueError(f"write {parts} only, such as {example}") from None
    if split.scheme not in ("http", "https"):
        raise ValueError(f"it has no scheme; write http://{url.partition('://')[2] or url}")
    if not named or split.query or split.fragment:
        raise ValueError(f"write {parts} only, such as {example}")
    return url


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a remedy for an unknown ``name``: the closest known one, else all where they are few."""
    names = sorted(known)
    if close := difflib.get_close_matches(name, names, n=1, cutoff=0.7):
        return f"did you mean '{close[0]}'?"
    return f"known: {_listed(names)}" if len(names) <= 30 else "remove it, or look its name up in the documentation"


def _explain(section: type[Settings], fault: Any, path: str) -> str:
    location = [str(part) for part in fault["loc"]]
    where = ".".join([path, *location])
    if fault["type"] == "extra_forbidden":
        owner = _section_at(section, location[:-1])
        remedy = suggest(location[-1], owner.model_fields) if owner else "remove it"
        return f"{where}: unknown setting; {remedy}"
    if fault["type"] == "missing":
        return f"{where}: missing; it has no default, so write it"
    if fault["type"] == "model_type" and (owner := _section_at(section, location)):
        return f"{where}: not an object; write {{...}} with keys of: {_listed(owner.model_fields)}"
    return f"{where}: {_shown(section, location, fault['input'])} is not valid; {_rule(fault['msg'])}"


def _rule(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _shown(section: type[Settings], location: list[str], value: object) -> str:
    if _is_secret(section, location):
        return "the value (hidden)"
    if not isinstance(value, str | int | float | None) and not _is_plain_list(section, location, value):
        # It may hold a secret further down.
        return f"the {'list' if isinstance(value, list | tuple) else 'object'} given"
    # An address may hold a password, with or without a scheme before it.
    shown = re.sub(r"(?<=//)[^/@]*@|[^\s'\"/@]*:[^\s'\"/@]*@", "(hidden)@", repr(value))
    return shown if len(shown) <= 120 else f"{shown[:117]}..."


def _is_secret(section: type[Settings], location: list[str]) -> bool:
    """Return whether a field on the way to ``location`` holds a secret."""
    for depth, part in enumerate(location):
        owner = _section_at(section, location[:depth])
        field = owner.model_fields.get(part) if owner else None
        if field is not None and "SecretStr" in str(field.annotation):
            return True
    return False


def _is_plain_list(section: type[Settings], location: list[str], value: object) -> bool:
    """Return whether ``value`` is a list of scalars, given for a setting that is no section."""
    listed = isinstance(value, list | tuple) and all(isinstance(item, str | int | float | None) for item in value)
    return listed and bool(location) and _section_at(section, location) is None


def _section_at(section: type[Settings], location: list[str]) -> type[Settings] | None:
    for part in location:
        field = section.model_fields.get(part)
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, Settings)):
            return None
        section = annotation
    return section


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
