"""Checks of the configuration files."""

import pytest

from freqai_ext._silence import silence
from freqai_ext.doctor import DoctorRequest, Level
from freqai_ext.doctor.configuration import check_configuration, load_config
from freqai_ext.doctor.context import Context
from freqai_ext.doctor.finding import CheckSkippedError


def check(setup):
    with silence():
        return list(check_configuration(Context(setup.request())))


def problems(setup):
    return [finding for finding in check(setup) if finding.level is not Level.OK]


def test_a_scaffolded_configuration_is_in_order(setup):
    assert problems(setup) == []


def test_without_a_configuration_the_check_is_skipped():
    with pytest.raises(CheckSkippedError, match="no configuration given; name it with -c"):
        list(check_configuration(Context(DoctorRequest())))


def test_broken_json_shows_the_place(setup):
    setup.config_file.write_text('{"dry_run": true, "stake_currency" "USDT"}')
    (finding,) = problems(setup)
    assert finding.level is Level.FAILURE
    assert '"stake_currency" "USDT"' in finding.message


def test_freqtrades_own_rules_are_reported(setup):
    setup.change(freqai__train_period_days="fifteen")
    (finding,) = problems(setup)
    assert finding.message == "'fifteen' is not of type 'integer'"


def test_a_missing_user_directory_says_how_to_make_one(setup, tmp_path):
    request = DoctorRequest(configs=(setup.config_file,), userdir=tmp_path / "absent")
    with silence():
        (finding,) = check_configuration(Context(request))
    assert finding.level is Level.FAILURE
    assert finding.remedy == f"freqai-ext init --userdir {tmp_path}/absent"


def test_a_model_needs_freqai_to_be_enabled(setup):
    setup.change(freqai__enabled=False, freqaimodel="CatboostRegressor")
    (finding,) = problems(setup)
    assert finding.message == "freqai.enabled: is not true, so Freqtrade trains no CatboostRegressor"


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        (
            {"exchange__pair_whitelist": ["BTC/USDT", "ETH/BTC"]},
            Level.WARNING,
            "exchange.pair_whitelist: ETH/BTC not quoted in stake_currency USDT, so Freqtrade leaves out these pairs",
        ),
        (
            {"exchange__pair_whitelist": ["ETH/BTC"]},
            Level.FAILURE,
            "exchange.pair_whitelist: ETH/BTC not quoted in stake_currency USDT, so Freqtrade leaves out these pairs",
        ),
        (
            {"exchange__pair_whitelist": ["BTC/USDT:USDT"]},
            Level.FAILURE,
            "exchange.pair_whitelist: BTC/USDT:USDT no spot market, which trading_mode asks for",
        ),
        ({"exchange__pair_whitelist": []}, Level.FAILURE, "exchange.pair_whitelist: lists no pairs"),
        (
            {"pairlists": [{"method": "VolumePairList", "number_assets": 5}], "exchange__pair_whitelist": []},
            Level.FAILURE,
            "pairlists: VolumePairList changes the pairs while the bot runs, and FreqAI takes none that appear later: "
            "it loads the candles of its training once, at the start",
        ),
    ],
)
def test_pairs_that_cannot_be_traded_are_named(setup, changes, level, message):
    setup.change(**changes)
    (finding,) = problems(setup)
    assert (finding.level, finding.message) == (level, message)
    assert finding.remedy


def test_patterns_and_odd_coins_are_pairs(setup):
    setup.change(exchange__pair_whitelist=[".*/USDT", "1000PEPE/USDT", "kPEPE/USDT", "XYZ-NVDA/USDT"])
    assert problems(setup) == []


def test_every_fault_of_our_section_is_a_failure(setup):
    setup.change(freqai_ext__labels={"buy_threshold": -1, "sel_threshold": 0})
    found = problems(setup)
    assert [finding.level for finding in found] == [Level.FAILURE, Level.FAILURE]
    assert found[0].message.startswith("freqai_ext.labels.buy_threshold: -1 is not valid; ")
    assert found[1].message == "freqai_ext.labels.sel_threshold: unknown setting; did you mean 'sell_threshold'?"


def test_an_absent_section_means_defaults(setup):
    setup.remove("freqai_ext")
    assert "no section 'freqai_ext': defaults apply" in [finding.message for finding in check(setup)]


@pytest.mark.parametrize(
    ("path", "value", "message", "remedy"),
    [
        ("freqai__live_retrain_hour", 4, "freqai.live_retrain_hour", "did you mean 'live_retrain_hours'?"),
        ("freqai__feature_parameters__di_threshold", 1, "freqai.feature_parameters.di_threshold", "'DI_threshold'"),
        ("freqai-ext", {}, "freqai-ext", "did you mean 'freqai_ext'?"),
    ],
)
def test_a_misspelt_key_that_freqtrade_ignores_is_reported(setup, path, value, message, remedy):
    setup.change(**{path: value})
    (finding,) = problems(setup)
    assert finding.level is Level.WARNING
    assert finding.message == f"{message}: not a known setting, so it is ignored"
    assert remedy in finding.remedy


def test_environment_variables_reach_our_section(setup, monkeypatch):
    monkeypatch.setenv("FREQTRADE__FREQAI_EXT__STRATEGY__LEVERAGE", "2.5")
    with silence():
        assert load_config(setup.request())["freqai_ext"]["strategy"]["leverage"] == 2.5


def test_a_secret_that_freqtrade_would_show_is_a_warning_with_its_other_routes(setup):
    setup.change(freqai_ext__guardian={"token": "s3cret-token"})
    (finding,) = problems(setup)
    assert finding.level is Level.WARNING
    assert finding.message == (
        "freqai_ext.guardian.token: its secret is in the configuration, which Freqtrade shows in clear in "
        "`freqtrade show-config`"
    )
    assert finding.remedy == (
        "put it into the variable FREQAI_EXT_GUARDIAN__TOKEN, or into a file that freqai_ext.guardian.token_file names"
    )


def test_a_secret_in_a_variable_of_freqtrades_is_named_by_it_also_without_freqai(setup, monkeypatch):
    monkeypatch.setenv("FREQTRADE__FREQAI_EXT__NEWS__GRAPHITI__TOKEN", "s3cret-token")
    setup.change(freqai__enabled=False)
    found = problems(setup)
    assert "in the variable FREQTRADE__FREQAI_EXT__NEWS__GRAPHITI__TOKEN" in found[0].message
    assert "s3cret" not in str(found)


def test_a_file_of_a_secret_that_is_not_there_is_a_failure_that_names_its_setting(setup, tmp_path):
    setup.change(freqai_ext__guardian={"token_file": str(tmp_path / "nowhere")})
    (finding,) = problems(setup)
    assert finding.level is Level.FAILURE
    assert finding.message.startswith("freqai_ext.guardian.token_file: ")
    assert finding.remedy.startswith("write the secret into its first line")


def test_secrets_in_variables_and_files_of_ours_are_in_order(setup, monkeypatch):
    monkeypatch.setenv("FREQAI_EXT_GUARDIAN__TOKEN", "s3cret-token")
    assert problems(setup) == []


def test_a_variable_for_an_endpoint_that_is_not_there_is_a_warning(setup, monkeypatch):
    monkeypatch.setenv("FREQAI_EXT_NEWS__LLM__ENDPOINTS__1__API_KEY", "s3cret-key")
    (finding,) = problems(setup)
    assert finding.message == (
        "FREQAI_EXT_NEWS__LLM__ENDPOINTS__1__API_KEY: is set, and the configuration has no such endpoint"
    )
