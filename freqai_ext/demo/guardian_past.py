"""Features recorded before the bot was there, so that its first training has some."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from freqai_ext.demo.market import DemoMarket
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.poller import FeaturePoller
from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings
from freqai_ext.guardian.settings import GuardianSettings

RECORDED_DAYS = 4


def record_past(market: DemoMarket, database: Path, progress: Callable[[float], None]) -> None:
    """Poll a reference Guardian's features every five minutes of the days before the live run.

    Parameters
    ----------
    database
        SQLite file that is made.
    progress
        Told the share that is done, in [0, 1].
    """
    settings = SandboxSettings(data=market.datadir, clock="sim", now=market.live_start - timedelta(days=RECORDED_DAYS))
    with Sandbox(settings) as sandbox:
        asyncio.run(_record(sandbox, market, database, progress))


async def _record(sandbox: Sandbox, market: DemoMarket, database: Path, progress: Callable[[float], None]) -> None:
    settings = GuardianSettings(url=sandbox.url)
    client, store = GuardianClient(settings), FeatureStore(database)
    end_s = market.live_start.timestamp()
    start_s = now_s = end_s - timedelta(days=RECORDED_DAYS).total_seconds()
    metrics = GuardianMetrics(lambda: now_s)
    poller = FeaturePoller(settings, client, store, metrics, lambda: market.pairs, lambda: now_s)
    try:
        while now_s < end_s:
            sandbox.set_clock(now_s)
            await poller.run(now_s)
            now_s += settings.features.poll_interval_s
            progress((now_s - start_s) / (end_s - start_s))
    finally:
        await client.aclose()
        metrics.close()
        store.close()
