"""The repository's own user directory, configurations and settings reference are what the package generates."""

from pathlib import Path

import pytest

from freqai_ext._settings import Settings
from freqai_ext.config import ExtSettings
from freqai_ext.scaffold import init_userdir
from freqai_ext.scaffold.reference import meanings, settings_reference
from freqai_ext.scaffold.repository import repository_files, write_repository

ROOT = Path(__file__).parents[2]
CLASS_FOLDERS = ("strategies", "freqaimodels")
UPDATE = "run 'make scaffold'"


@pytest.mark.parametrize("path", sorted(repository_files()))
def test_the_generated_file_is_up_to_date(path):
    assert (ROOT / path).is_file(), UPDATE
    assert (ROOT / path).read_text() == repository_files()[path], UPDATE


def test_the_repositorys_user_directory_is_what_init_writes(tmp_path):
    init_userdir(tmp_path)
    for folder in CLASS_FOLDERS:
        written = {path.name: path.read_text() for path in (tmp_path / folder).glob("*.py")}
        kept = {path.name: path.read_text() for path in (ROOT / "user_data" / folder).glob("*.py")}
        assert written == kept, UPDATE


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_the_repositorys_configuration_is_what_init_writes(tmp_path, trading_mode):
    written = init_userdir(tmp_path, trading_mode=trading_mode).config
    assert (ROOT / "configs" / f"freqai_ext_{trading_mode}.json").read_text() == written.read_text(), UPDATE


def test_writing_touches_only_files_that_differ(tmp_path):
    changed = write_repository(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in changed} == set(repository_files())
    assert write_repository(tmp_path) == ()
    changed[0].write_text("edited")
    assert write_repository(tmp_path) == (changed[0],)


def sections(settings=ExtSettings):
    yield settings
    for field in settings.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from sections(field.annotation)


@pytest.mark.parametrize("section", list(sections()), ids=lambda section: section.__name__)
def test_every_setting_has_a_meaning(section):
    assert list(meanings(section)) == list(section.model_fields)
    assert all(meanings(section).values())


def test_the_reference_shows_path_type_default_and_meaning():
    line = next(line for line in settings_reference().splitlines() if "`freqai_ext.strategy.leverage`" in line)
    assert line.startswith("| `freqai_ext.strategy.leverage` | number, >= 1 | `1.0` | Leverage of futures trades")


def test_every_table_row_has_four_cells():
    rows = [line for line in settings_reference().splitlines() if line.startswith("|")]
    assert len(rows) > 20
    assert {row.replace(r"\|", "").count("|") for row in rows} == {5}
