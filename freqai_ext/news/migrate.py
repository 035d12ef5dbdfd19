"""Reads the central ``config.yml`` of the original AI-Trader: contract of the orchestrator, section 2."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from freqai_ext._files import open_regular
from freqai_ext._services.secrets import variable_of
from freqai_ext._settings import parse_settings
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.settings import NewsSettings

Dialect = Literal["graphiti", "adapter"]

_SECTION: Final = "freqai_ext.news"
_SECRETS: Final = {"perplexica": "api_key", "graphiti": "token"}
_LARGEST_BYTES: Final = 1_000_000
_JUDGES: Final = ("primary_analysis", "fallback")
_KEYS: Final = ("api_key", "token", "key")
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PLACEHOLDER: Final = re.compile(r"your[_-].*|key|token|<.*>|\*+|x{3,}|change[_-]?me", re.IGNORECASE)
_LEFT_BEHIND: Final = {
    "database": "the store of news is freqai_ext.news.database, a SQLite file of its own",
    "orchestrator": "bots are started as any Freqtrade bot is",
    "kucoin": "keys of an exchange belong into the section exchange of Freqtrade's configuration",
}


@dataclass(frozen=True)
class Migration:
    """What becomes of a configuration of the original.

    Attributes
    ----------
    section
        The section ``freqai_ext.news``; it holds no secret.
    secrets
        Environment variables to set, and their values. Freqtrade does not read them, and so cannot show them.
    origins
        Where in the old file the value of each variable stands.
    notes
        What was left out or guessed, a sentence each.
    """

    section: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    origins: Mapping[str, str]
    notes: tuple[str, ...]


def migrate(path: Path, *, environment: Mapping[str, str] | None = None, dialect: Dialect | None = None) -> Migration:
    """Return the settings that an old configuration comes to.

    Services and models may be strings such as ``"url: http://127.0.0.1:8000; token: T"``, their parts in any order
    and the key left out, or mappings. ``${NAME}`` stands for an environment variable. The model ``primary_analysis``
    is asked first and ``fallback`` after it, as in the original; its other models were never used.

    Parameters
    ----------
    path
        YAML.
    environment
        In place of the process's own.
    dialect
        Of the Graphiti server; by default the adapter's where the token looks like one of its own.

    Raises
    ------
    NewsDataError
        If there is no such file, it is no YAML, or an entry cannot be read. No text holds a key.
    SettingsError
        If an entry comes to a setting that is not valid.
    """
    content = _load(path)
    reader = _Reader(path, os.environ if environment is None else environment)
    section: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    origins: dict[str, str] = {}
    services = reader.mapping(content, "services")
    for name, setting in _SECRETS.items():
        if services.get(name) is None:
            reader.notes.append(f"services.{name}: not there, so that nothing is set for it")
            continue
        entry = reader.entry(services[name], f"services.{name}", ("url",))
        section[name] = {"url": entry["url"]}
        key = reader.key(entry, f"services.{name}")
        if key is not None:
            variable = variable_of(f"{_SECTION}.{name}.{setting}")
            secrets[variable], origins[variable] = key, f"services.{name}"
        if name == "graphiti":
            section[name]["dialect"] = dialect or _guessed(key, reader.notes)
        parse_settings(NewsSettings, {name: section[name] | ({setting: key} if key else {})}, _SECTION)
    for name in sorted(services.keys() - _SECRETS.keys()):
        reader.notes.append(f"services.{name}: not known to the original, and left out")
    endpoints = _endpoints(reader, reader.mapping(content, "models"))
    if endpoints:
        section["llm"] = {"endpoints": [_without_key(endpoint) for endpoint in endpoints]}
    for index, endpoint in enumerate(endpoints):
        if (key := endpoint.get("api_key")) is not None:
            variable = variable_of(f"{_SECTION}.llm.endpoints.{index}.api_key")
            secrets[variable], origins[variable] = key, f"models.{endpoint['name']}"
    parse_settings(NewsSettings, {**section, "llm": {"endpoints": endpoints}}, _SECTION)
    for name in content.keys() & _LEFT_BEHIND.keys():
        reader.notes.append(f"{name}: left out; {_LEFT_BEHIND[name]}")
    return Migration(section, secrets, origins, tuple(sorted(reader.notes)))


def write_secrets(migration: Migration, path: Path) -> None:
    """Write the variables with their values to a new file that only its owner may read.

    A shell reads it with ``set -a; . FILE; set +a``, and Docker Compose by ``env_file``.

    Raises
    ------
    NewsDataError
        If the file exists, or cannot be written.
    """
    lines = [f"{variable}={shlex.quote(value)}\n" for variable, value in migration.secrets.items()]
    try:
        # Never for a moment readable by others, as it would be were the mode changed afterwards.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise NewsDataError(f"{path}: exists already and is not overwritten; name another file") from None
    except OSError as error:
        raise NewsDataError(f"{path}: cannot be written ({error.strerror}); name a file elsewhere") from None
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.writelines(lines)


class _Reader:
    """Reads entries of the file, and says what is wrong with them without showing them."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self.notes: list[str] = []
        self._path = path
        self._environment = environment

    def mapping(self, content: Mapping[str, object], name: str) -> dict[str, object]:
        """Return a part of the file; an empty one where it is not there."""
        part = content.get(name)
        if part is None:
            return {}
        if not isinstance(part, dict):
            raise NewsDataError(f"{self._path}: {name} is no mapping; write a name and its entry to a line")
        return {str(key): value for key, value in part.items()}

    def entry(self, raw: object, where: str, required: tuple[str, ...]) -> dict[str, str]:
        """Return the parts of a service or model, references replaced."""
        pairs = self._pairs(raw, where)
        entry = {name: self._resolved(text, f"{where}.{name}") for name, text in pairs.items()}
        for name in required:
            if not entry.get(name):
                form = "; ".join(f"{one}: ..." for one in required)
                raise NewsDataError(f'{self._path}: {where} has no {name}; write "{form}" or a mapping of the same')
            if name != "model" and "@" in entry[name]:
                # Without a scheme nobody else would take it for a password, and show it.
                raise NewsDataError(f"{self._path}: {where}.{name} holds a password; give the key by its own part")
        return entry

    def key(self, entry: Mapping[str, str], where: str) -> str | None:
        """Return the key of an entry, ``None`` where it has none or one that was never filled in."""
        given = next((entry[name] for name in _KEYS if entry.get(name)), None)
        if given is not None and _PLACEHOLDER.fullmatch(given):
            self.notes.append(f"{where}: its key is still the placeholder of the example, and left out")
            return None
        return given

    def _pairs(self, raw: object, where: str) -> dict[str, str]:
        if isinstance(raw, dict):
            scalars = {str(name): text for name, text in raw.items() if text is not None}
            if all(isinstance(text, str | int | float) for text in scalars.values()):
                return {name.strip().lower(): str(text).strip() for name, text in scalars.items()}
        elif isinstance(raw, str):
            parts = [part.partition(":") for part in raw.split(";") if part.strip()]
            if all(colon for _, colon, _ in parts):
                return {name.strip().lower(): text.strip() for name, _, text in parts}
        # Nothing of it is shown: it may be the key that is in the wrong place.
        raise NewsDataError(
            f'{self._path}: {where} cannot be read; write "name: value; name: value" in quotes, or a mapping'
        )

    def _resolved(self, text: str, where: str) -> str:
        def value(reference: re.Match[str]) -> str:
            name = reference.group(1)
            if name not in self._environment:
                raise NewsDataError(
                    f"{self._path}: {where} refers to the environment variable {name}, which is not set; set it"
                )
            return self._environment[name]

        return _REFERENCE.sub(value, text).strip()


