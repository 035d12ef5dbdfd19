"""The store of news under load: ``python -m benchmarks.news_store --articles 300000 --candles 52128``.

An archive of that many pieces is made up and imported, a verdict for every hour of the candles is stored, and both are
joined to the candles: with nothing in memory, as the first time, and again. Printed are the times, and what one look at
the newest verdict takes, which is all that a callback of the strategy reads. Exit code 1 where a limit is broken.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from freqai_ext.news.archive import import_archive
from freqai_ext.news.as_of import VerdictHistory, coverage
from freqai_ext.news.records import Verdict
from freqai_ext.news.store import NewsStore

START = datetime(2025, 1, 1, tzinfo=UTC)
ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "LTC")
CANDLE_S = 300.0
MAX_AGE_S = 5_400.0
IMPORT_LIMIT_S, JOIN_LIMIT_MS, READ_LIMIT_MS = 60.0, 200.0, 1.0
READS = 20_000


def write_archive(path: Path, articles: int, span_s: float) -> None:
    """Write pieces at even times, each about one asset or two, of the length that headlines have."""
    with path.open("w") as file:
        for number in range(articles):
            at = START + timedelta(seconds=span_s * number / articles)
            names = [ASSETS[number % len(ASSETS)], ASSETS[(number // 7) % len(ASSETS)]]
            line = {
                "published_at": at.isoformat(),
                "title": f"{names[0]} number {number}: an exchange says what it means to do about withdrawals",
                "text": "It says that it will come back to it. " * 4,
                "currencies": sorted(set(names)),
                "url": f"https://example.com/{number}",
            }
            file.write(json.dumps(line) + "\n")


def verdicts(span_s: float) -> list[Verdict]:
    """Return a verdict on BTC for every hour."""
    draw = np.random.default_rng(7)
    return [
        Verdict(
            id=f"verdict-{hour}",
            asset="BTC",
            available_at_s=START.timestamp() + 3_600.0 * hour,
            impact_score=float(draw.uniform()),
            sentiment=("positive", "negative", "neutral")[hour % 3],
            confidence=float(draw.uniform()),
            reasoning="made up",
            model="load",
            prompt_version="1",
            prompt_sha256=f"{hour:064x}",
            article_ids=(),
            origin="synthetic",
            bot="load",
        )
        for hour in range(int(span_s // 3_600))
    ]


def took_s(call: Callable[[], object]) -> float:
    """Return what a call took, in seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure(articles: int, candles: int, folder: Path) -> list[tuple[str, float, float]]:
    """Return what was measured, each with its limit, both in the unit that the name tells."""
    span_s = candles * CANDLE_S
    archive, database = folder / "archive.jsonl", folder / "news.sqlite"
    write_archive(archive, articles, span_s)
    store = NewsStore(database)
    import_s = took_s(lambda: import_archive(store, archive))
    store.add_verdicts(verdicts(span_s))
    store.close()
    dates = pd.Series(pd.date_range(START, periods=candles, freq=pd.Timedelta(seconds=CANDLE_S)))
    recorded = NewsStore.recorded(database)
    history = VerdictHistory(recorded, MAX_AGE_S)
    cold_ms, warm_ms = (1e3 * took_s(lambda: history.columns("BTC", dates, CANDLE_S)) for _ in range(2))
    print(f"{100 * coverage(history.columns('BTC', dates, CANDLE_S)):.0f} % of {candles} candles have a valid verdict")
    end_s = START.timestamp() + span_s
    reads_ms = [1e3 * took_s(lambda: history.newest("BTC", end_s)) for _ in range(READS)]
    recorded.close()
    return [
        (f"import of {articles} articles, seconds", import_s, IMPORT_LIMIT_S),
        (f"join of {candles} candles with nothing in memory, ms", cold_ms, JOIN_LIMIT_MS),
        (f"join of {candles} candles, ms", warm_ms, JOIN_LIMIT_MS),
        (f"newest verdict, median of {READS}, ms", statistics.median(reads_ms), READ_LIMIT_MS),
        (f"newest verdict, 99 % of {READS}, ms", sorted(reads_ms)[int(0.99 * READS)], READ_LIMIT_MS),
    ]


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--articles", type=int, default=300_000)
    parser.add_argument("--candles", type=int, default=52_128)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="news-store-") as folder:
        measured = measure(options.articles, options.candles, Path(folder))
    for name, value, limit in measured:
        print(f"{name}: {value:.4g} (limit {limit:g})")
    return 0 if all(value < limit for _, value, limit in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
