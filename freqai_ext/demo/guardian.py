"""The demonstration of the Guardian sidecar: the whole circle, on a simulated clock."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqai_ext.demo.command import run_command
from freqai_ext.demo.guardian_past import record_past
from freqai_ext.demo.market import DemoMarket
from freqai_ext.errors import DemoError
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.journal_reader import JournalReader, PushRecord
from freqai_ext.scaffold import SIDECAR_CONFIG_NAME, init_userdir

HOURS = 6
_TRAINING_DAYS = 15
_RETRAIN = "0 */2 * * *"

_RECORDED = re.compile(r"(\S+): (Guardian features were recorded for .* of the training window.*)")
_READ_BACK = re.compile(r"read back: .*")


@dataclass(frozen=True)
class Told:
    """What Guardian was told of one pair: the last forecast before the end.

    Attributes
    ----------
    symbol
        As it was sent.
    probability, ev_bps, confidence
        The forecast; ``confidence`` is ``None`` where there was none.
    """

    symbol: str
    probability: float
    ev_bps: float
    confidence: float | None


@dataclass(frozen=True)
class GuardianReport:
    """What the demonstration has made.

    Attributes
    ----------
    live
        Summary of the simulated run, as ``freqai-ext simulate --summary`` writes it.
    trainings
        What the bot's log says of the features in the last training of each pair.
    feature_rows
        Rows of features recorded by symbol.
    pushes
        How many pushes there were by kind and last outcome.
    told
        The last forecasts that were sent.
    read_back
        What the bot's log says of reading them back.
    last_kind
        Kind of the very last push.
    stored_at_the_end
        Pairs that Guardian holds after it.
    unaccounted
        Pushes of the journal without an outcome.
    artefacts
        What lies where.
    """

    live: dict[str, Any]
    trainings: Mapping[str, str]
    feature_rows: Mapping[str, int]
    pushes: Mapping[tuple[str, str], int]
    told: tuple[Told, ...]
    read_back: tuple[str, ...]
    last_kind: str
    stored_at_the_end: int
    unaccounted: int
    artefacts: dict[str, Path]


def run_guardian_demo(market: DemoMarket, folder: Path, progress: Callable[[str, float], None]) -> GuardianReport:
    """Run the sidecar beside a reference Guardian for :data:`HOURS` simulated hours.

    Parameters
    ----------
    market
        Candles of a spot market.
    folder
        From :func:`~freqai_ext.demo.run.prepare_folder`.
    progress
        Told the name of a step and the share of it that is done, in [0, 1].

    Raises
    ------
    DemoError
        Where a step fails.
    """
    recorded = folder / "recorded.sqlite"
    record_past(market, recorded, lambda share: progress("recording Guardian's features", share))
    userdir = init_userdir(folder / "userdir").userdir
    overlay = folder / "guardian.json"
    overlay.write_text(json.dumps(_overlay(market), indent=4) + "\n")
    summary = folder / "guardian-summary.json"
    configs = ["-c", str(userdir / SIDECAR_CONFIG_NAME), "-c", str(overlay)]
    arguments = [
        *("simulate", "--guardian", "--guardian-history", str(recorded)),
        *("--data", str(market.datadir), "--start", f"{market.live_start:%Y-%m-%d}"),
        *("--days", str(HOURS / 24), "--summary", str(summary)),
        *("--", "freqtrade", "trade", "--userdir", str(userdir), *configs),
    ]
    step = "simulated live run beside a Guardian"
    run_command(arguments, folder / "logs", "guardian", lambda share: progress(step, share))
    live: dict[str, Any] = json.loads(summary.read_text())
    return _report(live, Path(live["log"]))


def _overlay(market: DemoMarket) -> dict[str, Any]:
    return {
        "exchange": {"pair_whitelist": list(market.pairs)},
        "freqai": {"train_period_days": _TRAINING_DAYS},
        "freqai_ext": {"guardian": {"train_cron": _RETRAIN}},
    }


def _report(live: dict[str, Any], log: Path) -> GuardianReport:
    folder = log.parent
    database, state = folder / "guardian.sqlite", json.loads((folder / "guardian.json").read_text())
    lines = log.read_text().splitlines()
    engine = open_database(database, read_only=True)
    try:
        journal, store = JournalReader(engine), FeatureStore.recorded(database)
        pushes = journal.pushes(limit=100_000)
        if not pushes:
            raise DemoError(f"nothing was pushed; see {log}")
        forecasts = next((push for push in pushes if push.kind == "opinions" and push.outcome == "accepted"), None)
        return GuardianReport(
            live=live,
            trainings={found[1]: found[2] for line in lines if (found := _RECORDED.search(line))},
            feature_rows={symbol: len(store.read(symbol).times_s) for symbol in store.symbols()},
            pushes=Counter((push.kind, push.outcome or "on its way") for push in pushes),
            told=_told(journal, forecasts) if forecasts else (),
            read_back=tuple(found[0] for line in lines if (found := _READ_BACK.search(line))),
            last_kind=pushes[0].kind,
            stored_at_the_end=len(state["stored"]["pairs"]),
            unaccounted=len(journal.unaccounted()),
            artefacts={
                "the bot's log": log,
                "journal of pushes and recorded features": database,
                "Guardian's last state": folder / "guardian.json",
            },
        )
    finally:
        engine.dispose()


def _told(journal: JournalReader, push: PushRecord) -> tuple[Told, ...]:
    sent = json.loads(journal.content(push.push_id) or b"{}")
    return tuple(
        Told(symbol, entry["probability"], entry["ev_bps"], entry.get("confidence")) for symbol, entry in sent.items()
    )
