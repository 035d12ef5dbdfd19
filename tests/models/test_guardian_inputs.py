import pytest

from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow
from freqai_ext.guardian.schema import SCHEMA
from freqai_ext.models._guardian_inputs import guardian_inputs
from freqai_ext.models._prediction_origin import prediction_origin

FEBRUARY_S = 1_738_368_000.0
MARCH_S = 1_740_787_200.0
ROW = FeatureRow("BTCUSDT", (1.0,) * len(SCHEMA))


@pytest.fixture
def store(tmp_path):
    store = FeatureStore(tmp_path / "guardian" / "guardian.sqlite")
    yield store
    store.close()


def config(folder, timerange="20250201-20250301", **guardian):
    return {
        "user_data_dir": folder,
        "timerange": timerange,
        "freqai": {"identifier": "i"},
        "freqai_ext": {"guardian": guardian},
    }


def test_only_what_guardian_gives_the_model_makes_other_predictions(tmp_path):
    plain = prediction_origin({**config(tmp_path), "freqai_ext": {}})
    assert prediction_origin(config(tmp_path)) == plain
    pushing = config(tmp_path, url="http://guardian:1", push_interval_s=60, policy={"shutdown": "neutral"})
    assert prediction_origin(pushing) == plain
    assert prediction_origin(config(tmp_path, features=True)) != plain


def test_rows_recorded_since_within_the_timerange_make_other_predictions(tmp_path, store):
    store.append([ROW], FEBRUARY_S)
    before = prediction_origin(config(tmp_path, features=True))
    store.append([ROW], MARCH_S + 1.0)
    assert prediction_origin(config(tmp_path, features=True)) == before
    store.append([ROW], MARCH_S - 1.0)
    assert prediction_origin(config(tmp_path, features=True)) != before


def test_without_an_end_every_row_counts(tmp_path, store):
    store.append([ROW], FEBRUARY_S)
    open_end = config(tmp_path, timerange="20250201-", features=True)
    before = prediction_origin(open_end)
    store.append([ROW], MARCH_S + 1.0)
    assert prediction_origin(open_end) != before


def test_a_trade_journal_that_has_grown_makes_other_predictions(tmp_path):
    journal = tmp_path / "data" / "pnl" / "executions.mainnet.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("{}\n")
    taught = config(tmp_path, trades={"data_dir": str(tmp_path / "data")})
    before = prediction_origin(taught)
    assert prediction_origin(taught) == before
    journal.write_text("{}\n{}\n")
    assert prediction_origin(taught) != before


def test_a_section_that_is_not_valid_is_left_to_those_who_load_it(tmp_path):
    assert guardian_inputs(config(tmp_path, features="yes please")) == {}
