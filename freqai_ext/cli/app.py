"""The program ``freqai-ext``: one command each module of this package.

Command modules import what they need inside their functions, so that ``freqai-ext --help`` answers at once.
"""

import sys

import typer

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
from freqai_ext.errors import FreqaiExtError

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


for command in (demo, init, doctor, offline, replay, simulate):
    app.command()(command)
app.command(context_settings=WALKFORWARD_CONTEXT)(walkforward)
app.command(context_settings=EVALUATE_CONTEXT)(evaluate)
app.add_typer(guardian)
app.add_typer(news)


def main() -> None:
    """Run the program; an error of ours is one clear message on stderr and exit code 2."""
    try:
        app()
    except FreqaiExtError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
