"""What the reading routes answer: contract, sections 3, 4, 5, 7 and 8. Nothing is changed."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

from freqai_ext.guardian.check.finding import Checklist
from freqai_ext.guardian.check.probe import Probe

PAIRS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
"""Asked for where the caller names none."""

_FEATURES_TIMEOUT_S: Final = 120.0
_HEALTH_KEYS: Final = frozenset(
    {"status", "generated_at", "updated_at", "source", "symbols", "settings", "predictions"}
)
_SETTINGS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "testnet": bool,
    "ai_enabled": bool,
    "ai_buy_threshold": (int, float),
    "ai_sell_threshold": (int, float),
    "freqai_enabled": bool,
}
_PAIR_KEYS: Final = frozenset(
    {"symbol", "trend", "probability", "ev_bps", "score", "features", "freqai", "note", "actionable"}
)
_MODEL_INPUTS: Final = 21
_NESTED: Final = frozenset(
    {"volume_impulse", "volatility_windows", "hourly_signal", "overbought_indicators", "correlations"}
)


def check_health(probe: Probe, checklist: Checklist, network: str | None) -> None:
    """Look at ``GET /health``."""
    reply = probe.get("/health")
    answer = reply.fields
    settings, summary = _object(answer.get("settings")), _object(answer.get("predictions"))
    missing = sorted(_HEALTH_KEYS - set(answer))
    checklist.expect("3", "/health has its keys", not missing, f"missing: {missing}" if missing else "all there")
    wrong = [name for name, kind in _SETTINGS.items() if not isinstance(settings.get(name), kind)]
    shown = ", ".join(f"{name} {json.dumps(settings.get(name))}" for name in _SETTINGS)
    checklist.expect("3", "/health tells the settings that matter", not wrong, shown)
    wanted = "network is the one asked for"
    testnet = settings.get("testnet")
    found = "testnet" if testnet is True else "mainnet" if testnet is False else "not told"
    if network is None:
        checklist.skip("10", wanted, f"it is on {found}; name the one you expect with --network")
    else:
        checklist.expect("10", wanted, found == network, f"{found}, wanted {network}{_defaults(found)}")
    buy, sell = settings.get("ai_buy_threshold"), settings.get("ai_sell_threshold")
    in_order = _is_number(buy) and _is_number(sell) and 0 < sell < buy < 1
    checklist.expect("9", "sell threshold below buy threshold, both in (0, 1)", in_order, f"{sell} and {buy}")
    recency = summary.get("recency_seconds")
    in_range = _is_number(recency) and 0 <= recency <= 3_600
    checklist.expect("8", "recency_seconds in [0, 3600]", in_range, recency)
    top = summary.get("top")
    checklist.expect(
        "8", "the summary has stale and a list top", isinstance(top, list) and "stale" in summary, _kinds(summary)
    )


def check_predictions(probe: Probe, checklist: Checklist) -> None:
    """Look at ``GET /predictions``."""
    reply = probe.get("/predictions")
    answer = reply.fields
    pairs = answer.get("pairs")
    checklist.expect("7", "/predictions is an object with pairs", isinstance(pairs, dict), reply)
    if not isinstance(pairs, dict):
        return
    odd = [symbol for symbol in pairs if symbol != symbol.upper() or "/" in symbol or "-" in symbol]
    checklist.expect("6", "stored symbols are canonical", not odd, f"{len(pairs)} stored{_listed(odd)}")
    unlike = [
        symbol
        for symbol, entry in pairs.items()
        if "probability" in _object(entry) and not _is_number(entry["probability"])
    ]
    checklist.expect("7", "stored probabilities are numbers", not unlike, f"{len(pairs)} stored{_listed(unlike)}")
    updated = answer.get("updated_at")
    checklist.expect("7", "updated_at is a time where pairs are stored", not pairs or _is_number(updated), updated)


def check_features(probe: Probe, checklist: Checklist, pairs: Sequence[str] = PAIRS) -> None:
    """Look at ``GET /features``, which has Guardian scan the market and may take a minute."""
    for text in ("abc", "", "2.5"):
        reply = probe.get("/features", f"limit={text}", timeout_s=_FEATURES_TIMEOUT_S)
        checklist.expect("4", f"limit={text!r}: 422", reply.status == 422, reply.status)
    reply = probe.get("/features", f"limit=40&whitelist={','.join(pairs)}", timeout_s=_FEATURES_TIMEOUT_S)
    why = "; it has no snapshot of the market and cannot reach the exchange, or is poisoned"
    answered = reply.status == 200
    checklist.expect("4", "GET /features answers 200", answered, f"{reply}{why if reply.status == 500 else ''}")
    if not answered:
        checklist.skip("4", "what /features answers", f"{reply}")
        return
    found = reply.fields.get("pairs")
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    names = [str(entry.get("symbol")) for entry in entries]
    absent = [name for name in pairs if name not in names]
    checklist.expect("4", "every pair of the whitelist comes back", not absent, f"{len(names)} pairs{_missing(absent)}")
    checklist.expect("4", "count is the number of pairs", reply.fields.get("count") == len(names), len(names))
    odd = [name for name in names if not name.endswith("USDT") or name != name.upper()]
    checklist.expect(
        "4", "symbols are BASEUSDT", not odd, f"{len(set(names))} names, {len(names) - len(set(names))} twice"
    )
    lacking = sorted({key for entry in entries for key in _PAIR_KEYS - set(entry)})
    checklist.expect("4", "each pair has its keys", bool(entries) and not lacking, _missing(lacking) or "all there")
    trends = sorted({str(entry.get("trend")) for entry in entries})
    checklist.expect("4", "trend is buy, sell or wait", set(trends) <= {"buy", "sell", "wait"}, ", ".join(trends))
    _check_dictionary([_object(entry.get("features")) for entry in entries], checklist)
    _check_forms(probe, checklist, pairs[0])


def _check_dictionary(features: Sequence[Mapping[str, Any]], checklist: Checklist) -> None:
    nulls = sorted({name for one in features for name, value in one.items() if value is None})
    checklist.expect("5", "what is not known has no key", not nulls, f"null: {nulls}" if nulls else "no null")
    odd = sorted(
        {name for one in features for name, value in one.items() if name not in _NESTED and not _is_number(value)}
    )
    checklist.expect("5", "the flat features are numbers", not odd, _listed(odd) or "all are")
    counts = sorted({sum(name.startswith("model.") for name in one) for one in features})
    checklist.expect("5", "21 inputs of Guardian's model for each pair", counts == [_MODEL_INPUTS], counts)


def _check_forms(probe: Probe, checklist: Checklist, symbol: str) -> None:
    base = symbol.removesuffix("USDT")
    forms = f"{base.lower()}_usdt,{base}%2FEUR,{base}%2FUSDT%3AUSDT"
    reply = probe.get("/features", f"limit=40&whitelist={forms}", timeout_s=_FEATURES_TIMEOUT_S)
    found = reply.fields.get("pairs")
    names = [str(_object(entry).get("symbol")) for entry in found] if isinstance(found, list) else []
    strange = [name for name in names if name in (f"{base}EUR", f"{symbol}USDT")]
    observed = f"{base.lower()}_usdt {'came' if symbol in names else 'did not come'}{_listed(strange)}"
    checklist.expect("4", "a whitelist in another form names the same pair", symbol in names and not strange, observed)


def _defaults(network: str) -> str:
    return "; testnet is also what it runs on where its .runtime/settings.json is not valid JSON" * (
        network == "testnet"
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _kinds(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {type(value).__name__}" for key, value in content.items())


def _listed(names: Sequence[str]) -> str:
    return f"; not so: {', '.join(names[:5])}" if names else ""


def _missing(names: Sequence[str]) -> str:
    return f"; missing: {', '.join(names[:5])}" if names else ""
