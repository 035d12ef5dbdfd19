from freqai_ext import uncertainty


def test_public_names_are_these() -> None:
    assert sorted(uncertainty.__all__) == [
        "AdaptiveConformal",
        "AdaptiveConformalSettings",
        "BetaCalibration",
        "CALIBRATIONS",
        "Calibration",
        "CalibrationChoice",
        "CalibrationScore",
        "Forecasts",
        "Intervals",
        "IsotonicCalibration",
        "PlattCalibration",
        "QuantileConformal",
        "SplitConformal",
        "TemperatureCalibration",
        "calibration_from_state",
        "choose_calibration",
        "conformal_quantile",
        "conformity_scores",
    ]
    assert all(hasattr(uncertainty, name) for name in uncertainty.__all__)
