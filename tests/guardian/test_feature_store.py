import logging
import math
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow
from freqai_ext.guardian.schema import SCHEMA, SCHEMA_VERSION

NAMES = [column.name for column in SCHEMA]


def row(symbol, **numbers):
    return FeatureRow(symbol, tuple(float(numbers.get(name, math.nan)) for name in NAMES))


def column(record, name):
    return record.values[:, NAMES.index(name)].tolist()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "guardian.sqlite"


@pytest.fixture
def store(path):
    opened = FeatureStore(path)
    yield opened
    opened.close()


def execute(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_rows_come_back_by_symbol_in_order_of_time(store):
    store.append([row("BTCUSDT", change_pct=2.0), row("ETHUSDT", change_pct=7.0)], 200.5)
    store.append([row("BTCUSDT", change_pct=1.0, spread_bps=3.0)], 100.25)
    record = store.read("BTCUSDT")
    assert record.times_s.tolist() == [100.25, 200.5]
    assert column(record, "change_pct") == [1.0, 2.0]
    assert column(record, "spread_bps")[0] == 3.0
    assert math.isnan(column(record, "spread_bps")[1])
    assert record.values.dtype == record.times_s.dtype == np.float64
    assert store.symbols() == ("BTCUSDT", "ETHUSDT")
    assert store.newest_s() == 200.5


def test_the_bounds_of_a_read_belong_to_it(store):
    for time_s in (1.0, 2.0, 3.0, 4.0):
        store.append([row("BTCUSDT", change_pct=time_s)], time_s)
    assert store.read("BTCUSDT", 2.0, 3.0).times_s.tolist() == [2.0, 3.0]


def test_nothing_recorded_is_an_empty_record(store):
    store.append([], 5.0)
    record = store.read("BTCUSDT")
    assert record.times_s.shape == (0,)
    assert record.values.shape == (0, len(SCHEMA))
    assert store.newest_s() is None
    assert store.symbols() == ()


def test_an_answer_that_repeats_the_former_is_recorded_too(store):
    for time_s in (100.0, 400.0):
        store.append([row("BTCUSDT", change_pct=1.0)], time_s)
    assert store.read("BTCUSDT").times_s.tolist() == [100.0, 400.0]


def test_the_same_time_again_replaces_the_row(store):
    store.append([row("BTCUSDT", change_pct=1.0)], 100.0)
    store.append([row("BTCUSDT", change_pct=2.0)], 100.0)
    assert column(store.read("BTCUSDT"), "change_pct") == [2.0]


def test_rows_are_there_after_the_database_is_opened_again(store, path):
    store.append([row("BTCUSDT", change_pct=1.0)], 100.0)
    store.close()
    again = FeatureStore(path)
    assert column(again.read("BTCUSDT"), "change_pct") == [1.0]
    again.close()


def test_purge_deletes_what_is_older_and_says_how_much(store):
    for time_s in (1.0, 2.0, 3.0):
        store.append([row("BTCUSDT"), row("ETHUSDT")], time_s)
    assert store.purge(3.0) == 4
    assert store.read("ETHUSDT").times_s.tolist() == [3.0]


def test_a_database_of_an_older_schema_gets_the_missing_columns_and_keeps_its_own(path):
    execute(
        path,
        "CREATE TABLE guardian_features (symbol TEXT, fetched_at_s FLOAT, change_pct FLOAT, given_up FLOAT, "
        "PRIMARY KEY (symbol, fetched_at_s))",
    )
    execute(path, "INSERT INTO guardian_features VALUES ('BTCUSDT', 100.0, 1.5, 42.0)")
    store = FeatureStore(path)
    store.append([row("BTCUSDT", change_pct=2.5, hourly_rsi=60.0)], 200.0)
    record = store.read("BTCUSDT")
    store.close()
    assert column(record, "change_pct") == [1.5, 2.5]
    assert column(record, "hourly_rsi")[1] == 60.0
    assert math.isnan(column(record, "hourly_rsi")[0])
    assert execute(path, "SELECT given_up FROM guardian_features ORDER BY fetched_at_s") == [(42.0,), (None,)]
    assert execute(path, "SELECT version FROM guardian_feature_schema") == [(SCHEMA_VERSION,)]


def test_an_open_database_is_used_and_left_open(path):
    engine = open_database(path)
    store = FeatureStore(engine)
    store.append([row("BTCUSDT", change_pct=1.0)], 100.0)
    store.close()
    assert column(FeatureStore(engine).read("BTCUSDT"), "change_pct") == [1.0]
    engine.dispose()


def test_listeners_hear_of_rows_once_they_are_recorded(store):
    heard = []
    store.subscribe(lambda rows, time_s: heard.append((rows[0].symbol, time_s, store.newest_s())))
    store.append([row("BTCUSDT")], 100.0)
    store.append([], 200.0)
    assert heard == [("BTCUSDT", 100.0, 100.0)]


def test_a_recording_that_is_not_there_is_an_empty_history_and_said_once(path, caplog):
    recorded = FeatureStore.recorded(path)
    assert recorded.read("BTCUSDT").times_s.shape == (0,)
    assert recorded.newest_s() is None
    assert recorded.symbols() == ()
    assert [record.levelno for record in caplog.records if record.name == "freqai_ext.guardian.feature_store"] == [
        logging.WARNING
    ]
    assert f"{path}: no recorded Guardian features" in caplog.text
    assert not path.exists()


def test_a_database_without_features_is_an_empty_history(path, caplog):
    execute(path, "CREATE TABLE pushes (id TEXT)")
    recorded = FeatureStore.recorded(path)
    assert recorded.read("BTCUSDT").values.shape == (0, len(SCHEMA))
    assert "no recorded Guardian features" in caplog.text


def test_a_recording_is_read_while_it_is_written(store, path):
    store.append([row("BTCUSDT", change_pct=1.0)], 100.0)
    recorded = FeatureStore.recorded(path)
    assert column(recorded.read("BTCUSDT"), "change_pct") == [1.0]
    store.append([row("BTCUSDT", change_pct=2.0)], 200.0)
    assert column(recorded.read("BTCUSDT"), "change_pct") == [1.0, 2.0]
    assert recorded.newest_s() == 200.0


def test_a_recording_of_an_older_schema_is_read_as_it_is(path):
    execute(path, "CREATE TABLE guardian_features (symbol TEXT, fetched_at_s FLOAT, change_pct FLOAT)")
    execute(path, "INSERT INTO guardian_features VALUES ('BTCUSDT', 100.0, 1.5)")
    record = FeatureStore.recorded(path).read("BTCUSDT")
    assert column(record, "change_pct") == [1.5]
    assert math.isnan(column(record, "hourly_rsi")[0])


def test_a_recording_is_not_written(store, path):
    recorded = FeatureStore.recorded(path)
    with pytest.raises(GuardianDataError, match=r"guardian\.sqlite: opened for reading only; the sidecar writes it"):
        recorded.append([row("BTCUSDT")], 100.0)
    with pytest.raises(GuardianDataError, match="reading only"):
        recorded.purge(1.0)


def test_a_table_that_went_missing_is_told_with_path_and_remedy(store, path):
    execute(path, "DROP TABLE guardian_features")
    with pytest.raises(GuardianDataError, match=r"guardian\.sqlite: it cannot be used .*\(no such table.*move it away"):
        store.append([row("BTCUSDT")], 100.0)
    with pytest.raises(GuardianDataError, match="no such table"):
        store.read("BTCUSDT")


def test_texts_and_infinities_that_somebody_wrote_are_no_numbers(store, path):
    store.append([row("BTCUSDT", change_pct=1.0)], 100.0)
    execute(path, "UPDATE guardian_features SET spread_bps = 9e999")
    assert math.isnan(column(store.read("BTCUSDT"), "spread_bps")[0])
    execute(path, "UPDATE guardian_features SET spread_bps = 'wide'")
    with pytest.raises(GuardianDataError, match=r"guardian\.sqlite: the recorded features are not all numbers"):
        store.read("BTCUSDT")


def test_several_threads_append_and_read_at_once(store):
    faults = []

    def work(symbol):
        try:
            for time_s in range(20):
                store.append([row(symbol, change_pct=time_s)], float(time_s))
                assert len(store.read(symbol).times_s) == time_s + 1
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(f"{name}USDT",)) for name in "ABC"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(store.symbols()) == 3


def test_the_state_counts_what_was_known_by_a_time(store, path):
    assert store.state(1e12) == (0, 0.0)
    for time_s in (1.0, 2.0, 3.0):
        store.append([row("BTCUSDT"), row("ETHUSDT")], time_s)
    assert store.state(2.0) == (4, 2.0)
    assert FeatureStore.recorded(path).state(2.0) == (4, 2.0)
    assert FeatureStore.recorded(path.with_name("none.sqlite")).state(2.0) == (0, 0.0)
