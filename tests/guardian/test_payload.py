import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from freqai_ext.guardian.opinion import Opinion, OpinionSet
from freqai_ext.guardian.payload import SentEntry, Thresholds, opinions_payload, sent_entries, silent_payload
from freqai_ext.guardian.settings import GuardianPolicySettings
from freqai_ext.guardian.symbols import guardian_symbol

NOW_S = 1_795_000_000.0
CANDLE_S = 300.0
UNIVERSE = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "ADA/USDT")
DEFAULT = GuardianPolicySettings()


def make_opinion(pair="BTC/USDT", **changes):
    values = {
        "pair": pair,
        "made_at_s": NOW_S - 10.0,
        "probability": 0.6,
        "ev_bps": 25.0,
        "confidence": 0.8,
        "horizon_min": 60.0,
        "trained_at_s": NOW_S - 3_600.0,
        "trusted": True,
    }
    return Opinion(**(values | changes))


def make_set(*opinions, universe=UNIVERSE, **changes):
    values = {
        "universe": tuple(universe),
        "opinions": {opinion.pair: opinion for opinion in opinions},
        "created_at_s": NOW_S - 5.0,
        "candle_s": CANDLE_S,
        "model": "CalibratedSignalModel",
        "identifier": "guardian-v1",
    }
    return OpinionSet(**(values | changes))


def full_set(**changes):
    return make_set(*(make_opinion(pair) for pair in UNIVERSE), **changes)


def payload_of(opinions, policy=DEFAULT, now_s=NOW_S, thresholds=Thresholds()):  # noqa: B008
    return opinions_payload(opinions, now_s, policy, thresholds, "push-1")


# Guardian's side, written from sections 6 and 7 of the contract and from nothing of ours.


def guardian_reads_number(value):
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def guardian_reads_share(value):
    number = guardian_reads_number(value)
    if number is None:
        return None
    return min(max(number / 100.0 if number > 1 else number, 0.0), 1.0)


def guardian_stores(body):
    """Return the entries that Guardian would hold after this POST, and fail where it would be poisoned."""

    def poison(constant):
        raise AssertionError(f"{constant} poisons Guardian")

    raw = json.loads(body, parse_constant=poison)
    assert isinstance(raw, dict)
    check_finite(raw)
    container = next((raw[key] for key in ("predictions", "pairs", "symbols", "data") if raw.get(key)), {})
    stored = {}
    for symbol, entry in container.items():
        if not isinstance(entry, dict):
            continue
        probability, ev_bps = guardian_reads_share(entry.get("probability")), guardian_reads_number(entry.get("ev_bps"))
        kept = {"probability": probability or None, "ev_bps": ev_bps or None}
        if not any(kept.values()):
            continue
        kept["confidence"] = guardian_reads_share(entry.get("confidence"))
        kept["generated_at"] = guardian_reads_number(entry.get("generated_at")) or guardian_reads_number(
            raw.get("generated_at")
        )
        stored[symbol.strip().upper().replace("/", "").replace("-", "")] = kept
    return stored


def check_finite(value):
    if isinstance(value, dict):
        for item in value.values():
            check_finite(item)
    elif isinstance(value, list):
        for item in value:
            check_finite(item)
    elif isinstance(value, float):
        assert math.isfinite(value), "Guardian answers 500 from now on"


def check_section_6(payload):
    stored = guardian_stores(payload.body)
    assert stored.keys() == payload.entries.keys()
    for name, entry in payload.entries.items():
        assert stored[name]["probability"] == entry.probability
        assert stored[name]["ev_bps"] == entry.ev_bps
        assert stored[name]["generated_at"] == entry.generated_at_s
        assert 1e-6 <= entry.probability <= 1.0
        assert entry.ev_bps != 0.0
        # Only these match a pair of Guardian's.
        assert name.isalnum()
        assert name.endswith("USDT")
    raw = json.loads(payload.body)
    assert raw["generated_at"] == payload.generated_at_s
    assert payload.generated_at_s > 0
    for sent in raw["predictions"].values():
        for value in sent.values():
            assert isinstance(value, str | float)
            assert value not in (0, "")
        assert 0 < sent.get("confidence", 1.0) <= 1.0
    assert all(isinstance(value, str) for value in raw["meta"].values())


