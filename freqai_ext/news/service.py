"""All that runs beside the bot for news: one thread that searches, judges, shares and writes down."""

import asyncio
import hashlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from freqai_ext._services.secrets import resolve_secrets
from freqai_ext._services.throttle import Throttle
from freqai_ext._services.worker import NEVER, Job, Worker
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.analyst import Analyst, AnalystStatus
from freqai_ext.news.as_of import VerdictHistory, epoch_s
from freqai_ext.news.combine import CombinedSearch
from freqai_ext.news.decision_journal import DecisionJournal
from freqai_ext.news.graphiti import GraphitiClient
from freqai_ext.news.llm import LlmClient
from freqai_ext.news.memory import Memory
from freqai_ext.news.perplexica import PerplexicaClient
from freqai_ext.news.prompt import EarlierVerdict
from freqai_ext.news.records import RECORDED, Decision, Verdict
from freqai_ext.news.replica import Replica, ReplicaState
from freqai_ext.news.search import NewsSearch
from freqai_ext.news.searxng import SearxngClient
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.store import Added, NewsStore
from freqai_ext.news.watchlist import Numbers

logger = logging.getLogger(__name__)

_CANDLES_KEPT: Final = 2_000
_EARLIER_TOLD: Final = 5
_DAY_S: Final = 86_400.0
_WEEK_S: Final = 7 * _DAY_S
_LOADED_S: Final = 30 * _DAY_S
_SHARED_FOR_S: Final = _DAY_S
_AFTER_A_FAULT_S: Final = 60.0


@dataclass(frozen=True)
class NewsStatus:
    """How the services fare; ``None`` for one that is not configured.

    Attributes
    ----------
    analyst
        Search and judgement.
    replica
        The shared memory.
    decisions_lost
        Decisions that could not be written down.
    """

    analyst: AnalystStatus | None
    replica: ReplicaState | None
    decisions_lost: int


@dataclass(frozen=True)
class _Candles:
    dates: pd.Series
    close: pd.Series
    candle_s: float


