"""How a strategy gets at news: recorded where the past is replayed, from the running services otherwise."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from freqai_ext.news.as_of import VerdictHistory
from freqai_ext.news.judges import choose_judge
from freqai_ext.news.memory import Memory
from freqai_ext.news.offline import no_network
from freqai_ext.news.records import Decision, Verdict
from freqai_ext.news.service import NewsService
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.store import NewsStore
from freqai_ext.news.watchlist import Numbers


class NewsDesk(Protocol):
    """What a strategy asks of news. None of it waits for a network."""

    def columns(self, asset: str, candles: pd.DataFrame, candle_s: float) -> pd.DataFrame:
        """Return what was known of the asset's news, and of what followed earlier ones, when each candle closed."""

    def newest(self, asset: str, at_s: float) -> Verdict | None:
        """Return the newest verdict that was available at ``at_s`` (UTC seconds), which may be too old."""

    def watch(self, assets: Collection[str]) -> None:
        """Have other bots' verdicts on these assets read, where there are any."""

    def request(self, asset: str, numbers: Numbers) -> None:
        """Have the news of an asset looked at, where that is possible."""

    def note(self, decision: Decision) -> None:
        """Write a decision into the journal, where there is one."""

    def stop(self) -> None:
        """End what runs."""


class ReplayDesk:
    """News as they were recorded. Nothing is asked and nothing written, and the network is out of bounds."""

    def __init__(self, settings: NewsSettings, database: Path, memory_s: float) -> None:
        store = NewsStore.recorded(database)
        judge = choose_judge(store, settings.judge)
        self._history = VerdictHistory(store, 60.0 * settings.max_age_minutes, judge)
        self._memory = Memory(self._history, memory_s)

    def columns(self, asset: str, candles: pd.DataFrame, candle_s: float) -> pd.DataFrame:
        """Return the recorded columns."""
        with no_network():
            return _columns(self._history, self._memory, asset, candles, candle_s)

    def newest(self, asset: str, at_s: float) -> Verdict | None:
        """Return the newest recorded verdict."""
        with no_network():
            return self._history.newest(asset, at_s)

    def watch(self, assets: Collection[str]) -> None:
        """Do nothing: what other bots said is recorded."""

    def request(self, asset: str, numbers: Numbers) -> None:
        """Do nothing: the past has said all that it had to say."""

    def note(self, decision: Decision) -> None:
        """Do nothing: a backtest's decisions are in its trades."""

    def stop(self) -> None:
        """Nothing runs."""

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("open the desk again in another process")


class LiveDesk:
    """News by the running services."""

    def __init__(
        self,
        settings: NewsSettings,
        database: Path,
        bot: str,
        memory_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = NewsService(settings, database, bot, clock, memory_horizon_s=memory_s)
        self._service.start()

    def columns(self, asset: str, candles: pd.DataFrame, candle_s: float) -> pd.DataFrame:
        """Return the columns of what is known by now."""
        self._service.observe(asset, candles["date"], candles["close"], candle_s)
        return _columns(self._service.history, self._service.memory, asset, candles, candle_s)

    def newest(self, asset: str, at_s: float) -> Verdict | None:
        """Return the newest verdict, from memory."""
        return self._service.newest(asset, at_s)

    def watch(self, assets: Collection[str]) -> None:
        """Have other bots' verdicts on these assets read."""
        self._service.watch(assets)

    def request(self, asset: str, numbers: Numbers) -> None:
        """Have the analyst look at an asset."""
        self._service.request(asset, numbers)

    def note(self, decision: Decision) -> None:
        """Have a decision written."""
        self._service.record(decision)

    def stop(self) -> None:
        """End the services."""
        self._service.stop()


def at_end(candles: pd.DataFrame, column: str, before: int = 0) -> float:
    """Return a column's last value, or that of some candles before; a row of a frame is too slow for a callback."""
    return float(candles[column].to_numpy()[-1 - before])


def numbers_of(candles: pd.DataFrame, candle_s: float, rsi: float, urgent: bool) -> Numbers:
    """Return what the judge of the news is told of an asset's last closed candle."""
    day, close = round(86_400 / candle_s), at_end(candles, "close")
    before = at_end(candles, "close", day) if len(candles) > day else None
    return Numbers(close, close / before - 1.0 if before else None, rsi, urgent)


def _columns(
    history: VerdictHistory, memory: Memory, asset: str, candles: pd.DataFrame, candle_s: float
) -> pd.DataFrame:
    """Return the columns of verdicts and of what followed earlier ones."""
    news = history.columns(asset, candles["date"], candle_s)
    return pd.concat([news, memory.columns(asset, candles["date"], candles["close"], candle_s, news)], axis=1)