odd_numbers = st.one_of(
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, -5e-324, 1.0, 1.0000000001, 1.5, 50, 10**400, Decimal("0.5")]),
    st.sampled_from([np.float32(0.7), np.float64("nan"), np.int64(1), np.bool_(True)]),
    st.floats(0.0, 1.0),
)
times_s = st.one_of(st.floats(NOW_S - 900.0, NOW_S + 900.0), odd_numbers)
pair_names = st.one_of(
    st.sampled_from(["BTC/USDT", "BTC/USDT:USDT", "btc/usdt", " BTC/USDT ", "ETH/BTC", "SOL_USDT", "XRP/USDT:BTC"]),
    st.sampled_from(["1000PEPE/USDT", "BTC/USDC", "BTCUSDT", "/USDT", "", "ÄÖ/USDT", "\ud800/USDT", "A-B/USDT"]),
    st.text(max_size=12),
)


edges = st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-7, 1.0, 1.0 + 1e-12, -1e-12, 0, 1]) | st.floats(0.0, 1.0)


@st.composite
def opinion_sets(draw):
    def mostly(usual, odd):
        return draw(odd) if draw(st.integers(0, 5)) == 0 else usual

    universe = [*draw(st.lists(st.sampled_from(UNIVERSE))), *draw(st.lists(pair_names, max_size=4))]
    opinions = {
        pair: make_opinion(
            pair,
            made_at_s=mostly(NOW_S - 10.0, times_s),
            probability=mostly(draw(edges), odd_numbers),
            ev_bps=mostly(draw(edges), odd_numbers),
            confidence=draw(edges | odd_numbers),
            horizon_min=draw(edges | odd_numbers),
            trained_at_s=mostly(NOW_S - 3_600.0, times_s),
            trusted=mostly(True, st.booleans()),
        )
        for pair in universe
        if draw(st.integers(0, 5))
    }
    return make_set(
        universe=universe,
        opinions=opinions,
        created_at_s=draw(times_s),
        candle_s=mostly(CANDLE_S, odd_numbers),
        model=draw(st.text(max_size=5)),
        identifier=draw(st.text(st.characters(), max_size=5)),
    )


policies = st.builds(
    GuardianPolicySettings,
    untrusted_pair=st.sampled_from(["retract", "neutral"]),
    no_model=st.sampled_from(["retract", "neutral"]),
    min_trusted_share=st.sampled_from([0.0, 0.5, 1.0]),
    max_model_age_hours=st.sampled_from([None, 48.0]),
)
thresholds_of_guardian = st.builds(Thresholds, st.floats(), st.floats()) | st.just(Thresholds())


@given(opinion_sets(), policies, thresholds_of_guardian)
@settings(max_examples=250, deadline=None)
@example(make_set(make_opinion(probability=1e308)), DEFAULT, Thresholds())
@example(make_set(make_opinion(ev_bps=-0.0), universe=["BTC/USDT"]), DEFAULT, Thresholds(0.4, 0.6))
def test_whatever_a_model_says_guardian_stores_what_was_sent(opinions, policy, thresholds):
    payload = payload_of(opinions, policy, thresholds=thresholds)
    check_section_6(payload)
    tradable = {guardian_symbol(pair) for pair in opinions.universe} - {None}
    assert set(payload.unsupported) == {pair for pair in opinions.universe if guardian_symbol(pair) is None}
    assert len(payload.entries) <= len(tradable)
    if payload.kind == "opinions":
        assert 0 < payload.trusted <= len(payload.entries)
        assert payload.trusted >= policy.min_trusted_share * len(tradable)
        if policy.untrusted_pair == "neutral":
            assert len(payload.entries) == len(tradable)
    else:
        assert payload.trusted == 0
        assert len(payload.entries) == (len(tradable) if payload.kind == "neutral" else 0)


@given(st.permutations(list(UNIVERSE)))
@settings(max_examples=10)
def test_the_order_of_the_whitelist_does_not_change_what_is_said(universe):
    assert payload_of(full_set(universe=universe)).body == payload_of(full_set()).body


