import pytest
from pydantic import ValidationError

from freqai_ext.signals import SignalSettings


def test_defaults_are_valid_and_quantiles_are_learnt_where_they_are_asked_for():
    assert SignalSettings().quantiles == ()
    assert SignalSettings(intervals="quantiles").quantiles == pytest.approx((0.1, 0.9))
    assert SignalSettings(intervals="quantiles", coverage=0.9).quantiles == pytest.approx((0.05, 0.95))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"return_targets": ["return"]}, 'write "auto" or names of targets as the strategy sets them, such as "&-roi"'),
        ({"return_targets": ["&-a", "&-b", "&-a"]}, "name each target once"),
        ({"folds": 0}, "folds\n  Input should be greater than or equal to 1"),
        ({"coverage": 0.3}, r"coverage\n  Input should be greater than or equal to 0.5"),
        ({"coverage": 1.0}, r"coverage\n  Input should be less than or equal to 0.99"),
        ({"least_shrinkage": 1.5}, "least_shrinkage\n  Input should be less than or equal to 1"),
        ({"label_limit": 0.0}, "label_limit\n  Input should be greater than 0"),
        ({"round_trip_cost_bps": -1.0}, "round_trip_cost_bps\n  Input should be greater than or equal to 0"),
        ({"train_stride_candles": 0}, "train_stride_candles\n  Input should be greater than or equal to 1"),
        ({"recency_half_life_days": 0.0}, "recency_half_life_days\n  Input should be greater than 0"),
        ({"volatility_candles": 3}, "volatility_candles\n  Input should be greater than or equal to 12"),
        (
            {"backend": "xgboost"},
            "Input should be 'lightgbm', 'catboost', 'hist_gradient_boosting', 'linear' or 'torch'",
        ),
        ({"calibration": "none"}, "Input should be 'auto', 'temperature', 'platt', 'beta' or 'isotonic'"),
        ({"intervals": "both"}, "Input should be 'quantiles' or 'residuals'"),
        ({"fold": 3}, "fold\n  Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_rule(given, message):
    with pytest.raises(ValidationError, match=message):
        SignalSettings.model_validate(given)


def test_targets_may_be_named_in_an_order_of_ones_own():
    settings = SignalSettings.model_validate({"return_targets": ["&-return_48", "&-return_12"]})
    assert settings.return_targets == ("&-return_48", "&-return_12")
