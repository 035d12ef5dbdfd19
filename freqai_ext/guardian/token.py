"""The token that Guardian wants: from the settings or from a file, which is read again when Guardian refuses it."""

import logging
import os
import stat
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from freqai_ext.errors import SettingsError
from freqai_ext.guardian.settings import GuardianSettings

logger = logging.getLogger(__name__)

MAX_TOKEN_BYTES: Final = 4096
"""A longer first line is no token; web servers refuse a header much beyond it."""

_SETTING: Final = "freqai_ext.guardian.token_file"


class TokenSource:
    """The current token. Contract, section 2: it must be ASCII, and it may change without a restart.

    Parameters
    ----------
    settings
        ``token_file`` wins over ``token``; with neither there is no token.

    Raises
    ------
    SettingsError
        If ``token_file`` cannot be read, others may write it, or its first line is no token.
    """

    def __init__(self, settings: GuardianSettings) -> None:
        self._path = settings.token_file.expanduser() if settings.token_file is not None else None
        self._warned = False
        self._token = settings.token if self._path is None else self._read(self._path)

    def __repr__(self) -> str:
        origin = f"token_file={str(self._path)!r}" if self._path else "token" if self._token else "none"
        return f"TokenSource({origin})"

    def current(self) -> SecretStr | None:
        """Return the token as last read; ``None`` where there is none."""
        return self._token

    def refresh(self) -> bool:
        """Read the file again and return whether the token is another one now; always False without a file.

        Raises
        ------
        SettingsError
            As the constructor does; the token stays the one it was.
        """
        if self._path is None:
            return False
        before, self._token = self._token, self._read(self._path)
        return self._token != before

    def _read(self, path: Path) -> SecretStr:
        try:
            self._check_mode(path, path.stat().st_mode)
            with path.open("rb") as file:
                line = file.readline(MAX_TOKEN_BYTES + 1)
        except OSError as error:
            raise SettingsError(
                f"{_SETTING}: {str(path)!r} cannot be read ({error.strerror}); "
                "write the token into its first line, and let the bot's user read it"
            ) from None
        return SecretStr(_token_of(line, path))

    def _check_mode(self, path: Path, mode: int) -> None:
        if not stat.S_ISREG(mode):
            raise SettingsError(f"{_SETTING}: {str(path)!r} is not a plain file; write the token into one")
        if os.name != "posix":
            return
        if mode & stat.S_IWOTH:
            raise SettingsError(f"{_SETTING}: every user may write {str(path)!r}; run: chmod 600 {path}")
        if mode & stat.S_IROTH and not self._warned:
            self._warned = True
            logger.warning("%s: every user may read '%s'; run: chmod 600 %s", _SETTING, path, path)


def _token_of(line: bytes, path: Path) -> str:
    if len(line) > MAX_TOKEN_BYTES:
        raise SettingsError(
            f"{_SETTING}: the first line of {str(path)!r} is longer than {MAX_TOKEN_BYTES} bytes; "
            "write the token there and nothing else"
        )
    try:
        # Editors of Windows begin a file with a byte order mark.
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        text = "\N{REPLACEMENT CHARACTER}"
    if not text:
        raise SettingsError(f"{_SETTING}: the first line of {str(path)!r} is empty; write the token there")
    if not text.isascii() or not text.isprintable():
        raise SettingsError(
            f"{_SETTING}: the first line of {str(path)!r} has characters that are not ASCII, with which nobody can "
            "log in to Guardian; write another token there and into Guardian's freqai_api_token"
        )
    return text