def test_the_body_is_what_the_contract_recommends():
    raw = json.loads(payload_of(full_set()).body)
    assert raw["source"] == "freqai-ext"
    assert raw["generated_at"] == NOW_S - 10.0
    assert raw["meta"] == {
        "model": "CalibratedSignalModel",
        "identifier": "guardian-v1",
        "version": "2026-11-18T10:06:40Z",
        "push_id": "push-1",
        "kind": "opinions",
    }
    assert raw["predictions"]["BTC/USDT"] == {
        "probability": 0.6,
        "ev_bps": 25.0,
        "generated_at": NOW_S - 10.0,
        "confidence": 0.8,
        "horizon_minutes": 60.0,
        "model_version": "2026-11-18T10:06:40Z",
    }


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(0.0, 1e-6), (-0.0, 1e-6), (5e-324, 1e-6), (1.0, 1.0), (1.0 + 1e-12, 1.0), (-1e-12, 1e-6), (1, 1.0), (0.25, 0.25)],
)
def test_a_probability_is_never_zero_and_never_above_one(sent, stored):
    payload = payload_of(make_set(make_opinion(probability=sent), universe=["BTC/USDT"]))
    assert payload.entries["BTCUSDT"].probability == stored


@pytest.mark.parametrize("probability", [math.nan, math.inf, -math.inf, 1.01, -0.01, 50, 1e308, True, None, "0.6"])
def test_a_probability_that_is_none_makes_the_pair_untrusted_and_is_not_clamped(probability):
    opinions = make_set(*(make_opinion(pair) for pair in UNIVERSE[1:]), make_opinion(probability=probability))
    payload = payload_of(opinions)
    assert payload.trusted == 3
    assert payload.entries["BTCUSDT"] == SentEntry(pytest.approx(0.47), -1e-6, NOW_S - 10.0)


@pytest.mark.parametrize(("sent", "stored"), [(0.0, -1e-6), (-0.0, -1e-6), (1e-9, 1e-6), (-1e-9, -1e-6), (1e4, 1e4)])
def test_an_expected_value_is_never_zero_and_keeps_its_sign(sent, stored):
    payload = payload_of(make_set(make_opinion(ev_bps=sent), universe=["BTC/USDT"]))
    assert payload.entries["BTCUSDT"].ev_bps == stored


@pytest.mark.parametrize("ev_bps", [math.nan, math.inf, -math.inf, 10_001.0, -1e308, True, None])
def test_an_expected_value_that_is_absurd_makes_the_pair_untrusted(ev_bps):
    payload = payload_of(make_set(make_opinion(ev_bps=ev_bps), universe=["BTC/USDT"]))
    assert (payload.kind, payload.trusted) == ("retraction", 0)


@pytest.mark.parametrize(
    ("confidence", "sent"), [(0.0, 1e-6), (1.0, 1.0), (1.2, None), (math.nan, None), (None, None), (True, None)]
)
def test_a_confidence_is_one_that_guardian_reads_as_such_or_left_out(confidence, sent):
    payload = payload_of(make_set(make_opinion(confidence=confidence), universe=["BTC/USDT"]))
    assert json.loads(payload.content)["BTC/USDT"].get("confidence", "left out") == (
        "left out" if sent is None else sent
    )


@pytest.mark.parametrize("horizon_min", [0.0, -5.0, math.nan, math.inf, None])
def test_a_horizon_that_is_none_is_left_out(horizon_min):
    payload = payload_of(make_set(make_opinion(horizon_min=horizon_min), universe=["BTC/USDT"]))
    assert "horizon_minutes" not in json.loads(payload.content)["BTC/USDT"]


@pytest.mark.parametrize(
    ("age_s", "trusted"), [(0.0, 1), (600.0, 1), (600.1, 0), (-300.0, 1), (-300.1, 0), (math.nan, 0), (-1e12, 0)]
)
def test_a_forecast_is_trusted_for_two_candles_after_its_own(age_s, trusted):
    opinions = make_set(make_opinion(made_at_s=NOW_S - age_s), universe=["BTC/USDT"])
    assert payload_of(opinions).trusted == trusted


@pytest.mark.parametrize(
    ("candle_s", "changes", "good_for_s"),
    [
        (300.0, {}, 600.0),
        (60.0, {}, 120.0),
        (3_600.0, {}, 3_900.0),
        (86_400.0, {}, 86_700.0),
        (3_600.0, {"analysis_grace_s": 60.0}, 3_660.0),
        (3_600.0, {"analysis_grace_s": None}, 7_200.0),
        (3_600.0, {"max_candle_age_candles": 1.0}, 3_600.0),
    ],
)
def test_a_forecast_ends_when_the_next_candle_should_have_been_analysed(candle_s, changes, good_for_s):
    opinions = make_set(make_opinion(made_at_s=NOW_S), universe=["BTC/USDT"], candle_s=candle_s)
    policy = GuardianPolicySettings(**changes)
    assert payload_of(opinions, policy).good_until_s == NOW_S + good_for_s
    assert payload_of(opinions, policy, now_s=NOW_S + good_for_s + 0.1).kind == "retraction"


