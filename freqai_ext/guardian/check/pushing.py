"""How Guardian reads what is pushed: contract, section 6. It changes the stored set, of coins that do not exist."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from freqai_ext.guardian.check.finding import Checklist
from freqai_ext.guardian.check.stored_set import StoredSet

_COIN: Final = "FREQAIEXTCHECK"
_CLOSE: Final = 1e-9

_NUMBERS: Final[Mapping[str, tuple[Mapping[str, Any], float | None]]] = {
    "probability 0.66 is 0.66": ({"probability": 0.66}, 0.66),
    "probability 1 is 1": ({"probability": 1}, 1.0),
    "probability 1.0001 is 0.010001: above 1 it is divided by 100": ({"probability": 1.0001}, 0.010001),
    "probability 50 is 0.5": ({"probability": 50}, 0.5),
    "probability 150 is 1": ({"probability": 150}, 1.0),
    "probability -0.2 is 0": ({"probability": -0.2}, 0.0),
    "probability '0.4', a text, is 0.4": ({"probability": "0.4"}, 0.4),
    "probability '66%' counts as missing": ({"probability": "66%", "ev_bps": 1.0}, None),
    "probability null counts as missing": ({"probability": None, "ev_bps": 1.0}, None),
    "probability 0 counts as missing": ({"probability": 0, "ev_bps": 1.0}, None),
    "probability 0.000001 is kept": ({"probability": 1e-6}, 1e-6),
    "prob, then p, stand in for probability": ({"p": 0.3}, 0.3),
    "probability_pct 0.5 is 0.5, not 0.005": ({"probability_pct": 0.5}, 0.5),
    "logit 1 is its sigmoid": ({"logit": 1.0}, 1.0 / (1.0 + math.exp(-1.0))),
}
_EVS: Final[Mapping[str, tuple[Mapping[str, Any], float | None]]] = {
    "ev_bps -35 is -35": ({"ev_bps": -35.0, "probability": 0.5}, -35.0),
    "ev_bps 0 counts as missing": ({"ev_bps": 0, "probability": 0.5}, None),
    "ev_bps -0.000001 is kept": ({"ev_bps": -1e-6, "probability": 0.5}, -1e-6),
    "expected_value_pct 0.4 is 40 bps": ({"expected_value_pct": 0.4, "probability": 0.5}, 40.0),
    "ev 0, the last of the names, is kept": ({"ev": 0, "probability": 0.5}, 0.0),
    "expected_value_pct 0 is kept": ({"expected_value_pct": 0, "probability": 0.5}, 0.0),
    "ev_bps '12bps' counts as missing": ({"ev_bps": "12bps", "probability": 0.5}, None),
}
_SYMBOLS: Final = {
    f"{_COIN}A/USDT": f"{_COIN}AUSDT",
    f"{_COIN.lower()}b-usdt": f"{_COIN}BUSDT",
    f"{_COIN}C_USDT": f"{_COIN}C_USDT",
    f"{_COIN}D/USDT:USDT": f"{_COIN}DUSDT:USDT",
    f"{_COIN}E/USDC": f"{_COIN}EUSDC",
}
_REFUSED: Final[tuple[tuple[str, bytes, str | None, int], ...]] = (
    ("a list: 400", b"[]", "application/json", 400),
    ("an empty text: 400", b'""', "application/json", 400),
    ("null: 422", b"null", "application/json", 422),
    ("no body: 422", b"", "application/json", 422),
    ("a number: 422", b"7", "application/json", 422),
    ("malformed JSON: 422", b'{"predictions": ', "application/json", 422),
    ("text/plain: 422", b'{"predictions": {"A": 1}}', "text/plain", 422),
    ("invalid UTF-8: 400", b'{"source": "\xff"}', "application/json", 400),
)


def check_pushing(stored: StoredSet, checklist: Checklist) -> None:
    """Try how pushes are read.

    Raises
    ------
    ForeignPushError
        If somebody else pushes meanwhile.
    """
    for step in (_numbers, _symbols, _replacing, _forms, _heads, _bodies, _erasing):
        step(stored, checklist)


def _numbers(stored: StoredSet, checklist: Checklist) -> None:
    for key, cases in (("probability", _NUMBERS), ("ev_bps", _EVS)):
        names = {f"{_COIN}{index}USDT": what for index, what in enumerate(cases)}
        _, pairs = stored.push({symbol: cases[what][0] for symbol, what in names.items()})
        for symbol, what in names.items():
            found, wanted = pairs.get(symbol, {}).get(key), cases[what][1]
            checklist.expect("6", what, _same(found, wanted), found)
    reply, pairs = stored.push({f"{_COIN}/USDT": {"probability": 0, "ev_bps": 0.0}})
    checklist.expect("6", "an entry of zeros is not stored", f"{_COIN}USDT" not in pairs, reply.body[:60].decode())
    number = len(stored.entries)
    checklist.expect("6", "symbols is the number of pairs stored", reply.fields.get("symbols") == number, number)


def _symbols(stored: StoredSet, checklist: Checklist) -> None:
    _, pairs = stored.push({symbol: {"probability": 0.5} for symbol in _SYMBOLS})
    for symbol, canonical in _SYMBOLS.items():
        checklist.expect("6", f"{symbol} is stored as {canonical}", canonical in pairs, _own(pairs))
    _, pairs = stored.push({f"{_COIN}/USDT": {"probability": 0.2}, f"{_COIN}USDT": {"probability": 0.3}})
    found = pairs.get(f"{_COIN}USDT", {}).get("probability")
    checklist.expect("6", "of two names of a pair the last one wins", _same(found, 0.3), found)


def _replacing(stored: StoredSet, checklist: Checklist) -> None:
    stored.push({f"{_COIN}A/USDT": {"probability": 0.5}})
    _, pairs = stored.push({f"{_COIN}B/USDT": {"probability": 0.5}})
    holds = f"{_COIN}AUSDT" not in pairs and f"{_COIN}BUSDT" in pairs
    checklist.expect("6", "a push replaces the whole set", holds, _own(pairs))


def _forms(stored: StoredSet, checklist: Checklist) -> None:
    listed = [{"pair": symbol} | entry for symbol, entry in stored.entries.items()]
    entries = [{"pair": f"{_COIN}A/USDT", "probability": 0.4}, {"ticker": f"{_COIN}BUSDT", "probability": 0.4}]
    _, pairs = stored.send(json.dumps({"pairs": [*listed, *entries]}).encode())
    holds = f"{_COIN}AUSDT" in pairs and f"{_COIN}BUSDT" not in pairs
    checklist.expect("6", "a list of entries that name their symbol is read; ticker names none", holds, _own(pairs))
    wrapped = {f"{_COIN}A/USDT": {"prediction": {"probability": 0.4}, "fold": "v1"}, f"{_COIN}B/USDT": 0.7}
    _, pairs = stored.push(wrapped)
    entry = pairs.get(f"{_COIN}AUSDT", {})
    holds = _same(entry.get("probability"), 0.4) and (entry.get("meta") or {}).get("fold") == "v1"
    checklist.expect("6", "numbers may be wrapped, and other keys become meta", holds, entry or "not stored")
    checklist.expect("6", "an entry that is no object is skipped", f"{_COIN}BUSDT" not in pairs, _own(pairs))


def _heads(stored: StoredSet, checklist: Checklist) -> None:
    _, pairs = stored.push(
        {f"{_COIN}A/USDT": {"probability": 0.4}}, generated_at=1_700_000_000.5, horizon_minutes=60, meta={"model": "m"}
    )
    entry = pairs.get(f"{_COIN}AUSDT", {})
    checklist.expect(
        "6",
        "generated_at and horizon_minutes of the set stand in for those of an entry",
        _same(entry.get("generated_at"), 1_700_000_000.5) and _same(entry.get("horizon_minutes"), 60.0),
        f"{entry.get('generated_at')} and {entry.get('horizon_minutes')}",
    )
    _, pairs = stored.push({f"{_COIN}A/USDT": {"probability": 0.4}}, generated_at="2026-01-01T00:00:00Z")
    made, now = pairs.get(f"{_COIN}AUSDT", {}).get("generated_at"), stored.updated_at
    holds = isinstance(made, int | float) and isinstance(now, int | float) and abs(made - now) < 60.0
    checklist.expect("6", "a time as ISO text is replaced by Guardian's own", holds, made)


def _bodies(stored: StoredSet, checklist: Checklist) -> None:
    _, before = stored.push({f"{_COIN}A/USDT": {"probability": 0.4}})
    for what, body, content_type, status in _REFUSED:
        reply, pairs = stored.send(body, content_type=content_type)
        kept = pairs.keys() == before.keys()
        checklist.expect(
            "6", what, reply.status == status and kept, f"{reply}{'' if kept else '; the set has changed'}"
        )
    body = b"\xef\xbb\xbf" + json.dumps({"predictions": stored.entries}).encode()
    for what, content_type in (("no Content-Type", None), ("application/*+json", "application/vnd.freqai+json")):
        reply, _ = stored.send(body, content_type=content_type)
        checklist.expect("6", f"{what}, with a byte order mark: accepted", reply.status == 200, reply)


def _erasing(stored: StoredSet, checklist: Checklist) -> None:
    erasing: Mapping[str, bytes] = {
        '{"predictions": {}} takes everything back': b'{"predictions": {}}',
        "an unknown container erases everything": b'{"prediction": {"BTC/USDT": {"probability": 0.5}}}',
        "{} erases everything": b"{}",
    }
    for what, body in erasing.items():
        reply, pairs = stored.send(body)
        stored.push({})
        checklist.expect("6", what, reply.fields.get("symbols") == 0 and not pairs, reply.body[:60].decode())


def check_poison(stored: StoredSet, checklist: Checklist, get: Callable[[str], int]) -> None:
    """Push an infinite number, see what breaks, and heal it.

    Parameters
    ----------
    stored
        The set.
    checklist
        For what is found.
    get
        Returns the status of a path.

    Raises
    ------
    ForeignPushError
        If somebody else pushes meanwhile.
    """
    poisoned = json.dumps({"predictions": {**stored.entries, f"{_COIN}/USDT": {"ev_bps": math.inf}}}).encode()
    reply, _ = stored.send(poisoned)
    broken = {path: get(path) for path in ("/health", "/predictions")}
    holds = reply.status == 200 and set(broken.values()) == {500}
    checklist.expect("6", "an infinite number is accepted, and reading fails from then on", holds, broken)
    stored.push({})
    healed = {path: get(path) for path in broken}
    checklist.expect("6", "the next good push heals it", set(healed.values()) == {200}, healed)


def _own(pairs: Mapping[str, Any]) -> str:
    """Return which of the check's own coins are stored."""
    return ", ".join(sorted(symbol for symbol in pairs if symbol.startswith(_COIN))) or "none"


def _same(found: object, wanted: float | None) -> bool:
    if wanted is None or not isinstance(found, int | float):
        return found is None and wanted is None
    return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=_CLOSE)
