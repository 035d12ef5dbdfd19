"""``init_userdir`` fills a user directory and never destroys what is in it."""

import json
import subprocess
import sys

import pytest

from freqai_ext.config import load_ext_settings
from freqai_ext.errors import ScaffoldError
from freqai_ext.scaffold import SIDECAR_CONFIG_NAME, discover_classes, init_userdir, next_steps, starting_config

MODELS = [thin.name for thin in discover_classes("freqai_ext.models")]
STRATEGIES = [thin.name for thin in discover_classes("freqai_ext.strategies")]


def freqtrade(*arguments):
    command = [sys.executable, "-m", "freqtrade", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_classes_are_discovered():
    assert {"CatboostRegressor", "CatboostClassifierMultiTarget", "CustomRegressor"} <= set(MODELS)
    assert STRATEGIES == [
        "FreqAIExampleStrategy",
        "FreqaiHyperStrategy",
        "GraphitiHybridStrategy",
        "GuardianSidecarStrategy",
    ]


def test_a_directory_that_does_not_exist_is_created_with_freqtrades_folders(tmp_path):
    userdir = tmp_path / "deep" / "user_data"
    report = init_userdir(userdir)
    assert {"data", "hyperopts", "strategies", "freqaimodels", "backtest_results"} <= {
        p.name for p in userdir.iterdir()
    }
    assert set(report.written) == {path for path in userdir.rglob("*") if path.is_file()}
    assert report.unchanged == report.refused == report.backups == ()


def test_a_second_run_changes_nothing(tmp_path):
    written = init_userdir(tmp_path).written
    before = tree(tmp_path)
    report = init_userdir(tmp_path)
    assert report.unchanged == written
    assert report.written == report.refused == ()
    assert tree(tmp_path) == before


def test_a_file_with_other_content_is_refused_and_the_others_are_written(tmp_path):
    mine = tmp_path / "freqaimodels" / "CatboostRegressor.py"
    mine.parent.mkdir()
    mine.write_text("class CatboostRegressor: ...\n")
    report = init_userdir(tmp_path)
    assert report.refused == (mine,)
    assert mine.read_text() == "class CatboostRegressor: ...\n"
    # All classes but one, four configurations, and the entry to Guardian's features.
    assert len(report.written) == len(MODELS) - 1 + len(STRATEGIES) + 4 + 1


def test_force_replaces_a_file_and_keeps_every_earlier_content(tmp_path):
    config = init_userdir(tmp_path).config
    wanted = config.read_text()
    for content in ("first", "second"):
        config.write_text(content)
        report = init_userdir(tmp_path, force=True)
        assert report.written == (config,)
        assert config.read_text() == wanted
        assert report.backups[0].read_text() == content
    assert {path.name for path in tmp_path.glob("*.bak*")} == {f"{config.name}.bak", f"{config.name}.bak2"}


def test_no_temporary_file_remains(tmp_path):
    init_userdir(tmp_path)
    assert [path for path in tree(tmp_path) if "tmp" in path] == []


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "strategies").write_text("")
    with pytest.raises(ScaffoldError, match=r"`.*strategies` exists already and is not a directory"):
        init_userdir(tmp_path)


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "config_freqai_ext.json").mkdir()
    with pytest.raises(ScaffoldError, match=r"config_freqai_ext\.json: cannot be written \(Is a directory\)"):
        init_userdir(tmp_path)


def test_a_directory_that_cannot_be_created_is_named(tmp_path):
    with pytest.raises(ScaffoldError, match=r"x{300}: cannot be used as a user directory \(File name too long\)"):
        init_userdir(tmp_path / ("x" * 300))


def test_spot_and_futures_configurations_live_side_by_side(tmp_path):
    spot, futures = init_userdir(tmp_path), init_userdir(tmp_path, trading_mode="futures")
    assert spot.config != futures.config
    assert futures.written == (futures.config, tmp_path / "config_freqai_hyper_futures.json")
    assert (tmp_path / "config_freqai_hyper.json").is_file()
    config = json.loads(futures.config.read_text())
    assert (config["trading_mode"], config["margin_mode"]) == ("futures", "isolated")


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_the_starting_configuration_holds_no_secret_and_fits_on_a_screen(tmp_path, trading_mode):
    text = init_userdir(tmp_path, trading_mode=trading_mode).config.read_text()
    assert json.loads(text) == starting_config(trading_mode)
    assert len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 120
    assert (
        not {"key", "secret", "password", "jwt_secret_key", "token"} & starting_config(trading_mode)["exchange"].keys()
    )
    assert "api_server" not in text
    assert starting_config(trading_mode)["dry_run"] is True


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_the_starting_configuration_states_our_defaults(trading_mode):
    settings = load_ext_settings(starting_config(trading_mode))
    section = starting_config(trading_mode)["freqai_ext"]
    assert settings.features.reference_pair == starting_config(trading_mode)["exchange"]["pair_whitelist"][0]
    del section["features"]
    assert load_ext_settings({"freqai_ext": section}) == load_ext_settings({})


def test_the_next_commands_name_the_directory_safely(tmp_path):
    steps = next_steps(init_userdir(tmp_path / "my data"))
    for command in (steps.offline, *steps.with_candles):
        assert f"--userdir '{tmp_path}/my data' -c '{tmp_path}/my data/config_freqai_ext.json'" in command
    assert steps.offline.startswith("freqai-ext offline -- freqtrade backtesting ")
    assert "--strategy FreqAIExampleStrategy --freqaimodel CatboostRegressor --timerange " in steps.offline


@pytest.mark.e2e
def test_freqtrade_lists_every_strategy(tmp_path):
    init_userdir(tmp_path)
    result = freqtrade("list-strategies", "--userdir", tmp_path, "-1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == STRATEGIES


@pytest.mark.e2e
def test_freqtrade_lists_every_model(tmp_path):
    init_userdir(tmp_path)
    result = freqtrade("list-freqaimodels", "--userdir", tmp_path, "-1")
    assert result.returncode == 0, result.stderr
    assert set(MODELS) <= set(result.stdout.split())


@pytest.mark.e2e
@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_freqtrade_accepts_the_configuration(tmp_path, trading_mode):
    report = init_userdir(tmp_path, trading_mode=trading_mode)
    result = freqtrade("show-config", "--userdir", tmp_path, "-c", report.config)
    assert result.returncode == 0, result.stderr
    assert "Your combined configuration is:" in result.stdout + result.stderr


def test_the_entry_to_guardians_features_stands_where_the_original_names_it(tmp_path):
    init_userdir(tmp_path)
    path = tmp_path / "freqai" / "data_providers" / "bybitbot_features.py"
    code = f"import runpy; print(sorted(name for name in runpy.run_path({str(path)!r}) if name.endswith('features')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['current_features', 'recorded_features']"
    usage = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, check=True)
    assert "Poll and record Guardian's features until Ctrl-C" in usage.stdout


def test_the_sidecars_configuration_is_for_spot_and_trades_nothing(tmp_path):
    init_userdir(tmp_path / "spot")
    config = json.loads((tmp_path / "spot" / SIDECAR_CONFIG_NAME).read_text())
    assert config["dry_run"] is True
    settings = load_ext_settings(config).guardian
    assert (settings.trade, settings.allow_live, settings.features.enabled) == (False, False, True)
    init_userdir(tmp_path / "futures", trading_mode="futures")
    assert not (tmp_path / "futures" / SIDECAR_CONFIG_NAME).exists()
