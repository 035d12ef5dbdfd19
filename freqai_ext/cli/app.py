"""The program ``freqai-ext``: one command each module of this package.

Command modules import what they need inside their functions, so that ``freqai-ext --help`` answers at once.
"""

import errno
import sys
from typing import Any

import typer
from typer.core import TyperCommand

from freqai_ext import __version__
from freqai_ext.cli.demo import demo
from freqai_ext.cli.doctor import doctor
from freqai_ext.cli.evaluate import CONTEXT as EVALUATE_CONTEXT
from freqai_ext.cli.evaluate import evaluate
from freqai_ext.cli.guardian import app as guardian
from freqai_ext.cli.init import init
from freqai_ext.cli.news import app as news
from freqai_ext.cli.offline import offline
from freqai_ext.cli.replay import replay
from freqai_ext.cli.simulate import simulate
from freqai_ext.cli.walkforward import CONTEXT as WALKFORWARD_CONTEXT
from freqai_ext.cli.walkforward import walkforward
from freqai_ext.errors import FreqaiExtError, SettingsError

app = typer.Typer(
    name="freqai-ext",
    help="Prediction models, strategies and an offline exchange for Freqtrade and FreqAI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    pass


class BehindDashes(TyperCommand):
    """A command that takes a Freqtrade command line, which must stand behind two dashes.

    Before them, Freqtrade's options would be unknown here, or be taken for ours of the same name.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a command line without two dashes, with the one that was meant."""
        if "--" not in args and not set(args) & {"--help"}:
            raise SettingsError(
                f"the Freqtrade command stands behind two dashes: freqai-ext {ctx.info_name} [options] -- freqtrade "
                f"{'trade' if ctx.info_name == 'simulate' else 'backtesting'} -c config.json ..."
            )
        words: list[str] = super().parse_args(ctx, args)
        return words


for command in (demo, init, doctor, replay):
    app.command()(command)
app.command(cls=BehindDashes)(offline)
app.command(cls=BehindDashes)(simulate)
app.command(context_settings=WALKFORWARD_CONTEXT)(walkforward)
app.command(context_settings=EVALUATE_CONTEXT)(evaluate)
app.add_typer(guardian)
app.add_typer(news)


_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR)


def main() -> None:
    """Run the program; an error of ours, or a file that cannot be written, is one clear message and exit code 2."""
    try:
        app()
    except FreqaiExtError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        if error.filename is None or error.errno not in _UNWRITABLE:
            raise
        reason = f"{error.strerror}; make room or change its owner or mode, or name another user directory"
        typer.echo(f"error: {error.filename}: {reason} with --userdir", err=True)
        sys.exit(2)
