"""How Guardian reads what it is sent: contract, sections 6 and 14. Whatever is sent is answered with 200."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from freqai_ext.guardian.symbols import canonical_symbol

_CONTAINERS: Final = ("predictions", "pairs", "symbols", "data")
_NAMING: Final = ("symbol", "pair", "pair_name", "instrument", "coin")
_PROBABILITY: Final = ("probability", "prob", "p")
_EV_BPS: Final = ("ev_bps", "expected_value_bps", "expected_value", "ev")
_HORIZON: Final = ("horizon_minutes", "horizon")
_WINDOW: Final = ("window_minutes", "window")
_OTHERS: Final = ("probability_pct", "logit", "expected_value_pct", "confidence", "score", "prediction")
_KNOWN: Final = frozenset((*_PROBABILITY, *_EV_BPS, *_HORIZON, *_WINDOW, *_OTHERS))
_LARGEST_EXPONENT: Final = 700.0


@dataclass(frozen=True)
class PredictionSet:
    """The set that Guardian holds: contract, section 7.

    Attributes
    ----------
    generated_at, updated_at
        UTC seconds: when its sender says that it was made, and when it came. ``None`` before any push.
    source
        Its sender, as it calls itself.
    horizon_minutes, window_minutes
        Defaults of the entries.
    pairs
        Entries by canonical symbol, as ``GET /predictions`` shows them.
    meta
        What was sent under that name; ``None`` for nothing.
    """

    generated_at: float | None = None
    updated_at: float | None = None
    source: str | None = None
    horizon_minutes: float | None = None
    window_minutes: float | None = None
    pairs: Mapping[str, Mapping[str, Any]] | None = None
    meta: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the answer of ``GET /predictions``, which is also what the file holds."""
        if self.pairs is None:
            return {"generated_at": self.generated_at, "updated_at": self.updated_at, "source": None, "pairs": {}}
        shown: dict[str, Any] = {
            "generated_at": self.generated_at,
            "source": self.source,
            "horizon_minutes": self.horizon_minutes,
            "window_minutes": self.window_minutes,
            "pairs": dict(self.pairs),
        }
        if self.meta:
            shown["meta"] = dict(self.meta)
        return shown | {"updated_at": self.updated_at}


def read_push(body: Mapping[str, Any], now_s: float) -> PredictionSet:
    """Return the set that takes the place of the one before, whatever ``body`` holds."""
    return _read(body, now_s, now_s, _kept(body.get("meta")))


def read_file(content: Mapping[str, Any], now_s: float) -> PredictionSet:
    """Return what another process, or a restarted one, makes of the file: the same rules, over their own result."""
    return _read(content, now_s, number(content.get("updated_at")), None)


def number(value: object) -> float | None:
    """Return what Guardian takes for a number; ``None`` for what counts as missing. It may be infinite."""
    if not isinstance(value, str | int | float):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(result) else result


def is_finite(value: object) -> bool:
    """Return whether there is no number in a JSON value that cannot be written as JSON."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    return all(map(is_finite, value)) if isinstance(value, list) else True


def _read(
    body: Mapping[str, Any], now_s: float, updated_at: float | None, meta: Mapping[str, Any] | None
) -> PredictionSet:
    head = PredictionSet(
        generated_at=_first(body, ("generated_at", "timestamp")) or now_s,
        updated_at=updated_at,
        source=_text(body, ("source", "provider")) or "freqai",
        horizon_minutes=_first(body, _HORIZON),
        window_minutes=_first(body, ("window_minutes",)),
        meta=meta,
    )
    pairs: dict[str, Mapping[str, Any]] = {}
    for symbol, raw in _entries(body):
        canonical = canonical_symbol(symbol)
        entry = _entry(symbol, canonical, raw, head)
        if canonical and entry is not None:
            pairs[canonical] = entry
    return PredictionSet(**{**vars(head), "pairs": pairs})


def _entries(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    container = next((body[key] for key in _CONTAINERS if body.get(key)), None)
    if isinstance(container, Mapping):
        yield from ((symbol, entry) for symbol, entry in container.items() if isinstance(entry, Mapping))
    elif isinstance(container, list):
        for entry in container:
            symbol = _text(entry, _NAMING) if isinstance(entry, Mapping) else None
            if symbol is not None:
                yield symbol, entry


def _entry(symbol: str, canonical: str, outer: Mapping[str, Any], head: PredictionSet) -> dict[str, Any] | None:
    wrapped = outer.get("prediction")
    inner = wrapped if isinstance(wrapped, Mapping) else outer
    probability, ev_bps = _probability(inner), _ev_bps(inner)
    confidence, score = _fraction(number(inner.get("confidence"))), number(inner.get("score"))
    meta = {key: value for key, value in ({**outer, **inner}).items() if key not in _KNOWN and _is_meta(value)}
    if probability is None and ev_bps is None and confidence is None and score is None and not meta:
        return None
    if score is None and probability is not None:
        score = probability * 100.0
    entry = {
        "probability": probability,
        "probability_pct": _times(probability, 100.0),
        "ev_bps": ev_bps,
        "ev_pct": _times(ev_bps, 0.01),
        "score": score,
        "confidence": confidence,
        "confidence_pct": _times(confidence, 100.0),
        "symbol": symbol,
        "canonical": canonical,
        "source": head.source,
        "generated_at": _first(inner, ("generated_at", "ts")) or head.generated_at,
        "horizon_minutes": _first(inner, _HORIZON) or head.horizon_minutes,
        "window_minutes": _first(inner, _WINDOW) or head.window_minutes,
        "meta": meta or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _probability(entry: Mapping[str, Any]) -> float | None:
    probability = _first_or_zero(entry, _PROBABILITY)
    if probability is None:
        # A zero is kept here, which is why one that was stored survives being read from the file.
        probability = number(entry.get("probability_pct"))
    if probability is None:
        return _sigmoid(number(entry.get("logit")))
    return _fraction(probability)


def _ev_bps(entry: Mapping[str, Any]) -> float | None:
    ev_bps = _first_or_zero(entry, _EV_BPS)
    return _times(number(entry.get("expected_value_pct")), 100.0) if ev_bps is None else ev_bps


def _first(entry: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    """Return the first number; the number 0 counts as missing, the text "0" does not."""
    return next((value for key in keys if entry.get(key) and (value := number(entry[key])) is not None), None)


def _first_or_zero(entry: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    """Return the first number; where all count as missing, the last of ``keys`` does so only if it is no number."""
    found = _first(entry, keys)
    return number(entry.get(keys[-1])) if found is None else found


def _text(entry: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((entry[key] for key in keys if isinstance(entry.get(key), str) and entry[key].strip()), None)


def _fraction(value: float | None) -> float | None:
    return None if value is None else min(max(value / 100.0 if value > 1.0 else value, 0.0), 1.0)


def _sigmoid(value: float | None) -> float | None:
    return None if value is None else 1.0 / (1.0 + math.exp(min(-value, _LARGEST_EXPONENT)))


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _is_meta(value: object) -> bool:
    return isinstance(value, str | int | float | Mapping)


def _kept(meta: object) -> dict[str, Any] | None:
    if not isinstance(meta, Mapping):
        return None
    kept: dict[str, Any] = {}
    for key, value in meta.items():
        if isinstance(value, list):
            kept[key] = [item for item in value if isinstance(item, str | int | float)]
        elif _is_meta(value):
            kept[key] = value
    return kept or None
