"""Which candles a Freqtrade command needs, and whether they are there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from freqai_ext.cli._freqtrade_command import FreqtradeCommand
from freqai_ext.errors import MarketDataError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.replay import CandleStore

DEFAULT_WINDOW = (datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 5, 1, tzinfo=UTC))
"""What a generated market is asked for when the command has no ``--timerange``."""

_STARTUP_CANDLES = 200
_STARTUP_FACTOR = 3


@dataclass(frozen=True)
class Window:
    """The time a command looks at: half-open ``[start, end)``, and what it needs before it."""

    start: datetime
    end: datetime
    history: timedelta

    @property
    def first(self) -> datetime:
        """The earliest candle that is needed."""
        return self.start - self.history


def window_of(command: FreqtradeCommand) -> Window:
    """Return the window of ``--timerange``; where that is open, 60 days, and without one the default window."""
    start, end = command.timerange()
    span = DEFAULT_WINDOW[1] - DEFAULT_WINDOW[0]
    if start is None and end is None:
        start, end = DEFAULT_WINDOW
    start = start or _required(end) - span
    end = end or start + span
    if end <= start:
        raise SettingsError(
            f"--timerange: ends at {end:%Y-%m-%d}, not after its start; write it like 20250301-20250501"
        )
    return Window(start, end, history_of(command))


def history_of(command: FreqtradeCommand) -> timedelta:
    """Return how much time before its start a command needs: FreqAI's training window and indicator start-up.

    FreqAI asks for three times its start-up candles of the longest timeframe in live mode; a strategy without
    FreqAI gets the 1,000 candles that one request to the exchange returns.
    """
    from freqai_ext.replay.timeframe import timeframe_ms

    longest = timedelta(milliseconds=max(timeframe_ms(one) for one in command.timeframes or ("5m",)))
    freqai = command.freqai
    if freqai is None:
        return max(longest * 1000, timedelta(days=1))
    periods = freqai.get("feature_parameters", {}).get("indicator_periods_candles") or [0]
    startup: int = max(_STARTUP_CANDLES, int(command.config.get("startup_candle_count") or 0), *periods)
    training = timedelta(days=float(freqai.get("train_period_days", 0)))
    return max(training + longest * startup * _STARTUP_FACTOR, longest * 1000)


def served_pairs(command: FreqtradeCommand, available: Sequence[str] | None, extra: Sequence[str]) -> tuple[str, ...]:
    """Return the pairs to serve: those given, else those the command names; patterns are matched to ``available``.

    Raises
    ------
    SettingsError
        When no pair is named, or one is a pattern and there is nothing to match it to.
    """
    import re

    named = tuple(extra) or command.pairs
    if not named:
        if available:
            return tuple(available)
        raise SettingsError("exchange.pair_whitelist: empty; name pairs there, or with --pairs BTC/USDT")
    # Names may hold a dot or a dollar, too: what has candles is a name.
    patterns = [pair for pair in named if re.search(r"[^\w/:-]", pair) and pair not in (available or ())]
    if not patterns:
        return named
    if available is None:
        raise SettingsError(
            f"exchange.pair_whitelist: {patterns[0]!r} is a pattern, and a generated market needs names; "
            "name pairs with --pairs BTC/USDT"
        )
    matched = [pair for pair in available if any(re.fullmatch(one, pair, re.IGNORECASE) for one in named)]
    return tuple(dict.fromkeys([*(pair for pair in named if pair not in patterns), *matched]))


def check_coverage(
    store: "CandleStore", pairs: Sequence[str], timeframes: Sequence[str], window: Window | None
) -> Iterator[str]:
    """Check that the pairs have candles in the window, in every timeframe; yield a line for each that has only some.

    A pair that is listed or delisted inside the window is served as far as it goes, as an exchange does.

    Raises
    ------
    MarketDataError
        When a pair has no candles of a timeframe, or no pair has any at the start of the window; naming the pair, what
        it has and what is asked for.
    """
    begun = False
    faults, partial = [], []
    for pair in pairs:
        history = store.history(pair)
        for timeframe in timeframes:
            history.candles(timeframe)
        if window is None:
            continue
        first, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (history.base.open_ms[0], history.base.end_ms))
        span = f"{store.path(pair, history.base.timeframe)}: has candles from {first:%Y-%m-%d} to {end:%Y-%m-%d}"
        if first > window.start or end <= window.start:
            faults.append(f"{span}, none at {window.start:%Y-%m-%d} where the run starts")
        else:
            begun = True
        if first > window.start or end < window.end:
            partial.append(f"{span} only; {pair} is listed for that time")
    if faults and not begun:
        raise MarketDataError(f"{faults[0]}; choose another time, or download more")
    yield from partial


def _required(moment: datetime | None) -> datetime:
    if moment is None:
        raise SettingsError("--timerange: has neither start nor end; write it like 20250301-20250501")
    return moment