class NewsService:
    """The news services of a running bot; one is made at its start and stopped at its end.

    All methods but :meth:`start` and :meth:`stop` return at once and may be called in Freqtrade's callbacks: they read
    and write memory only. The verdicts of the last 30 days on assets that are watched are read from the disk beside the
    bot; those on others, or earlier ones, when they are first asked for.

    Without a search, verdicts of other bots are used and none are made.

    Parameters
    ----------
    settings
        ``freqai_ext.news``.
    database
        SQLite file of the store.
    bot
        Name of this bot in the verdicts.
    clock
        UTC seconds.
    memory_horizon_s
        Over how many seconds it is measured what followed a verdict.

    Attributes
    ----------
    store
        Articles, verdicts and decisions.
    history
        The verdicts by the time at which they were available, in memory.
    memory
        What followed them.

    Raises
    ------
    SettingsError
        If there is neither a search nor a shared memory, nobody to judge what is searched, or an address or key that
        cannot be used.
    NewsDataError
        If the database cannot be used.
    """

    def __init__(
        self,
        settings: NewsSettings,
        database: Path,
        bot: str,
        clock: Callable[[], float] = time.time,
        *,
        memory_horizon_s: float = 14_400.0,
    ) -> None:
        settings = resolve_secrets(settings, "freqai_ext.news")
        search = _search(settings, clock)
        llm = LlmClient(settings.llm, clock) if search is not None else None
        graphiti = GraphitiClient(settings.graphiti, clock) if settings.graphiti.url is not None else None
        if search is None and graphiti is None:
            raise SettingsError(
                "freqai_ext.news: neither a search nor a shared memory is set, so there would never be a verdict; set "
                "freqai_ext.news.perplexica.url or freqai_ext.news.searxng.url, with freqai_ext.news.llm.endpoints, or "
                "freqai_ext.news.graphiti.url"
            )
        self._settings, self._clock = settings, clock
        self._watched: frozenset[str] = frozenset()
        self._candles: dict[str, _Candles] = {}
        self.store = NewsStore(database, clock)
        # What an archive's judge said must not decide beside what bots found: a backtest of this store could not tell.
        self.history = VerdictHistory(self.store, 60.0 * settings.max_age_minutes, RECORDED)
        self.memory = Memory(self.history, memory_horizon_s)
        self._journal = DecisionJournal(self.store.add_decision, self._wake)
        self._analyst: Analyst | None = None
        self._replica: Replica | None = None
        jobs: list[Job] = [self._journal, _Loader(self.history, lambda: self._watched)]
        if search is not None and llm is not None:
            self._analyst = Analyst(
                settings,
                search,
                llm,
                self.store,
                clock,
                bot,
                wake=self._wake,
                earlier=self._earlier,
                facts=graphiti.facts if graphiti is not None else None,
                look=self._look if graphiti is not None else None,
                delay_s=_jitter(settings, f"{bot}|{socket.gethostname()}|{database}")
                if graphiti is not None
                else _at_once,
            )
            jobs.append(_WithClients(self._analyst, (search.aclose, llm.aclose)))
        if graphiti is not None:
            self._replica = Replica(
                settings.graphiti,
                graphiti,
                lambda: self.store.pending_replication(since_s=clock() - _SHARED_FOR_S),
                self.store.confirm,
                lambda: self._watched,
                self._receive,
                bot,
                clock,
                max_age_s=60.0 * settings.max_age_minutes,
                history_s=settings.graphiti.history_days * _DAY_S,
            )
            jobs.append(self._replica)
            self.store.subscribe(self._share)
        self._worker = Worker("news-service", jobs, clock)

    def start(self) -> None:
        """Delete what is older than ``retention_days``, and start the thread.

        Raises
        ------
        NewsDataError
            If the database cannot be used.
        """
        if self._settings.retention_days is not None:
            self.store.purge(self._clock() - self._settings.retention_days * 86_400.0)
        interval_s, max_age_s = self._settings.news_check_interval_s, 60.0 * self._settings.max_age_minutes
        if self._analyst is None:
            logger.warning("no search for news is set; only the verdicts of other bots are used")
        elif interval_s > max_age_s:
            logger.warning(
                "freqai_ext.news.news_check_interval_s: an asset's news are searched every %g s at most, but a verdict "
                "is valid for %g s; in between there is none. Set it to %g or less, or raise "
                "freqai_ext.news.max_age_minutes to %g",
                interval_s,
                max_age_s,
                max_age_s,
                interval_s / 60.0,
            )
        self._worker.start()

    def watch(self, assets: Collection[str]) -> None:
        """Have verdicts on these base assets at hand, those of other bots too, in place of those named before."""
        wanted = frozenset(asset.upper() for asset in assets)
        is_new = not wanted <= self._watched
        self._watched = wanted
        if is_new:
            self._wake()

    def request(self, asset: str, numbers: Numbers) -> None:
        """Want a verdict on a base asset: :meth:`Analyst.request`."""
        if self._analyst is not None:
            self._analyst.request(asset, numbers)

    def observe(self, asset: str, candle_dates: pd.Series, close: pd.Series, candle_s: float) -> None:
        """Take closed candles of an asset, opening times in UTC and prices, to tell what followed its verdicts."""
        last = slice(-_CANDLES_KEPT, None)
        self._candles[asset.upper()] = _Candles(candle_dates.iloc[last].copy(), close.iloc[last].copy(), candle_s)

    def record(self, decision: Decision) -> None:
        """Have a decision written down."""
        self._journal.offer(decision)

    def newest(self, asset: str, at_s: float) -> Verdict | None:
        """Return the newest verdict on a base asset that was available at ``at_s``, which may be too old to be valid.

        The newest is the one that was made last: :meth:`VerdictHistory.newest`.

        Raises
        ------
        NewsDataError
            If the asset was not asked for before, and the store cannot be read.
        """
        return self.history.newest(asset.upper(), at_s)

    @property
    def status(self) -> NewsStatus:
        """How the services fare."""
        return NewsStatus(
            self._analyst.status if self._analyst is not None else None,
            self._replica.state if self._replica is not None else None,
            self._journal.lost,
        )

    def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is at work or due, as a simulated clock must before it moves on; False where it is not."""
        return self._worker.settle(timeout_s)

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End searches, write down what was decided and end the thread; waits so many seconds at most, and one more.

        Verdicts that are not confirmed by the shared memory are sent at the next start.

        Returns
        -------
        bool
            False where something was cut off.
        """
        in_time = self._worker.stop(timeout_s)
        if not in_time:
            logger.warning("the news services did not end within %g s", timeout_s)
        self.store.close()
        return in_time

    async def _look(self, asset: str) -> None:
        if self._replica is not None:
            await self._replica.look(asset)

    def _wake(self) -> None:
        self._worker.wake()

    def _share(self, added: Added) -> None:
        if added.verdict is not None and added.verdict.origin == "live":
            self._wake()

    def _receive(self, verdict: Verdict) -> bool:
        return self.store.add_verdict(verdict)

    def _earlier(self, asset: str, before_s: float) -> Sequence[EarlierVerdict]:
        candles = self._candles.get(asset)
        if candles is None:
            verdicts = self.store.verdicts(asset, before_s - _WEEK_S, before_s, judge=RECORDED)[-_EARLIER_TOLD:]
            return [_earlier_verdict(verdict, None) for verdict in verdicts]
        has_closed = epoch_s(candles.dates) + candles.candle_s <= before_s
        outcomes = self.memory.outcomes(
            asset, candles.dates[has_closed], candles.close[has_closed], candles.candle_s, _EARLIER_TOLD
        )
        return [_earlier_verdict(outcome.verdict, outcome.followed_by) for outcome in outcomes]


