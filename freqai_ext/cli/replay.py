"""``freqai-ext replay``: serves a replay exchange until it is stopped."""

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class TradingModeOption(StrEnum):
    """Markets that can be replayed."""

    SPOT = "spot"
    FUTURES = "futures"


class ClockOption(StrEnum):
    """Clocks of the exchange."""

    WALL = "wall"
    SIM = "sim"


class EndOption(StrEnum):
    """What follows the last candle."""

    STOP = "stop"
    LOOP = "loop"


DataOption = Annotated[
    Path | None, typer.Option(help="Freqtrade data directory (feather); without it a market is generated.")
]
PairsOption = Annotated[
    list[str] | None, typer.Option("--pairs", "-p", help="Pair to serve; repeat it for more, or separate by commas.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of the generated market.")]
FillGapsOption = Annotated[bool, typer.Option("--fill-gaps", help="Fill missing candles instead of refusing them.")]


def replay(
    data: DataOption = None,
    pairs: PairsOption = None,
    port: Annotated[int, typer.Option(help="Port on the loopback interface; 0 takes a free one.")] = 18900,
    seed: SeedOption = 7,
    days: Annotated[int, typer.Option(help="Length of the generated market.")] = 90,
    trading_mode: Annotated[TradingModeOption, typer.Option(help="Market to serve.")] = TradingModeOption.SPOT,
    clock: Annotated[
        ClockOption, typer.Option(help="wall: real time, candles re-dated; sim: settable, candles keep their dates.")
    ] = ClockOption.WALL,
    start: Annotated[
        datetime | None, typer.Option(help="First day of the generated market (UTC).", formats=["%Y-%m-%d"])
    ] = None,
    now: Annotated[
        datetime | None,
        typer.Option(help="Where the sim clock stands at first.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    ] = None,
    history_days: Annotated[
        float | None, typer.Option(help="History behind now on the wall clock; half of the candles by default.")
    ] = None,
    end: Annotated[EndOption, typer.Option(help="At the end of the candles on the wall clock.")] = EndOption.STOP,
    fill_gaps: FillGapsOption = False,
) -> None:
    """Serve candles as Bybit's public REST API on this machine, and print the configuration that uses it."""
    from freqai_ext._settings import parse_settings
    from freqai_ext.replay import ReplayExchange, ReplaySettings

    chosen: dict[str, object] = {"start": start, "now": now, "history_days": history_days, "data": data}
    settings = parse_settings(
        ReplaySettings,
        {name: value for name, value in chosen.items() if value is not None}
        | {
            "pairs": split_pairs(pairs),
            "trading_mode": trading_mode.value,
            "seed": seed,
            "days": days,
            "clock": clock.value,
            "end": end.value,
            "fill_gaps": fill_gaps,
        },
        "replay",
    )
    with ReplayExchange(settings, port=port) as exchange:
        first, last = exchange.span
        kind = "generated market" if data is None else f"candles of {data}"
        typer.echo(f"Replay exchange at {exchange.url}: {kind}, {first:%Y-%m-%d} to {last:%Y-%m-%d}.", err=True)
        typer.echo("Put this into the Freqtrade configuration; stop the exchange with Ctrl-C.", err=True)
        typer.echo(json.dumps(exchange.exchange_config(), indent=2))
        exchange.wait()


def split_pairs(pairs: list[str] | None) -> tuple[str, ...]:
    """Return pairs given one by one or separated by commas."""
    return tuple(pair.strip() for text in pairs or [] for pair in text.split(",") if pair.strip())
