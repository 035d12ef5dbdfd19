import pytest
from sqlalchemy.exc import OperationalError

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.database import open_database


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "new folder" / "guardian.sqlite"
    engine = open_database(path)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (number INTEGER)")
        connection.exec_driver_sql("INSERT INTO numbers VALUES (7)")
    yield path, engine
    engine.dispose()


def numbers(engine):
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT number FROM numbers").scalars().all()


def test_a_reader_sees_what_is_committed_while_a_writer_is_at_work(written):
    path, engine = written
    reader = open_database(path, read_only=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO numbers VALUES (8)")
        assert numbers(reader) == [7]
    assert numbers(reader) == [7, 8]
    reader.dispose()


def test_a_reader_cannot_write(written):
    reader = open_database(written[0], read_only=True)
    with pytest.raises(OperationalError, match="readonly"), reader.begin() as connection:
        connection.exec_driver_sql("INSERT INTO numbers VALUES (9)")
    reader.dispose()


def test_it_writes_ahead_of_its_file(written):
    with written[1].connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000


def test_a_missing_file_is_not_made_for_reading(tmp_path):
    path = tmp_path / "guardian.sqlite"
    with pytest.raises(GuardianDataError, match=r"guardian\.sqlite: no such file"):
        open_database(path, read_only=True)
    assert not path.exists()


def test_another_kind_of_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "guardian.sqlite"
    path.write_text("these are no tables" * 100)
    with pytest.raises(GuardianDataError, match="it is no SQLite database"):
        open_database(path)
    assert path.read_text() == "these are no tables" * 100


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GuardianDataError, match=r"file: cannot be made .*set freqai_ext\.guardian\.database"):
        open_database(tmp_path / "file" / "guardian.sqlite")
