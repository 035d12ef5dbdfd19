"""The commands that follow ``freqai-ext init``."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from freqai_ext.scaffold.userdir import ScaffoldReport

_STRATEGY = "FreqAIExampleStrategy"
_MODEL = "CatboostRegressor"
# Two training windows of the starting configuration: a first result within minutes.
_GENERATED_TIMERANGE = "20260601-20260615"
# What the backtest needs before its first day: 15 days of training and the warm-up of the 1h features.
_DOWNLOAD_DAYS = 60
_BACKTEST_DAYS = 14


@dataclass(frozen=True)
class NextSteps:
    """Shell commands, ready to paste.

    Parameters
    ----------
    offline
        Backtest on a generated market: needs no internet and no downloaded candles.
    with_candles
        Download real candles, backtest on them, and run the bot dry.
    """

    offline: str
    with_candles: tuple[str, ...]


def next_steps(report: ScaffoldReport) -> NextSteps:
    """Return the commands that work on the user directory that ``report`` describes."""
    where = f"--userdir {shlex.quote(str(report.userdir))} -c {shlex.quote(str(report.config))}"
    today = datetime.now(UTC)
    recent = f"{today - timedelta(days=_BACKTEST_DAYS):%Y%m%d}-{today:%Y%m%d}"
    classes = f"--strategy {_STRATEGY} --freqaimodel {_MODEL}"
    return NextSteps(
        offline=f"freqai-ext offline -- freqtrade backtesting {where} {classes} --timerange {_GENERATED_TIMERANGE}",
        with_candles=(
            f"freqtrade download-data {where} --timeframes 5m 15m 1h --days {_DOWNLOAD_DAYS}",
            f"freqtrade backtesting {where} {classes} --timerange {recent}",
            f"freqtrade trade {where} {classes}",
        ),
    )
