"""Where secrets come from: a file, a variable of our own, or the configuration.

Freqtrade prints and stores its whole configuration, variables that begin with ``FREQTRADE__`` included, and masks only
its own secrets. So each secret of ours, which is a ``SecretStr`` among the settings, has two routes that Freqtrade
never sees, both derived from its path: ``freqai_ext.guardian.token`` may stand in the file that
``freqai_ext.guardian.token_file`` names, or in the environment variable ``FREQAI_EXT_GUARDIAN__TOKEN``.
The file wins over the variable, and the variable over the configuration.
"""

import functools
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, SecretStr

from freqai_ext._settings import Settings, suggest
from freqai_ext.errors import SettingsError

logger = logging.getLogger(__name__)

PREFIX: Final = "FREQAI_EXT_"
"""Begins the names of the variables."""

MAX_SECRET_BYTES: Final = 4096
"""A longer first line is no secret; web servers refuse a header much beyond it."""

_FILE: Final = "_file"

SettingsT = TypeVar("SettingsT", bound=Settings)


def variable_of(path: str) -> str:
    """Return the variable of our own for the secret at ``path``.

    Examples
    --------
    >>> variable_of("freqai_ext.guardian.token"), variable_of("freqai_ext.news.llm.endpoints.0.api_key")
    ('FREQAI_EXT_GUARDIAN__TOKEN', 'FREQAI_EXT_NEWS__LLM__ENDPOINTS__0__API_KEY')
    """
    return PREFIX + path.removeprefix("freqai_ext.").replace(".", "__").upper()


def routes_of(path: str) -> str:
    """Return where the secret at ``path`` can stand instead of the configuration, as a remedy in a text."""
    return f"the variable {variable_of(path)}, or into a file that {path}{_FILE} names"


