import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.guardian.answers import PairFeatures
from freqai_ext.guardian.flatten import flatten
from freqai_ext.guardian.schema import MODEL_COLUMNS, SCHEMA

TURNED = {
    "model_directional_change_pct",
    "model_multiframe_change_pct",
    "model_depth_imbalance",
    "model_order_flow_ratio",
    "model_top_depth_imbalance",
}


def values(features, trend="wait"):
    row = flatten(PairFeatures("ADAUSDT", trend, features, None))
    return dict(zip((column.name for column in SCHEMA), row.values, strict=True))


def test_flat_dotted_and_nested_numbers_find_their_columns():
    found = values(
        {
            "turnover_usd": 9.2e7,
            "model.turnover_log": 7.9,
            "top_depth_quote.bid": 5,
            "volume_impulse": {"1h": 0.25},
            "hourly_signal": {"rsi": 61.5, "ema_cross_bars_ago": 3},
        }
    )
    assert found["turnover_usd"] == 9.2e7
    assert found["model_turnover_log"] == 7.9
    assert found["top_depth_bid_usd"] == 5.0
    assert found["volume_impulse_1h"] == 0.25
    assert found["hourly_rsi"] == 61.5
    assert found["hourly_ema_cross_bars_ago"] == 3.0


def test_what_is_absent_is_nan():
    found = values({})
    assert found.pop("trend") == 0.0
    assert all(math.isnan(value) for value in found.values())


def test_our_own_push_and_what_has_no_stable_meaning_is_not_kept():
    unwanted = {"score", "ev_bps", "probability", "gross_ev_bps", "note", "model.holding_period_minutes"}
    paths = {column.path for column in SCHEMA}
    assert not unwanted & paths
    assert not [path for path in paths if path.startswith(("freqai", "fallback", "correlations", "model.session"))]


NUMBERS = [column for column in SCHEMA if column.kind == "number"]


@pytest.mark.parametrize("column", NUMBERS, ids=lambda column: column.name)
def test_a_sell_trend_turns_back_exactly_the_five_direction_dependent_ones(column):
    sold = values({column.path: 0.75}, "sell")[column.name]
    assert sold == (-0.75 if column.name in TURNED else 0.75)
    assert values({column.path: 0.75}, "buy")[column.name] == 0.75


def test_a_turned_zero_is_a_plain_zero():
    assert math.copysign(1.0, values({"model.depth_imbalance": 0.0}, "sell")["model_depth_imbalance"]) == 1.0


def test_without_a_known_trend_the_sign_is_not_known_either():
    found = values({"model.depth_imbalance": 0.5, "depth_imbalance": 0.5}, None)
    assert math.isnan(found["model_depth_imbalance"])
    assert math.isnan(found["trend"])
    assert found["depth_imbalance"] == 0.5


@pytest.mark.parametrize("trend", ["buy", "sell", "wait"])
def test_the_trend_is_a_sign(trend):
    assert values({}, trend)["trend"] == {"buy": 1.0, "sell": -1.0, "wait": 0.0}[trend]


@pytest.mark.parametrize(
    "value", [None, True, "12.5", math.nan, math.inf, -math.inf, 10**400, [], {}, [1.0], {"1h": 1.0}, b"1", 1j]
)
def test_what_is_no_finite_number_is_nan(value):
    assert math.isnan(values({"turnover_usd": value})["turnover_usd"])


@pytest.mark.parametrize(("value", "number"), [(True, 1.0), (False, 0.0), (None, None), (1.0, None), ("true", None)])
def test_a_flag_is_one_or_zero(value, number):
    found = values({"hourly_signal": {"breakout": value}})["hourly_breakout"]
    assert math.isnan(found) if number is None else found == number


@pytest.mark.parametrize(
    ("value", "number"), [("bullish", 1.0), ("bearish", -1.0), (None, 0.0), ("odd", None), (1, None)]
)
def test_the_cross_is_a_sign_and_null_is_none(value, number):
    found = values({"hourly_signal": {"ema_cross": value}})["hourly_ema_cross"]
    assert math.isnan(found) if number is None else found == number


def test_a_nested_object_that_is_something_else_hides_nothing():
    found = values({"hourly_signal": "text", "volume_impulse": None, "volatility_windows": [1], "change_pct": 1.5})
    assert found["change_pct"] == 1.5
    assert math.isnan(found["hourly_rsi"])


def test_the_schema_has_distinct_sql_names_and_few_model_columns():
    names = [column.name for column in SCHEMA]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert not {"symbol", "fetched_at_s"} & set(names)
    assert len(MODEL_COLUMNS) + 2 <= 45
    assert {column.name for column in SCHEMA if column.direction_dependent} == TURNED


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**500) | st.text(max_size=5)
ANYTHING = st.recursive(
    SCALARS | st.sampled_from(["bullish", "bearish", "1e5", "nan"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
PARTS = sorted({part for column in SCHEMA for part in (column.path, *column.path.split(".", 1))})
MAPPINGS = st.dictionaries(
    st.sampled_from(PARTS) | st.text(max_size=6) | st.integers() | st.none(),
    ANYTHING | st.dictionaries(st.sampled_from(PARTS), ANYTHING, max_size=4),
    max_size=8,
)


@given(features=MAPPINGS, trend=st.sampled_from(["buy", "sell", "wait", None]))
@settings(max_examples=300, deadline=None)
def test_any_mapping_whatsoever_gives_finite_numbers_or_nan(features, trend):
    assert isinstance(features, Mapping)
    row = flatten(PairFeatures("ADAUSDT", trend, features, None))
    assert len(row.values) == len(SCHEMA)
    assert all(type(value) is float and not math.isinf(value) for value in row.values)
