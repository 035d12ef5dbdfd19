"""All that runs beside the bot for Guardian: one thread that pushes forecasts and polls features."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from freqai_ext._services.worker import Job, Worker
from freqai_ext.guardian._with_client import WithClient
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.history import FeatureHistory
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.opinion import OpinionSet
from freqai_ext.guardian.poller import FeaturePoller
from freqai_ext.guardian.publisher import Publisher, PublisherStatus
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.trade_book import TradeBook

logger = logging.getLogger(__name__)

_TRADES_EVERY_S = 60.0


class Sidecar:
    """The services of a running bot; one is made at its start and stopped at its end.

    Parameters
    ----------
    settings
        ``freqai_ext.guardian``.
    database
        SQLite file of journal and feature history.
    universe
        Tells Freqtrade's names of all pairs; called in the sidecar's thread.
    clock
        UTC seconds.
    suspension
        Returns why no forecast may stand at present, ``None`` while the bot is at work; called in the sidecar's thread.

    Raises
    ------
    GuardianDataError
        If the database cannot be used.
    """

    def __init__(
        self,
        settings: GuardianSettings,
        database: Path,
        universe: Callable[[], Sequence[str]],
        clock: Callable[[], float] = time.time,
        suspension: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._metrics = GuardianMetrics(clock)
        self._engine = open_database(database)
        self._publisher: Publisher | None = None
        self._history: FeatureHistory | None = None
        self._trades = open_trade_book(settings)
        jobs: list[Job] = []
        if settings.publish:
            client = GuardianClient(settings)
            journal = Journal(self._engine, settings.journal_days, clock)
            self._publisher = Publisher(
                settings, client, journal, self._metrics, universe, self._wake, clock, suspension
            )
            jobs.append(WithClient(self._publisher, client))
        if settings.features.enabled:
            client = GuardianClient(settings)
            store = FeatureStore(self._engine)
            store.purge(clock() - settings.features.retention_days * 86_400)
            self._history = FeatureHistory(store, settings.features.max_age_min)
            poller = FeaturePoller(settings, client, store, self._metrics, universe, clock)
            jobs.append(WithClient(poller, client))
        if self._trades is not None:
            jobs.append(_TradeReader(self._trades))
        self._worker = Worker("guardian-sidecar", jobs, clock)

    def start(self) -> None:
        """Start the thread, and the metrics where a port is set."""
        if self._settings.metrics_port is not None:
            self._metrics.serve(self._settings.metrics_port)
        self._worker.start()

    def offer(self, opinions: OpinionSet) -> None:
        """Have opinions pushed, in place of any that still wait; returns at once."""
        if self._publisher is not None:
            self._publisher.offer(opinions)

    @property
    def status(self) -> PublisherStatus | None:
        """How the publisher fares; ``None`` where nothing is published."""
        return self._publisher.status if self._publisher else None

    @property
    def history(self) -> FeatureHistory | None:
        """The recorded features, as far as they are known; ``None`` where they are not polled."""
        return self._history

    @property
    def trades(self) -> TradeBook | None:
        """Guardian's own trades; ``None`` where they are not read."""
        return self._trades

    def stop(self) -> None:
        """Tell Guardian the last word and end the thread; waits ``shutdown_timeout_s`` at most, and a second."""
        if not self._worker.stop(self._settings.shutdown_timeout_s):
            logger.warning("%s did not hear the last word; the next start takes the old one back", self._settings.url)
        self._metrics.close()
        self._engine.dispose()

    def _wake(self) -> None:
        self._worker.wake()


def recorded_features(settings: GuardianSettings, database: Path) -> FeatureHistory | None:
    """Return the feature history of a database that something else writes, for backtests; no network is used."""
    if not settings.features.enabled:
        return None
    return FeatureHistory(FeatureStore.recorded(database), settings.features.max_age_min)


def recorded_state(database: Path, until_s: float) -> tuple[int, float]:
    """Return how many rows of features a database held at ``until_s`` (UTC seconds), and when the newest was known."""
    if not database.expanduser().is_file():
        return 0, 0.0
    store = FeatureStore.recorded(database)
    try:
        return store.state(until_s)
    finally:
        store.close()


def open_trade_book(settings: GuardianSettings) -> TradeBook | None:
    """Return Guardian's trades where ``freqai_ext.guardian.trades.data_dir`` names them."""
    trades = settings.trades
    return TradeBook(trades.data_dir, trades.network) if trades.data_dir is not None else None


class _TradeReader:
    """Reads Guardian's trade journal when it has changed."""

    def __init__(self, trades: TradeBook) -> None:
        self._trades = trades

    async def run(self, now_s: float) -> float:
        await asyncio.to_thread(self._trades.refresh)
        return now_s + _TRADES_EVERY_S

    async def close(self) -> None:
        pass