@pytest.mark.parametrize(
    ("trained_at_s", "hours", "trusted"),
    [
        (NOW_S - 48 * 3_600, 48.0, 1),
        (NOW_S - 48 * 3_600 - 1, 48.0, 0),
        (NOW_S - 1e6, None, 1),
        (0.0, 48.0, 1),
        (math.nan, 48.0, 0),
        (math.nan, None, 0),
    ],
)
def test_a_model_is_trusted_up_to_its_age_limit_and_where_its_age_is_not_known(trained_at_s, hours, trusted):
    opinions = make_set(make_opinion(trained_at_s=trained_at_s), universe=["BTC/USDT"])
    assert payload_of(opinions, GuardianPolicySettings(max_model_age_hours=hours)).trusted == trusted


@pytest.mark.parametrize(("policy", "left"), [("retract", {"BTCUSDT", "ETHUSDT"}), ("neutral", None)])
def test_single_pairs_without_a_trusted_forecast_go_by_the_policy(policy, left):
    opinions = make_set(make_opinion(), make_opinion("ETH/USDT"), make_opinion("SOL/USDT", trusted=False))
    payload = payload_of(opinions, GuardianPolicySettings(untrusted_pair=policy))
    assert payload.trusted == 2
    assert payload.entries.keys() == (left or {"BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT"})


@pytest.mark.parametrize(
    ("trusted", "share", "kind"),
    [(2, 0.5, "opinions"), (1, 0.5, "retraction"), (1, 0.0, "opinions"), (0, 0.0, "retraction"), (4, 1.0, "opinions")],
)
def test_with_too_few_trusted_pairs_the_whole_set_is_taken_back(trusted, share, kind):
    opinions = make_set(*(make_opinion(pair) for pair in UNIVERSE[:trusted]))
    payload = payload_of(opinions, GuardianPolicySettings(min_trusted_share=share))
    assert payload.kind == kind
    assert bool(payload.entries) == (kind == "opinions")


def test_a_set_grown_old_becomes_a_retraction_by_itself():
    opinions = full_set()
    assert payload_of(opinions, now_s=NOW_S + 500.0).kind == "opinions"
    late = payload_of(opinions, now_s=NOW_S + 3_600.0)
    assert (late.kind, late.content, late.generated_at_s) == ("retraction", b"{}", NOW_S + 3_600.0)
    assert late.model == "CalibratedSignalModel"


def test_pairs_that_guardian_cannot_trade_neither_count_nor_are_sent():
    opinions = make_set(make_opinion(), universe=["BTC/USDT", "ETH/BTC", "SOL/EUR"])
    payload = payload_of(opinions, GuardianPolicySettings(min_trusted_share=1.0))
    assert payload.kind == "opinions"
    assert payload.unsupported == ("ETH/BTC", "SOL/EUR")
    assert list(json.loads(payload.content)) == ["BTC/USDT"]


def test_of_two_pairs_with_one_name_the_trusted_one_counts_and_then_the_newer():
    spot = make_opinion("BTC/USDT", probability=0.9, trusted=False)
    swap = make_opinion("BTC/USDT:USDT", probability=0.3)
    both = ("BTC/USDT", "BTC/USDT:USDT")
    assert payload_of(make_set(spot, swap, universe=both)).entries["BTCUSDT"].probability == 0.3
    older = make_opinion("BTC/USDT:USDT", probability=0.3, made_at_s=NOW_S - 200.0)
    spot = make_opinion("BTC/USDT", probability=0.9)
    for universe in (both, both[::-1]):
        assert payload_of(make_set(spot, older, universe=universe)).entries["BTCUSDT"].probability == 0.9
        assert payload_of(make_set(spot, swap, universe=universe)).entries["BTCUSDT"].probability == 0.9