class _Loader:
    """Reads the verdicts on assets before a callback asks for them, which must not wait for the disk."""

    def __init__(self, history: VerdictHistory, wanted: Callable[[], frozenset[str]]) -> None:
        self._history, self._wanted = history, wanted
        self._loaded: frozenset[str] = frozenset()
        self._failures = Throttle()

    async def run(self, now_s: float) -> float:
        wanted = self._wanted()
        try:
            for asset in sorted(wanted - self._loaded):
                await asyncio.to_thread(self._history.record, asset, now_s - _LOADED_S)
                self._loaded |= {asset}
        except NewsDataError as error:
            if self._failures.passes():
                logger.warning("earlier verdicts are not read, times=%d: %s", self._failures.count, error)
            return now_s + _AFTER_A_FAULT_S
        return NEVER

    async def close(self) -> None:
        pass


class _WithClients:
    """Runs a job, and closes its clients when the job is closed."""

    def __init__(self, job: Job, closings: Sequence[Callable[[], Awaitable[None]]]) -> None:
        self._job, self._closings = job, closings

    async def run(self, now_s: float) -> float:
        return await self._job.run(now_s)

    async def close(self) -> None:
        try:
            await self._job.close()
        finally:
            await asyncio.gather(*(close() for close in self._closings), return_exceptions=True)


def _at_once(_asset: str, _now_s: float) -> float:
    return 0.0


def _jitter(settings: NewsSettings, bot: str) -> Callable[[str, float], float]:
    """Return by how many seconds a bot's search for an asset is put off: another time for each bot, asset and interval.

    Bots that see the same candles want the same news at the same moment. The first of them searches, and the others
    find its verdict in the shared memory when it is their turn.
    """
    interval_s = settings.news_check_interval_s
    longest_s = min(settings.graphiti.search_jitter_s, interval_s / 10.0)

    def delay_s(asset: str, now_s: float) -> float:
        drawn = hashlib.sha256(f"{bot}|{asset}|{now_s // interval_s:.0f}".encode("utf-8", "replace")).digest()
        return longest_s * int.from_bytes(drawn[:8]) / 2**64

    return delay_s


def _search(settings: NewsSettings, clock: Callable[[], float]) -> NewsSearch | None:
    searches: list[NewsSearch] = []
    if settings.perplexica.url is not None:
        searches.append(PerplexicaClient(settings.perplexica, clock))
    if settings.searxng.url is not None:
        searches.append(SearxngClient(settings.searxng, clock))
    if len(searches) > 1:
        return CombinedSearch(searches)
    return searches[0] if searches else None


def _earlier_verdict(verdict: Verdict, followed_by: float | None) -> EarlierVerdict:
    # Of another bot's, when it was made tells what it was about; that it arrived later is of no use to a model.
    return EarlierVerdict(verdict.age_from_s, verdict.impact_score, verdict.sentiment, followed_by)
