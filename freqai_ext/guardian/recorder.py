"""Guardian's features without a bot: what they are now, what was recorded, and recording them."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from freqai_ext._services.worker import Worker
from freqai_ext.guardian._network_check import NetworkCheck
from freqai_ext.guardian._with_client import WithClient
from freqai_ext.guardian.client import FEATURES_PER_CALL, GuardianClient
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow, flatten
from freqai_ext.guardian.history import FeatureHistory
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.poller import FeaturePoller
from freqai_ext.guardian.schema import SCHEMA
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol

_LOOK_EVERY_S = 1.0


def current_features(settings: GuardianSettings, pairs: Sequence[str]) -> pd.DataFrame:
    """Ask Guardian once for the features of ``pairs``.

    Returns
    -------
    DataFrame
        A row for each pair that came back, indexed by Guardian's symbol, ascending; float64 columns as in
        :data:`~freqai_ext.guardian.schema.SCHEMA`, NaN where Guardian gave none, and ``fetched_at_s``. Empty, with the
        same columns, where no pair came back.

    Raises
    ------
    GuardianError
        If Guardian does not answer as it should, or is on another network than ``freqai_ext.guardian.network``.
    """
    rows, fetched_at_s = asyncio.run(_fetch(settings, pairs))
    columns = [column.name for column in SCHEMA]
    frame = pd.DataFrame([row.values for row in rows], index=[row.symbol for row in rows], columns=columns, dtype=float)
    return frame.rename_axis("symbol").assign(fetched_at_s=fetched_at_s).sort_index()


def recorded_features(
    settings: GuardianSettings, database: Path, pair: str, candle_dates: pd.Series, candle_s: float
) -> pd.DataFrame:
    """Return what had been recorded of a pair when each candle closed; see :meth:`FeatureHistory.columns`."""
    history = FeatureHistory(FeatureStore.recorded(database), settings.features.max_age_min)
    return history.columns(pair, candle_dates, candle_s)


def record_features(
    settings: GuardianSettings,
    database: Path,
    pairs: Sequence[str],
    ended: threading.Event,
    on_row: Callable[[float], None] = lambda _: None,
) -> None:
    """Poll and record features until ``ended`` is set. For when no bot runs: a bot records by itself.

    Parameters
    ----------
    database
        The file that the bot will read: ``freqai_ext.guardian.database`` or its default.
    on_row
        Called with the time (UTC seconds) of each answer that was recorded, in the polling thread.

    Raises
    ------
    GuardianDataError
        If the database cannot be used.
    """
    store = FeatureStore(database)
    store.subscribe(lambda _, fetched_at_s: on_row(fetched_at_s))
    metrics = GuardianMetrics(time.time)
    if settings.metrics_port is not None:
        metrics.serve(settings.metrics_port)
    client = GuardianClient(settings)
    poller = FeaturePoller(settings, client, store, metrics, lambda: pairs)
    worker = Worker("guardian-recorder", [WithClient(poller, client)])
    worker.start()
    try:
        while not ended.wait(_LOOK_EVERY_S):
            pass
    finally:
        worker.stop(settings.shutdown_timeout_s)
        metrics.close()
        store.close()


async def _fetch(settings: GuardianSettings, pairs: Sequence[str]) -> tuple[list[FeatureRow], float]:
    sent = (guardian_symbol(pair) for pair in pairs)
    symbols = sorted({canonical_symbol(symbol) for symbol in sent if symbol is not None})
    client = GuardianClient(settings)
    check = NetworkCheck(client, settings)
    rows: list[FeatureRow] = []
    try:
        for at in range(0, len(symbols), FEATURES_PER_CALL):
            chunk = symbols[at : at + FEATURES_PER_CALL]
            answer = await client.features(chunk)
            await check.check(answer)
            rows += [flatten(pair) for pair in answer.pairs if pair.symbol in chunk]
    finally:
        await client.aclose()
    return rows, time.time()