def _load(path: Path) -> dict[str, object]:
    # Optuna, which this package depends on, brings it.
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise NewsDataError(f"{path}: reading YAML needs PyYAML; install it with: pip install pyyaml") from None
    try:
        with open_regular(path) as file:
            written = file.read(_LARGEST_BYTES + 1)
        if len(written) > _LARGEST_BYTES:
            raise NewsDataError(f"{path}: larger than 1 MB, which no configuration of the original is")
        content = yaml.safe_load(written.decode())
    except OSError as error:
        raise NewsDataError(f"{path}: cannot be read ({error.strerror}); name the config.yml of the original") from None
    except UnicodeDecodeError:
        raise NewsDataError(f"{path}: is not text in UTF-8; save it as such") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Its own text quotes the line, and the line may hold a key.
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" in line {mark.line + 1}"
        raise NewsDataError(f"{path}: is not YAML{line}; entries with a colon must stand in quotes") from None
    if not isinstance(content, dict):
        raise NewsDataError(f"{path}: holds no mapping; name the config.yml of the original")
    known = {str(name): part for name, part in content.items()}
    if not known.keys() & {"services", "models"}:
        raise NewsDataError(f"{path}: has neither services nor models; name the config.yml of the original")
    return known


def _endpoints(reader: _Reader, models: Mapping[str, object]) -> list[dict[str, str]]:
    endpoints = []
    for name in _JUDGES:
        if models.get(name) is None:
            continue
        entry = reader.entry(models[name], f"models.{name}", ("model", "api_base"))
        endpoint = {"name": name, "model": entry["model"], "api_base": entry["api_base"]}
        if (key := reader.key(entry, f"models.{name}")) is not None:
            endpoint["api_key"] = key
        _check_endpoint(endpoint, name)
        endpoints.append(endpoint)
    for name in sorted(models.keys() - set(_JUDGES)):
        reader.notes.append(f"models.{name}: left out; the original never asked it")
    if not endpoints:
        reader.notes.append("models: neither primary_analysis nor fallback is there, so that no model judges")
    return endpoints


def _check_endpoint(endpoint: Mapping[str, str], name: str) -> None:
    try:
        parse_settings(NewsSettings, {"llm": {"endpoints": [endpoint]}}, _SECTION)
    except SettingsError as error:
        raise SettingsError(f"models.{name}: {error}") from None


def _without_key(endpoint: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in endpoint.items() if name != "api_key"}


def _guessed(token: str | None, notes: list[str]) -> Dialect:
    if token is not None and token.lower().startswith("adapter"):
        notes.append("services.graphiti: its token is one of the adapter's, so that dialect is 'adapter'")
        return "adapter"
    notes.append("services.graphiti: taken for getzep's server; if it is the adapter, write dialect 'adapter'")
    return "graphiti"
