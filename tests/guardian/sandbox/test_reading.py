"""How Guardian reads a push: contract, section 6."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.guardian.sandbox.reading import is_finite, read_file, read_push

NOW_S = 1_795_216_651.0


def entry_of(entry, symbol="BTC/USDT", **head):
    (stored,) = (read_push({**head, "predictions": {symbol: entry}}, NOW_S).pairs or {}).values() or (None,)
    return stored


def stored(body):
    return dict(read_push(body, NOW_S).pairs)


@pytest.mark.parametrize(
    ("entry", "probability"),
    [
        ({"probability": 0.66}, 0.66),
        ({"probability": 1}, 1.0),
        ({"probability": 1.0001}, 0.010001),
        ({"probability": 50}, 0.5),
        ({"probability": 150}, 1.0),
        ({"probability": -0.2}, 0.0),
        ({"probability": "0.4"}, 0.4),
        ({"probability": True}, 1.0),
        ({"prob": 0.3, "p": 0.2}, 0.3),
        ({"probability": 0, "p": 0.2}, 0.2),
        ({"probability_pct": 0.5}, 0.5),
        ({"probability_pct": 66.0}, 0.66),
        ({"logit": 0.5}, 1 / (1 + math.exp(-0.5))),
        ({"logit": -1e308}, 0.0),
        ({"probability": "0.0"}, 0.0),
    ],
)
def test_probability_is_read_from_the_first_usable_key(entry, probability):
    assert entry_of(entry)["probability"] == pytest.approx(probability)


@pytest.mark.parametrize("value", ["66%", [0.5], None, 0, 0.0, -0.0, float("nan"), {"a": 1}])
def test_what_is_no_number_and_zero_count_as_missing(value):
    body = {"predictions": {"BTC/USDT": {"probability": value, "ev_bps": value, "confidence": None}}}
    assert read_push(body, NOW_S).pairs == {}


@pytest.mark.parametrize(
    ("entry", "ev_bps"),
    [
        ({"ev_bps": -35}, -35.0),
        ({"ev_bps": -1e-6}, -1e-6),
        ({"ev_bps": 0, "ev": 3.0}, 3.0),
        ({"expected_value": "12.5"}, 12.5),
        ({"expected_value_pct": 0.4}, 40.0),
        ({"ev_bps": "0.0"}, 0.0),
        ({"ev": 0}, 0.0),
        ({"ev_bps": 0, "ev": 0.0}, 0.0),
        ({"expected_value_pct": 0}, 0.0),
    ],
)
def test_expected_value_is_in_basis_points_and_not_limited(entry, ev_bps):
    stored_entry = entry_of({**entry, "probability": 0.5})
    assert stored_entry["ev_bps"] == pytest.approx(ev_bps)
    assert stored_entry["ev_pct"] == pytest.approx(ev_bps / 100)


def test_confidence_follows_the_percent_rule_and_score_is_as_given():
    entry = entry_of({"probability": 0.66, "confidence": 85})
    assert (entry["confidence"], entry["confidence_pct"], entry["score"]) == (0.85, 85.0, 66.0)
    assert entry_of({"probability": 0.66, "score": 412.0})["score"] == 412.0


def test_an_entry_takes_from_the_set_what_it_does_not_say():
    head = {"generated_at": "1700000000.5", "horizon": 60, "window_minutes": 5, "provider": "freqtrade"}
    entry = entry_of({"probability": 0.5, "horizon_minutes": 0}, **head)
    assert (entry["generated_at"], entry["horizon_minutes"], entry["window_minutes"]) == (1700000000.5, 60.0, 5.0)
    assert entry["source"] == "freqtrade"
    own = entry_of({"probability": 0.5, "horizon": 15, "ts": 1.6e9, "source": "me"}, **head)
    assert (own["generated_at"], own["horizon_minutes"], own["source"]) == (1.6e9, 15.0, "freqtrade")


@pytest.mark.parametrize("made_at", ["2026-01-01T00:00:00Z", None, float("nan"), [1]])
def test_a_time_that_is_no_number_is_replaced_by_the_servers(made_at):
    assert read_push({"generated_at": made_at, "predictions": {}}, NOW_S).generated_at == NOW_S


def test_milliseconds_are_not_noticed():
    assert read_push({"generated_at": 1_795_216_651_000, "predictions": {}}, NOW_S).generated_at == 1_795_216_651_000


@pytest.mark.parametrize("container", ["predictions", "pairs", "symbols", "data"])
def test_the_first_container_that_is_not_empty_is_used(container):
    body = {"predictions": {}, container: {"BTC/USDT": {"probability": 0.5}}}
    assert list(stored(body)) == ["BTCUSDT"]


@pytest.mark.parametrize("body", [{}, {"prediction": {"BTC/USDT": {"probability": 0.5}}}, {"payload": {"a": {"p": 1}}}])
def test_a_body_without_a_known_container_stores_nothing(body):
    assert stored(body) == {}


@pytest.mark.parametrize("naming", ["symbol", "pair", "pair_name", "instrument", "coin"])
def test_a_list_is_read_where_each_entry_names_its_symbol(naming):
    body = {"predictions": [{naming: "BTC/USDT", "probability": 0.5}, {"ticker": "ETHUSDT", "probability": 0.5}, 7]}
    assert list(stored(body)) == ["BTCUSDT"]


def test_entries_that_are_no_objects_are_skipped():
    assert stored({"predictions": {"BTCUSDT": 0.7, "ETHUSDT": {"probability": 0.7}}}).keys() == {"ETHUSDT"}


@pytest.mark.parametrize("listed", [True, False])
def test_wrapped_numbers_are_read_and_outer_keys_become_meta(listed):
    entry = {"prediction": {"probability": 0.4, "fee": 1}, "probability": 0.9, "fold": "v1"}
    body = {"predictions": [{"pair": "XLMUSDT", **entry}] if listed else {"XLMUSDT": entry}}
    (found,) = stored(body).values()
    assert found["probability"] == 0.4
    assert found["meta"] == {"fold": "v1", "fee": 1} | ({"pair": "XLMUSDT"} if listed else {})


def test_other_scalars_and_objects_become_meta_and_lists_do_not():
    entry = entry_of({"probability": 0.5, "a": "x", "b": {"c": [1]}, "d": [1], "meta": {"e": 1}, "pair": "BTC/USDT"})
    assert entry["meta"] == {"a": "x", "b": {"c": [1]}, "meta": {"e": 1}, "pair": "BTC/USDT"}


def test_an_entry_with_meta_alone_is_stored():
    assert entry_of({"note": "x", "probability": 0})["meta"] == {"note": "x"}


def test_meta_of_the_set_keeps_scalars_objects_and_lists_of_scalars():
    meta = {"a": 1, "b": {"c": None}, "d": [1, None, {}, "x"], "e": None}
    assert read_push({"meta": meta}, NOW_S).meta == {"a": 1, "b": {"c": None}, "d": [1, "x"]}


@pytest.mark.parametrize(
    ("symbol", "canonical"),
    [
        ("BTC/USDT", "BTCUSDT"),
        (" btc-usdt ", "BTCUSDT"),
        ("SOL_USDT", "SOL_USDT"),
        ("XRP/USDT:USDT", "XRPUSDT:USDT"),
        ("BTC/USDC", "BTCUSDC"),
    ],
)
def test_symbols_are_stored_under_the_canonical_key(symbol, canonical):
    (entry,) = stored({"predictions": {symbol: {"probability": 0.5}}}).items()
    assert entry[0] == entry[1]["canonical"] == canonical
    assert entry[1]["symbol"] == symbol


def test_of_two_names_of_a_pair_the_last_one_wins():
    body = {"predictions": {"BTC/USDT": {"probability": 0.1}, "BTCUSDT": {"probability": 0.2}}}
    assert [entry["probability"] for entry in stored(body).values()] == [0.2]


def test_the_recommended_payload_is_shown_as_the_contract_shows_it():
    entry = {"probability": 0.66, "ev_bps": 120.0, "confidence": 0.85}
    body = {"generated_at": 1795216651.085, "source": "freqtrade", "horizon_minutes": 60, "meta": {"model": "lgbm"}}
    assert read_push({**body, "predictions": {"BTC/USDT": entry}}, NOW_S).as_json() == {
        "generated_at": 1795216651.085,
        "source": "freqtrade",
        "horizon_minutes": 60.0,
        "window_minutes": None,
        "pairs": {
            "BTCUSDT": {
                "probability": 0.66,
                "probability_pct": 66.0,
                "ev_bps": 120.0,
                "ev_pct": 1.2,
                "score": 66.0,
                "confidence": 0.85,
                "confidence_pct": 85.0,
                "symbol": "BTC/USDT",
                "canonical": "BTCUSDT",
                "source": "freqtrade",
                "generated_at": 1795216651.085,
                "horizon_minutes": 60.0,
            }
        },
        "meta": {"model": "lgbm"},
        "updated_at": NOW_S,
    }


def test_reading_the_file_loses_meta_of_the_set_and_an_expected_value_of_zero():
    entries = {"BTC/USDT": {"probability": "0.0", "ev_bps": "0.0", "x": 1}}
    before = read_push({"meta": {"a": 1}, "predictions": entries}, NOW_S)
    after = read_file(json.loads(json.dumps(before.as_json())), NOW_S + 60)
    assert after.meta is None
    assert after.updated_at == NOW_S
    entry = after.pairs["BTCUSDT"]
    assert "ev_bps" not in entry
    assert entry["probability"] == 0.0
    assert entry["symbol"] == "BTCUSDT"
    assert entry["meta"]["meta"] == {"x": 1}
    assert entry["meta"]["symbol"] == "BTC/USDT"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
numbers = ["probability", "prob", "p", "probability_pct", "logit", "ev_bps", "ev", "confidence", "score", "horizon"]
keys = st.sampled_from([*numbers, "ts", "meta", "x"])
entries = st.dictionaries(keys, json_values, max_size=4)
names = st.sampled_from(["BTC/USDT", "eth-usdt", "SOL_USDT", "", " ", "/"])
bodies = st.dictionaries(st.sampled_from(["generated_at", "source", "horizon", "meta"]), json_values) | st.builds(
    lambda pairs, made_at: {"predictions": pairs, "generated_at": made_at},
    st.dictionaries(names, entries, max_size=3) | json_values,
    json_values,
)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_whatever_is_sent_can_be_read_and_read_again_from_the_file(body):
    first = read_push(body, NOW_S)
    again = read_file(json.loads(json.dumps(first.as_json())), NOW_S)
    assert again.pairs.keys() == first.pairs.keys()
    for symbol, entry in first.pairs.items():
        assert 0 <= entry.get("probability", 0) <= 1
        if "probability" in entry:
            assert again.pairs[symbol]["probability"] == entry["probability"]
        if entry.get("ev_bps"):
            assert again.pairs[symbol]["ev_bps"] == entry["ev_bps"]


@pytest.mark.parametrize(
    ("value", "finite"),
    [({"a": [1, {"b": 2.0}]}, True), ({"a": [1, {"b": math.inf}]}, False), (math.nan, False), ("nan", True)],
)
def test_numbers_that_are_not_finite_are_found_at_any_depth(value, finite):
    assert is_finite(value) is finite
