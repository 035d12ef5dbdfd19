"""The options ``--config`` and ``--userdir`` of commands that go by a bot's configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from freqai_ext.cli._freqtrade_command import FreqtradeCommand

ConfigOption = Annotated[
    list[Path] | None, typer.Option("--config", "-c", help="Configuration file; may be given more than once.")
]
UserdirOption = Annotated[Path | None, typer.Option("--userdir", "--user-data-dir", help="User directory.")]


def bot_command(config: list[Path] | None, userdir: Path | None) -> "FreqtradeCommand":
    """Return ``freqtrade trade`` with these options, as Freqtrade reads it, environment variables included."""
    from freqai_ext.cli._freqtrade_command import parse_command

    words = ["trade", *(word for path in config or () for word in ("-c", str(path)))]
    return parse_command([*words, *(["--userdir", str(userdir)] if userdir else [])])
