"""``freqai-ext guardian candles``: Guardian's candle cache for Freqtrade."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from freqai_ext.guardian.trades import CandleGap, ConvertedCandles

_GAPS_SHOWN = 3


def candles(
    guardian_data: Annotated[Path, typer.Option(help="Guardian's data directory (bybit_app/_data); only read.")],
    datadir: Annotated[Path, typer.Option(help="Freqtrade's data directory, e.g. user_data/data/bybit.")],
    drop_suspects: Annotated[
        bool,
        typer.Option("--drop-suspects", help="Leave out candles that Guardian may have stored unfinished."),
    ] = False,
) -> None:
    """Add Guardian's hourly candles to Freqtrade's feather files, and report what is missing or was left out.

    Candles that Freqtrade has already are kept. Ends with exit code 1 when nothing could be converted.
    """
    from freqai_ext.guardian.trades import convert_candles

    converted = convert_candles(guardian_data, datadir, drop_suspects=drop_suspects)
    if not converted:
        typer.echo(f"{guardian_data}: the candle cache holds no files like BTCUSDT/BTCUSDT_1h.csv", err=True)
        raise typer.Exit(1)
    _print(converted)
    if all(one.refused for one in converted):
        raise typer.Exit(1)


def _print(converted: "Sequence[ConvertedCandles]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("pair", "rows", "added", "span (UTC)", "gaps", "suspect", "left out"):
        table.add_column(name, justify="right" if name in ("rows", "added", "suspect") else "left", overflow="fold")
    for one in converted:
        name = one.pair or one.symbol
        if one.refused:
            table.add_row(name, "", "", "", "", "", escape(one.refused))
            continue
        left_out = ", ".join(f"{rows} {reason}" for reason, rows in (one.dropped or {}).items())
        span = f"{one.first:%Y-%m-%d %H:%M} to {one.last:%Y-%m-%d %H:%M}"
        table.add_row(
            name, str(one.rows), str(one.rows_added), span, _gaps(one.gaps), str(one.suspects), left_out or "none"
        )
    console = Console()
    console.print(table)
    if any(one.suspects for one in converted):
        console.print(
            "Suspect: the next candle is missing or does not open where this one closed, so it may be unfinished. "
            "Download these candles with Freqtrade, or leave them out with --drop-suspects.",
            highlight=False,
        )


def _gaps(gaps: "Sequence[CandleGap]") -> str:
    if not gaps:
        return "none"
    shown = ", ".join(f"{gap.start:%Y-%m-%d %H:%M} ({gap.candles})" for gap in gaps[:_GAPS_SHOWN])
    missing = sum(gap.candles for gap in gaps)
    more = f" and {len(gaps) - _GAPS_SHOWN} more" if len(gaps) > _GAPS_SHOWN else ""
    return f"{len(gaps)} ({missing} candles): {shown}{more}"
