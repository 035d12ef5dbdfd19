"""Guardian's market scan, the work behind ``GET /features``: contract, sections 4, 9 and 14."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from freqai_ext.guardian.sandbox.model_features import (
    Observed,
    fallback_features,
    flat_features,
    model_features,
    observe,
    own_probability,
)
from freqai_ext.guardian.sandbox.reading import PredictionSet
from freqai_ext.guardian.sandbox.settings import SandboxSettings
from freqai_ext.guardian.sandbox.snapshot import REPAIRED_ROWS, MarketRow, Snapshot

_LEAST_CHANGE_PCT: Final = 0.5
_SHARE_OF_DAILY_MOVE: Final = 0.6
_MOST_SAMPLES: Final = 20
_HOURS_PER_DAY: Final = 24
_MOVE_DAYS: Final = 30

_DEFAULT_LIMIT: Final = 25
_TESTNET_LIMIT: Final = 50
_LEAST_TURNOVER: Final = 1_000_000.0
_LARGEST_SPREAD_BPS: Final = 60.0
_SURGE_PCT: Final = 25.0
_OVERBOUGHT_PCT: Final = 98.0
_LIFTS_OVERBOUGHT: Final = 0.6
_COST_BPS: Final = 50.0
_FALLBACK_SCORE: Final = 115.0


@dataclass(frozen=True)
class _Scanned:
    """One pair of the answer, and what decides its place in it."""

    entry: dict[str, Any]
    forced: bool
    repaired: bool
    change_pct: float | None

    @property
    def place(self) -> tuple[bool, float, float, str]:
        return not self.entry["actionable"], -self.entry["score"], -abs(self.change_pct or 0.0), self.entry["symbol"]


def effective_limit(limit: int, settings: SandboxSettings) -> int:
    """Return how many pairs at most are answered where ``limit`` are asked for."""
    cap = settings.freqai_feature_limit
    wanted = limit if limit > 0 else cap if cap > 0 else _DEFAULT_LIMIT
    result = min(wanted, cap) if cap > 0 else wanted
    return max(result, _TESTNET_LIMIT) if settings.network == "testnet" else result


def scan(
    snapshot: Snapshot, listed: Collection[str], limit: int, settings: SandboxSettings, stored: PredictionSet
) -> list[dict[str, Any]]:
    """Return the pairs of ``GET /features``.

    Parameters
    ----------
    snapshot
        The market.
    listed
        Symbols that are forced into the result; others come with them.
    limit
        How many pairs at most.
    settings
        Guardian's.
    stored
        The predictions that stand in for its own numbers.
    """
    least_change_pct = minimum_change_pct(snapshot.rows)
    scanned = [
        _scan_row(
            observe(row, least_change_pct, repaired=index < REPAIRED_ROWS, enriched=settings.enriched),
            snapshot.taken_at_s,
            row_name(row.symbol) in listed,
            settings,
            stored,
        )
        for index, row in enumerate(snapshot.rows)
    ]
    kept = [pair for pair in scanned if pair.forced or _survives(pair, settings)]
    return [pair.entry for pair in sorted(kept, key=lambda pair: pair.place)[:limit]]


def row_name(symbol: str) -> str:
    """Return the name a row is shown under: one against USDC is renamed, so that names may repeat."""
    return f"{symbol.removesuffix('USDC')}USDT" if symbol.endswith("USDC") else symbol


def minimum_change_pct(rows: Collection[MarketRow]) -> float:
    """Return the 24-hour change, in percent, below which a pair has no trend and no hourly signal.

    It is 0.6 times the mean daily move of the market: of the first 20 symbols by name that have hourly candles of more
    than a day, the mean of what their daily closes moved by in the last 30 days. 0.5 where there are none.
    """
    moves = (_daily_move_pct(row) for row in sorted(rows, key=lambda row: row.symbol) if row.symbol.endswith("USDT"))
    sample = [move for move in moves if move is not None][:_MOST_SAMPLES]
    return _SHARE_OF_DAILY_MOVE * float(np.mean(sample)) if sample and np.mean(sample) > 0 else _LEAST_CHANGE_PCT


def _daily_move_pct(row: MarketRow) -> float | None:
    hourly = row.hourly
    if not len(hourly):
        return None
    recent = hourly.hour >= hourly.hour[-1] - _MOVE_DAYS * _HOURS_PER_DAY
    days, close = hourly.hour[recent] // _HOURS_PER_DAY, hourly.close[recent]
    closes = close[np.append(np.flatnonzero(np.diff(days)), len(days) - 1)]
    return float(np.abs(closes[1:] / closes[:-1] - 1.0).mean()) * 100.0 if len(closes) > 1 else None


def _scan_row(
    seen: Observed, snapshot_s: float, forced: bool, settings: SandboxSettings, stored: PredictionSet
) -> _Scanned:
    row = seen.row
    trend = _trend(seen, forced)
    sign = -1.0 if trend == "sell" else 1.0
    gross_bps = None if row.change_pct is None else sign * row.change_pct * 100.0
    model = model_features(seen, trend, snapshot_s)
    probability = own_probability(model)
    own = {
        "probability": probability,
        "score": probability * (100.0 if settings.trained_model else _FALLBACK_SCORE),
        "ev_bps": None if gross_bps is None else gross_bps - _COST_BPS - (seen.spread_bps or 0.0),
    }
    given = (stored.pairs or {}).get(row.symbol)
    valid = own | {key: given[key] for key in ("probability", "score", "ev_bps") if given and key in given}
    if given and "probability" not in given:
        valid["score"] = own["score"]
    features = flat_features(seen) | {"score": valid["score"], "ev_bps": valid["ev_bps"], "gross_ev_bps": gross_bps}
    features = {name: value for name, value in features.items() if value is not None} | model
    if not settings.trained_model:
        features |= fallback_features(probability, model)
    entry = {
        "symbol": row_name(row.symbol),
        "trend": trend,
        **{key: valid[key] for key in ("probability", "ev_bps", "score")},
        "features": features,
        "freqai": _override(given, stored, own) if given else None,
        "note": _note(row),
        "actionable": trend != "wait" and row.turnover >= _LEAST_TURNOVER and _spread_passes(seen.spread_bps),
    }
    return _Scanned(entry, forced, seen.spread_bps is not None, row.change_pct)


def _trend(seen: Observed, forced: bool) -> str:
    change = seen.row.change_pct
    if change is None or not seen.moved:
        return "wait"
    trend, rises = ("buy", True) if change > 0 else ("sell", False)
    confirmed = seen.hourly is not None and seen.hourly["ema_fast_above"] is rises
    return trend if forced or confirmed else "wait"


def _survives(pair: _Scanned, settings: SandboxSettings) -> bool:
    """Return whether a pair that nobody asked for passes the filters."""
    features, change = pair.entry["features"], pair.change_pct
    if not pair.repaired or change is None or not _LEAST_CHANGE_PCT <= abs(change) <= _SURGE_PCT:
        return False
    if features["turnover_usd"] < _LEAST_TURNOVER or not features["volume"]:
        return False
    if not _spread_passes(features["spread_bps"]):
        return False
    if settings.ai_min_ev_bps > 0 and (pair.entry["ev_bps"] or 0.0) < settings.ai_min_ev_bps:
        return False
    stochastic = features["overbought_indicators"]["stochastic_pct"] or 0.0
    return stochastic < _OVERBOUGHT_PCT or pair.entry["probability"] >= _LIFTS_OVERBOUGHT


def _spread_passes(spread_bps: float | None) -> bool:
    return spread_bps is None or spread_bps <= _LARGEST_SPREAD_BPS


def _override(given: Mapping[str, Any], stored: PredictionSet, own: Mapping[str, float | None]) -> dict[str, Any]:
    probability, ev_bps = given.get("probability", own["probability"]), given.get("ev_bps", own["ev_bps"])
    return {
        "symbol": given["symbol"],
        "canonical": given["canonical"],
        "source": given.get("source"),
        "generated_at": given.get("generated_at"),
        "updated_at": stored.updated_at,
        "probability": probability,
        "probability_pct": None if probability is None else probability * 100.0,
        "ev_bps": ev_bps,
        "ev_pct": None if ev_bps is None else ev_bps / 100.0,
        "confidence": given.get("confidence"),
        "confidence_pct": given.get("confidence_pct"),
        "horizon_minutes": given.get("horizon_minutes"),
        "meta": given.get("meta"),
        "logistic_probability": own["probability"],
        "logistic_score": own["score"],
        "logistic_ev_bps": own["ev_bps"],
    }


def _note(row: MarketRow) -> str | None:
    if row.change_pct is None:
        return None
    return f"24ч {row.change_pct:+.2f}%, оборот ${row.turnover / 1e6:.2f}M"