class SecretSource:
    """One secret, from the first of its routes that is in use.

    Parameters
    ----------
    settings
        The section that holds the secret and the setting of its file.
    name
        Of the secret in that section.
    path
        Of that section, such as ``"freqai_ext.guardian"``.
    environment
        In place of the process's own.

    Raises
    ------
    SettingsError
        If the file cannot be read, others may write it, or its first line or the variable is no secret.
    """

    def __init__(self, settings: Settings, name: str, path: str, environment: Mapping[str, str] | None = None) -> None:
        file: Path | None = getattr(settings, f"{name}{_FILE}")
        variable = variable_of(f"{path}.{name}")
        given = (os.environ if environment is None else environment).get(variable, "").strip()
        self._setting = f"{path}.{name}{_FILE}"
        self._file = None if file is None else file.expanduser()
        if self._file is not None:
            self.origin, self._value = f"{name}{_FILE}={str(self._file)!r}", self._read(self._file)
        elif given:
            self.origin, self._value = variable, SecretStr(_checked(given, f"{variable}: its value (hidden)"))
        else:
            self._value = getattr(settings, name)
            self.origin = "none" if self._value is None else name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.origin})"

    def current(self) -> SecretStr | None:
        """Return the secret as last read; ``None`` where there is none."""
        return self._value

    def refresh(self) -> bool:
        """Read the file again and return whether the secret is another one now; always False without a file.

        Raises
        ------
        SettingsError
            As the constructor does; the secret stays the one it was.
        """
        if self._file is None:
            return False
        before, self._value = self._value, self._read(self._file)
        return self._value != before

    def _read(self, path: Path) -> SecretStr:
        try:
            _check_mode(self._setting, path, path.stat().st_mode)
            with path.open("rb") as file:
                line = file.readline(MAX_SECRET_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise SettingsError(
                f"{self._setting}: {str(path)!r} cannot be read ({why}); "
                "write the secret into its first line, and let the bot's user read it"
            ) from None
        where = f"{self._setting}: the first line of {str(path)!r}"
        if len(line) > MAX_SECRET_BYTES:
            raise SettingsError(
                f"{where} is longer than {MAX_SECRET_BYTES} bytes; write the secret there and nothing else"
            )
        # Editors of Windows begin a file with a byte order mark.
        text = line.decode("utf-8-sig", errors="replace").strip()
        if not text:
            raise SettingsError(f"{where} is empty; write the secret there")
        return SecretStr(_checked(text, where))


def resolve_secrets(
    settings: SettingsT, path: str = "freqai_ext", environment: Mapping[str, str] | None = None
) -> SettingsT:
    """Return the settings with every secret in them filled from its file or variable, at any depth.

    Parameters
    ----------
    settings
        A section.
    path
        Where it stands.
    environment
        In place of the process's own.

    Raises
    ------
    SettingsError
        As :class:`SecretSource` does, for the first secret that is wrong.
    """
    changes: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        where, value = f"{path}.{name}", getattr(settings, name)
        if holds_secret(field.annotation):
            changes[name] = SecretSource(settings, name, path, environment).current()
        elif isinstance(value, Settings):
            changes[name] = resolve_secrets(value, where, environment)
        elif isinstance(value, tuple) and any(isinstance(item, Settings) for item in value):
            changes[name] = tuple(
                resolve_secrets(item, f"{where}.{index}", environment) for index, item in enumerate(value)
            )
    return settings.model_copy(update=changes)


def holds_secret(annotation: Any) -> bool:
    """Return whether a field of this type is a secret."""
    return annotation is SecretStr or any(holds_secret(part) for part in get_args(annotation))


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Iterate over the sections that a field of this type holds, one or many of each."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from sections_in(part)


def secret_paths(section: type[BaseModel], path: str = "freqai_ext") -> Iterator[str]:
    """Iterate over the paths of all secrets of a section; ``*`` stands for the place in a list."""
    for name, field in section.model_fields.items():
        where = f"{path}.{name}"
        if holds_secret(field.annotation):
            yield where
        for inner in sections_in(field.annotation):
            many = field.annotation is not inner and tuple in _origins(field.annotation)
            yield from secret_paths(inner, f"{where}.*" if many else where)


def check_variables(section: type[BaseModel], environment: Mapping[str, str] | None = None) -> None:
    """Refuse variables of our own that name no secret: a misspelt one would leave its secret unset.

    Raises
    ------
    SettingsError
        Naming the first of them.
    """
    known = {variable_of(path) for path in secret_paths(section)}
    for name in sorted(os.environ if environment is None else environment):
        if not name.upper().startswith(PREFIX) or "__" not in name:
            continue
        if re.sub(r"__\d+__", "__*__", name) not in known:
            shown = [variable.replace("__*__", "__0__") for variable in known]
            raise SettingsError(
                f"{name}: names no secret of freqai_ext; {suggest(name.upper(), shown)}; "
                f"settings that are no secrets are set by FREQTRADE__{name.upper().replace(PREFIX, 'FREQAI_EXT__', 1)}"
            )


def unread_variables(settings: Settings, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the variables of our own that are set for a place in a list which the settings do not have."""
    known = {variable_of(path) for path in _present(settings, "freqai_ext")}
    names = os.environ if environment is None else environment
    return tuple(sorted(name for name in names if name.startswith(PREFIX) and "__" in name and name not in known))


def _present(settings: Settings, path: str) -> Iterator[str]:
    for name, field in type(settings).model_fields.items():
        where, value = f"{path}.{name}", getattr(settings, name)
        if holds_secret(field.annotation):
            yield where
        elif isinstance(value, Settings):
            yield from _present(value, where)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Settings):
                    yield from _present(item, f"{where}.{index}")


def _origins(annotation: Any) -> set[Any]:
    origin = getattr(annotation, "__origin__", None)
    return {origin, *(inner for part in get_args(annotation) for inner in _origins(part))}


def _check_mode(setting: str, path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise SettingsError(f"{setting}: {str(path)!r} is not a plain file; write the secret into one")
    if os.name != "posix":
        return
    if mode & stat.S_IWOTH:
        raise SettingsError(f"{setting}: every user may write {str(path)!r}; run: chmod 600 {path}")
    if mode & stat.S_IROTH:
        _warn_once(f"{setting}: every user may read '{path}'; run: chmod 600 {path}")


@functools.cache
def _warn_once(text: str) -> None:
    # Several parts of a bot read the same file, some of them again and again.
    logger.warning("%s", text)


def _checked(text: str, where: str) -> str:
    # Every secret of ours goes into a header.
    if not text.isascii() or not text.isprintable():
        raise SettingsError(
            f"{where} has characters that are not ASCII, which cannot be sent; write another secret there and at the "
            "service that wants it"
        )
    return text
