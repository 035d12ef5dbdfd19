"""The section ``freqai_ext`` of a Freqtrade configuration."""

import pytest

from freqai_ext.config import ExtSettings, StrategySettings, load_ext_settings
from freqai_ext.errors import SettingsError


def message(**section):
    with pytest.raises(SettingsError) as caught:
        load_ext_settings({"freqai_ext": section})
    return str(caught.value)


def test_a_configuration_without_the_section_takes_all_defaults():
    assert load_ext_settings({"stake_currency": "USDT"}) == ExtSettings()


def test_every_subsection_is_read():
    settings = load_ext_settings(
        {
            "freqai_ext": {
                "features": {"reference_pair": "BTC/USDT"},
                "labels": {"buy_threshold": 0.02},
                "pipeline": {"scaler": "robust"},
                "custom_regressor": {"backend": "catboost"},
                "strategy": {"leverage": 2},
            }
        }
    )
    assert settings.features.reference_pair == "BTC/USDT"
    assert settings.labels.buy_threshold == 0.02
    assert settings.pipeline.scaler == "robust"
    assert settings.custom_regressor.backend == "catboost"
    assert settings.strategy.leverage == 2.0


@pytest.mark.parametrize("targets", ["auto", ["roi"], ["buy", "sell", "stoploss", "roi"]])
def test_targets_are_auto_or_a_list(targets):
    expected = targets if targets == "auto" else tuple(targets)
    assert load_ext_settings({"freqai_ext": {"strategy": {"targets": targets}}}).strategy.targets == expected


@pytest.mark.parametrize("targets", ["roi", [], ["profit"], 3, None])
def test_other_targets_are_refused_in_one_line(targets):
    assert message(strategy={"targets": targets}) == (
        f'freqai_ext.strategy.targets: {targets!r} is not valid; write "auto" or a list of: roi, buy, sell, stoploss'
    )


def test_a_target_named_twice_is_refused():
    assert message(strategy={"targets": ["roi", "roi"]}) == (
        "freqai_ext.strategy.targets: ['roi', 'roi'] is not valid; name each target once"
    )


@pytest.mark.parametrize(
    ("section", "text"),
    [
        (
            {"labels": {"buy_treshold": 1}},
            "freqai_ext.labels.buy_treshold: unknown setting; did you mean 'buy_threshold'?",
        ),
        ({"oracle": {}}, "freqai_ext.oracle: unknown setting; known: "),
        (
            {"guardian": {"push_intervall_s": 60}},
            "freqai_ext.guardian.push_intervall_s: unknown setting; did you mean 'push_interval_s'?",
        ),
        ({"strategy": {"leverage": 0.5}}, "freqai_ext.strategy.leverage: 0.5 is not valid; input should be greater"),
        ({"strategy": {"max_slippage_ratio": 0}}, "freqai_ext.strategy.max_slippage_ratio: 0 is not valid; "),
        ({"custom_regressor": {"backend": "xgboost"}}, "freqai_ext.custom_regressor.backend: 'xgboost' is not valid; "),
    ],
)
def test_a_fault_names_its_path(section, text):
    assert message(**section).startswith(text)


def test_defaults_are_valid_settings():
    dumped = ExtSettings().model_dump(mode="json")
    assert load_ext_settings({"freqai_ext": dumped}) == ExtSettings()
    assert StrategySettings().targets == "auto"


def test_the_hyper_strategys_section_is_read_with_lists_as_they_are_written():
    section = {"horizons": [6, 12], "prediction_sets": ["small", "freqai_hyper-2.1"], "kelly_fraction": None}
    hyper = load_ext_settings({"freqai_ext": {"hyper": section}}).hyper
    assert hyper.horizons == (6, 12)
    assert hyper.prediction_sets == ("small", "freqai_hyper-2.1")
    assert hyper.kelly_fraction is None
    assert hyper.label == "forward_return"
