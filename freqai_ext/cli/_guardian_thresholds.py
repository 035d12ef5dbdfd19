"""``freqai-ext guardian thresholds``: how many forecasts of a backtest Guardian would act on."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption, bot_command
from freqai_ext.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from freqai_ext.strategies._guardian_odds import Passing

_TABLE_WIDTH = 140


def thresholds(
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    identifier: Annotated[
        str | None, typer.Option(help="Whose predictions to read.", show_default="freqai.identifier")
    ] = None,
    buy_threshold: Annotated[float, typer.Option(min=0, max=1, help="Guardian's ai_buy_threshold.")] = 0.52,
    min_ev_bps: Annotated[float, typer.Option(help="Guardian's ai_min_ev_bps.")] = 12.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Count the forecasts of a backtest that pass Guardian's thresholds, for each horizon and kind of probability.

    Reads what `freqtrade backtesting` or `freqai-ext walkforward` has stored of the configuration. It says how often
    Guardian would be allowed to buy, not whether that would pay.
    """
    from freqai_ext.config import load_ext_settings
    from freqai_ext.strategies._guardian_odds import EVENTS, count_passing, trained_horizons

    command = bot_command(config, userdir)
    settings = load_ext_settings(command.config)
    freqai = command.freqai or {}
    name = identifier or str(freqai.get("identifier") or "")
    if not name:
        raise SettingsError("freqai.identifier: none is set; name the configuration of the backtest, or --identifier")
    predictions = _stored(command.userdir / "models" / name / "backtesting_predictions")
    horizons = trained_horizons(predictions) or (int(freqai.get("feature_parameters", {})["label_period_candles"]),)
    counted = [
        count_passing(
            predictions,
            horizon,
            event,
            settings.signal.round_trip_cost_bps,
            buy_threshold=buy_threshold,
            min_ev_bps=min_ev_bps,
        )
        for horizon in horizons
        for event in EVENTS
    ]
    found = [passing for passing in counted if passing is not None]
    if not found:
        raise SettingsError(f"freqai.identifier: {name!r} has no p_up and ev_bps; choose a model that gives odds")
    if as_json:
        typer.echo(json.dumps([asdict(passing) for passing in found], indent=2))
        return
    first, last = predictions["date"].min(), predictions["date"].max()
    typer.echo(f"{name}: {len(predictions)} forecasts of {predictions['coin'].nunique()} pairs, {first} to {last}")
    _print(found, f"{settings.signal.round_trip_cost_bps:g}", buy_threshold, min_ev_bps)


def _stored(folder: Path) -> "pd.DataFrame":
    """Return all stored predictions, one for each pair and candle; ``coin`` tells the pairs apart."""
    import pandas as pd
    import pyarrow as pa

    parts = []
    for path in sorted(folder.glob("*_prediction.feather")):
        try:
            part = pd.read_feather(path)
        except (pa.ArrowException, OSError) as error:
            raise SettingsError(f"{path}: cannot be read ({error}); delete it, and run the backtest again") from error
        # cb_btc_1740787200_prediction.feather
        parts.append(part.assign(coin=path.name.rsplit("_", 2)[0]))
    if not parts:
        raise SettingsError(
            f"freqai.identifier: {folder} holds no predictions; run freqtrade backtesting or freqai-ext walkforward "
            "with the same configuration first"
        )
    return pd.concat(parts, ignore_index=True).drop_duplicates(["coin", "date"], keep="last")


def _print(found: "Sequence[Passing]", cost_bps: str, buy_threshold: float, min_ev_bps: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    names = ("horizon", "probability", "trusted", "highest p", f"p >= {buy_threshold:g}", "highest ev_bps")
    for name in (*names, f"ev_bps >= {min_ev_bps:g}", "both", "share", "days"):
        table.add_column(name, justify="left" if name == "probability" else "right")
    for one in found:
        cells: tuple[Any, ...] = (
            one.horizon_candles,
            one.probability,
            one.trusted,
            f"{one.highest_probability:.3f}",
            one.probable,
            f"{one.highest_ev_bps:.1f}",
            one.worthwhile,
            one.passing,
            f"{one.passing / max(one.trusted, 1):.2%}",
            one.days,
        )
        table.add_row(*map(str, cells))
    console = Console()
    console.width = max(console.width, _TABLE_WIDTH)
    console.print(table)
    typer.echo(f"ev_bps is net of {cost_bps} bps (freqai_ext.signal.round_trip_cost_bps); horizons are in candles")
