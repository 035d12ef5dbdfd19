import copy
import json
import math
from contextlib import suppress
from dataclasses import asdict

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext._services.strict_json import MAX_DEPTH
from freqai_ext.errors import GuardianAnswerError
from freqai_ext.guardian._reading import decode
from freqai_ext.guardian.answers import FeaturesAnswer, Health, PushReceipt, StoredEntry, StoredPredictions

FRESH_HEALTH = {
    "status": "ok",
    "generated_at": None,
    "updated_at": None,
    "source": None,
    "symbols": 0,
    "settings": {
        "testnet": False,
        "ai_enabled": True,
        "ai_buy_threshold": 0.52,
        "ai_sell_threshold": 0.42,
        "freqai_enabled": True,
    },
    "predictions": {"generated_at": None, "total_pairs": 0, "stale": True, "recency_seconds": 3600.0, "top": []},
    "ws": {"public": {"running": False}, "private": None},
}
SCAN = {
    "generated_at": 1795217205.94,
    "count": 2,
    "pairs": [
        {
            "symbol": "ADAUSDT",
            "trend": "sell",
            "probability": 0.97,
            "ev_bps": None,
            "features": {"turnover_usd": 9.2e7, "top_depth_quote.bid": 5.0, "volume_impulse": {"1h": 0.1}},
            "freqai": None,
            "note": None,
        },
        {"symbol": "BTCUSDT", "trend": "buy", "features": {"turnover_usd": 1e9}},
    ],
    "executions_path": "/srv/guardian/_data/pnl/executions.mainnet.jsonl",
    "predictions": {"top": []},
}
STORED = {
    "generated_at": 1795216651.085,
    "source": "freqtrade",
    "horizon_minutes": 60.0,
    "pairs": {
        "BTCUSDT": {"probability": 0.66, "ev_bps": 120.0, "confidence": 0.85, "generated_at": 1795216651.085},
        "ETHUSDT": {"probability": 0.41, "meta": {"meta": {}}},
    },
    "updated_at": 1795216651.089,
}
RECEIPT = {"status": "ok", "symbols": 3}
PARSERS = {
    Health: FRESH_HEALTH,
    FeaturesAnswer: SCAN,
    StoredPredictions: STORED,
    PushReceipt: RECEIPT,
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
any_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def places(value, path=()):
    """Return the paths of all parts of a JSON value, the whole included."""
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def replaced(value, path, part):
    """Return a copy of ``value`` with ``part`` at ``path``; Ellipsis removes what is there."""
    if not path:
        return None if part is ... else part
    value = copy.deepcopy(value)
    owner = value
    for step in path[:-1]:
        owner = owner[step]
    if part is ...:
        del owner[path[-1]]
    else:
        owner[path[-1]] = part
    return value


def check_parsed(answer):
    """Whatever was parsed has finite numbers only, outside the raw features."""
    values = asdict(answer)
    for pair in values.pop("pairs", ()):
        assert pair["symbol"]
        assert pair["trend"] in ("buy", "sell", "wait", None)
        assert isinstance(pair["features"], dict)
        assert pair["turnover_usd"] is None or math.isfinite(pair["turnover_usd"])
    for entry in values.pop("entries", {}).values():
        assert all(number is None or math.isfinite(number) for number in entry.values())
    for value in values.values():
        assert value is None or isinstance(value, bool | int | str) or math.isfinite(value)


@pytest.mark.parametrize("kind", PARSERS)
@given(raw=any_json)
@settings(max_examples=150, deadline=None)
def test_any_json_is_parsed_or_refused_with_an_answer_error(kind, raw):
    with suppress(GuardianAnswerError):
        check_parsed(kind.parse(raw))


@pytest.mark.parametrize("kind", PARSERS)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_an_answer_with_one_part_replaced_is_parsed_or_refused(kind, data):
    path = data.draw(st.sampled_from(places(PARSERS[kind])))
    raw = replaced(PARSERS[kind], path, data.draw(any_json | st.just(...)))
    outer = len(path) == 0 or path[-1] in ("status", "settings", "pairs", "symbols")
    try:
        check_parsed(kind.parse(raw))
    except GuardianAnswerError:
        assert outer, f"{path} is a part that may be anything"


@given(content=st.binary(max_size=40) | any_json.map(lambda raw: json.dumps(raw).encode()))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_decoded_or_refused_with_an_answer_error(content):
    with suppress(GuardianAnswerError):
        value = decode(content, "/health")
        assert orjson.loads(orjson.dumps(value)) == value


@pytest.mark.parametrize(
    "content", [b"", b"Internal Server Error", b'{"a": NaN}', b"[Infinity]", b"[1e400]", b'"\xff"', b"{'a': 1}"]
)
def test_what_is_no_json_is_refused(content):
    with pytest.raises(GuardianAnswerError, match=r"^/health: the answer is not JSON \(.+\); see whether"):
        decode(content, "/health")


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_may_nest_only_so_deep(opening, closing):
    decode(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH, "/features")
    for depth in (MAX_DEPTH + 1, 500, 100_000):
        with pytest.raises(GuardianAnswerError, match=r"^/features: the answer (nests deeper|is not JSON)"):
            decode(opening * depth + b"1" + closing * depth, "/features")


def test_the_health_of_a_fresh_guardian_has_no_predictions():
    health = Health.parse(FRESH_HEALTH)
    assert (health.testnet, health.ai_enabled, health.freqai_enabled) == (False, True, True)
    assert (health.buy_threshold, health.sell_threshold) == (0.52, 0.42)
    assert (health.stored_symbols, health.recency_s, health.stale) == (0, 3600.0, True)
    assert health.updated_at_s is health.generated_at_s is health.source is None


def test_health_reads_the_stored_set_and_survives_null_and_missing_parts():
    raw = FRESH_HEALTH | {"generated_at": 7, "updated_at": 8.5, "source": "me", "symbols": 4, "ws": None, "new": [1]}
    health = Health.parse(raw | {"predictions": None, "settings": {"ai_buy_threshold": True}})
    assert (health.generated_at_s, health.updated_at_s, health.source, health.stored_symbols) == (7.0, 8.5, "me", 4)
    assert health.testnet is health.buy_threshold is health.recency_s is health.stale is None


@pytest.mark.parametrize("odd", [True, "0.5", [0.5], {}, math.nan, -math.inf, 10**400])
def test_what_is_no_finite_number_is_none(odd):
    assert Health.parse(FRESH_HEALTH | {"updated_at": odd}).updated_at_s is None
    assert StoredPredictions.parse({"pairs": {"BTCUSDT": {"ev_bps": odd}}}).entries["BTCUSDT"].ev_bps is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "/health: the answer is a list, not an object"),
        ({}, "/health: 'status' is null or missing, not the text \"ok\""),
        ({"status": "ok"}, "/health: 'settings' is null or missing, not an object"),
        ({"status": "ok", "settings": "testnet"}, "/health: 'settings' is a text, not an object"),
    ],
)
def test_health_of_another_service_is_refused(raw, message):
    with pytest.raises(GuardianAnswerError) as caught:
        Health.parse(raw)
    assert str(caught.value).startswith(message)
    assert "freqai_ext.guardian.url" in str(caught.value)