@pytest.mark.parametrize(
    ("buy", "sell", "neutral"),
    [
        (0.52, 0.42, 0.47),
        (0.7, 0.6, 0.65),
        (0.4, 0.6, 0.47),
        (0.5, 0.5, 0.47),
        (1.5, 0.9, 0.47),
        (math.nan, 0.4, 0.47),
        (3e-188, 3e-288, 0.47),
    ],
)
def test_neutral_lies_between_guardians_thresholds_or_where_its_defaults_have_it(buy, sell, neutral):
    payload = silent_payload(["BTC/USDT"], "neutral", NOW_S, Thresholds(buy, sell), "push-1")
    assert payload.entries["BTCUSDT"].probability == pytest.approx(neutral)
    assert payload.entries["BTCUSDT"].ev_bps == -1e-6
    check_section_6(payload)


def test_a_retraction_is_an_explicit_empty_set():
    payload = silent_payload(UNIVERSE, "retract", NOW_S, Thresholds(), "push-1")
    assert json.loads(payload.body) == {
        "generated_at": NOW_S,
        "source": "freqai-ext",
        "meta": {"push_id": "push-1", "kind": "retraction"},
        "predictions": {},
    }
    assert payload.entries == {}


@pytest.mark.parametrize("universe", [(), ("ETH/BTC",)])
def test_without_a_pair_that_guardian_trades_all_is_a_retraction(universe):
    assert silent_payload(universe, "neutral", NOW_S, Thresholds(), "push-1").kind == "retraction"
    assert payload_of(make_set(universe=universe)).kind == "retraction"


@pytest.mark.parametrize("created_at_s", [NOW_S, NOW_S + 240.0, NOW_S * 1e3, 0.0, math.nan, None])
def test_a_set_is_never_newer_than_the_newest_candle_in_it(created_at_s):
    older = make_opinion("ETH/USDT", made_at_s=NOW_S - 310.0)
    opinions = make_set(make_opinion(), older, universe=["BTC/USDT", "ETH/USDT"], created_at_s=created_at_s)
    for now_s in (NOW_S, NOW_S + 250.0):
        payload = payload_of(opinions, now_s=now_s)
        assert payload.generated_at_s == json.loads(payload.body)["generated_at"] == NOW_S - 10.0
        times_s = {name: entry.generated_at_s for name, entry in payload.entries.items()}
        assert times_s == {"BTCUSDT": NOW_S - 10.0, "ETHUSDT": NOW_S - 310.0}


def test_a_candle_that_has_not_closed_makes_no_set_of_the_future():
    payload = payload_of(make_set(make_opinion(made_at_s=NOW_S + 200.0), universe=["BTC/USDT"]))
    assert (payload.trusted, payload.generated_at_s) == (1, NOW_S)


def test_sent_again_it_says_the_same_under_another_name():
    opinions = full_set()
    first = opinions_payload(opinions, NOW_S, DEFAULT, Thresholds(), "push-1")
    again = opinions_payload(opinions, NOW_S + 60.0, DEFAULT, Thresholds(), "push-2")
    assert first.says_the_same(again)
    assert first.body != again.body
    assert not first.says_the_same(opinions_payload(opinions, NOW_S + 3_600.0, DEFAULT, Thresholds(), "push-3"))


def test_the_entries_can_be_read_from_the_content_alone():
    payload = payload_of(make_set(make_opinion(), make_opinion("ETH/USDT")))
    assert sent_entries(payload.content, payload.generated_at_s) == payload.entries


@pytest.mark.parametrize(
    ("trained_at_s", "good_for_s"), [(NOW_S, 590.0), (0.0, 590.0), (NOW_S - 48 * 3_600.0 + 100.0, 100.0)]
)
def test_it_is_known_until_when_the_forecasts_are_good(trained_at_s, good_for_s):
    younger = make_opinion("ETH/USDT", made_at_s=NOW_S - 1.0)
    opinions = make_set(make_opinion(trained_at_s=trained_at_s), younger, universe=["BTC/USDT", "ETH/USDT"])
    payload = payload_of(opinions)
    assert payload.good_until_s == NOW_S + good_for_s
    assert payload_of(opinions, now_s=payload.good_until_s).trusted == 2
    assert payload_of(opinions, now_s=payload.good_until_s + 0.1).trusted == 1
    assert silent_payload(UNIVERSE, "neutral", NOW_S, Thresholds(), "push-1").good_until_s == math.inf