def test_features_keep_what_was_nested_and_names_with_dots():
    answer = FeaturesAnswer.parse(SCAN)
    ada, btc = answer.pairs
    assert (ada.symbol, ada.trend, ada.turnover_usd) == ("ADAUSDT", "sell", 9.2e7)
    assert ada.features["top_depth_quote.bid"] == 5.0
    assert ada.features["volume_impulse"] == {"1h": 0.1}
    assert btc.trend == "buy"
    assert answer.generated_at_s == 1795217205.94
    assert answer.executions_path.endswith("executions.mainnet.jsonl")


@pytest.mark.parametrize("turnovers", [(5.0, 9.0), (9.0, 5.0), (None, 9.0), (9.0, None), (9.0, 9.0)])
def test_of_a_repeated_symbol_the_higher_turnover_is_kept(turnovers):
    pairs = [
        {"symbol": symbol, "trend": "buy", "features": {"turnover_usd": turnover, "place": place}}
        for place, (symbol, turnover) in enumerate(zip(("BTCUSDT", "btc/usdt"), turnovers, strict=True))
    ]
    (pair,) = FeaturesAnswer.parse({"pairs": pairs}).pairs
    assert (pair.symbol, pair.turnover_usd) == ("BTCUSDT", 9.0)
    assert pair.features["place"] == turnovers.index(9.0)


def test_features_leave_out_what_is_no_pair_and_empty_what_is_no_object():
    pairs = [None, 7, {}, {"symbol": ""}, {"symbol": 5}, {"symbol": "XUSDT", "trend": "up", "features": [1]}]
    answer = FeaturesAnswer.parse({"pairs": pairs})
    (pair,) = answer.pairs
    assert (pair.symbol, pair.trend, pair.features, pair.turnover_usd) == ("XUSDT", None, {}, None)
    assert answer.generated_at_s is answer.executions_path is None


@pytest.mark.parametrize("pairs", [None, {}, "ADAUSDT"])
def test_features_without_a_list_of_pairs_are_refused(pairs):
    with pytest.raises(GuardianAnswerError, match=r"^/features: 'pairs' is .+, not a list; "):
        FeaturesAnswer.parse({"pairs": pairs})


def test_stored_predictions_before_any_push_are_empty():
    stored = StoredPredictions.parse({"generated_at": None, "updated_at": None, "source": None, "pairs": {}})
    assert stored == StoredPredictions({}, None, None, None)


def test_stored_predictions_are_found_under_the_canonical_symbol():
    raw = STORED | {"pairs": STORED["pairs"] | {"sol/usdt": {"ev_bps": -35}, "XRPUSDT": 0.7}}
    stored = StoredPredictions.parse(raw)
    assert set(stored.entries) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    assert stored.entries["BTCUSDT"] == StoredEntry(0.66, 120.0, 1795216651.085, 0.85)
    assert stored.entries["ETHUSDT"] == StoredEntry(0.41, None, None, None)
    assert (stored.updated_at_s, stored.generated_at_s, stored.source) == (1795216651.089, 1795216651.085, "freqtrade")


def test_a_receipt_counts_what_was_stored():
    assert PushReceipt.parse({"status": "ok", "symbols": 0, "more": 1}, 0.25) == PushReceipt(0, 0.25)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"status": "ok"},
        {"status": "accepted", "symbols": 3},
        *({"status": "ok", "symbols": odd} for odd in (True, 3.0, "3", -1, None, [3])),
    ],
)
def test_a_receipt_that_does_not_count_is_refused(raw):
    with pytest.raises(GuardianAnswerError, match=r"^/predictions: "):
        PushReceipt.parse(raw)


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/srv/guardian/_data/pnl/executions.mainnet.jsonl", "mainnet"),
        ("C:\\guardian\\_data\\pnl\\executions.testnet.jsonl", "testnet"),
        ("/srv/testnet/pnl/executions.jsonl", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_the_name_of_the_trade_journal_tells_the_network(path, network):
    assert FeaturesAnswer.parse({"pairs": [], "executions_path": path}).network == network
