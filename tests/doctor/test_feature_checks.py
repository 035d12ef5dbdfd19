"""Checks of features and targets: every planted fault is caught, and a sound strategy is left alone."""

import pytest

from freqai_ext.doctor import Level
from freqai_ext.doctor.classes import check_model, check_strategy
from freqai_ext.doctor.features import check_features

STRATEGY = """
import numpy as np
from freqtrade.strategy import IStrategy


OWN = "%-volatility"


class Planted(IStrategy):
    timeframe = "5m"
    stoploss = -0.1
    minimal_roi = {{"0": 0.1}}
    startup_candle_count = 20

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        dataframe["%-change"] = dataframe["close"].pct_change(period)
        {expand_all}
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        dataframe["%-resting_at_1h"] = float(metadata["tf"] != "1h") * dataframe["close"].pct_change()
        return dataframe

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        dataframe[OWN] = dataframe["close"].pct_change().rolling(20).std()
        return dataframe

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        {targets}
        return dataframe

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""
TARGET = 'dataframe["&-next"] = dataframe["close"].pct_change(-4)'


def examine(setup, expand_all="", targets=TARGET, model="LightGBMRegressor"):
    setup.change(freqai__feature_parameters__indicator_periods_candles=[5, 10])
    setup.write("strategies/Planted.py", STRATEGY.format(expand_all=expand_all, targets=targets))
    context = setup.context(strategy="Planted", freqaimodel=model)
    setup.run_on(check_strategy, context)
    setup.run_on(check_model, context)
    return setup.run_on(check_features, context)


def problem(findings):
    (finding,) = [finding for finding in findings if finding.level is not Level.OK]
    return finding


def test_a_sound_strategy_has_no_problem(setup):
    (finding,) = examine(setup)
    assert finding.message == (
        "10 feature columns of ETH/USDT, before shifts and correlated pairs, computed on generated candles, "
        "as not all that it needs are stored"
    )


@pytest.mark.parametrize(
    ("code", "level", "text"),
    [
        ('dataframe["%-x"] = dataframe["close"].shift(-1) / dataframe["close"]', Level.FAILURE, "'%-x' looks ahead"),
        ('dataframe["%-x"] = dataframe["close"] / dataframe["close"].mean()', Level.FAILURE, "'%-x' looks ahead"),
        ('dataframe["%-x"] = float("nan")', Level.FAILURE, "feature_engineering_expand_all: %-x has no value at all"),
        ('dataframe["%-x"] = 1 / (dataframe.index % 7 > 0)', Level.WARNING, "%-x is infinite at times"),
        (
            'dataframe["%-x"] = dataframe["close"].rolling(60).mean()',
            Level.WARNING,
            "%-x lacks values after the 20 can",
        ),
        ('dataframe["%-x"] = 1.0', Level.WARNING, "%-x takes one value in all of these 8 days"),
        ("raise KeyError('rsi')", Level.FAILURE, "feature_engineering_expand_all on 5m candles raises KeyError: 'rsi'"),
    ],
)
def test_a_planted_fault_is_caught(setup, code, level, text):
    finding = next(finding for finding in examine(setup, code) if finding.level is not Level.OK)
    assert finding.level is level
    assert text in finding.message


def test_features_of_the_weekday_change_within_the_sample(setup):
    (finding,) = examine(setup, 'dataframe["%-weekday"] = (dataframe["date"].dt.dayofweek == 6).astype(float)')
    assert finding.level is Level.OK


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_a_feature_of_text_is_named_with_the_remedy(setup, dtype):
    code = (
        'dataframe["%-regime"] = (dataframe["close"].pct_change() > 0).map({{True: "bull", False: "bear"}})'
        f'.astype("{dtype}")'
    )
    finding = problem(examine(setup, code.replace("{{", "{").replace("}}", "}")))
    assert finding.level is Level.FAILURE
    assert "feature_engineering_expand_all: %-regime holds 'b" in finding.message
    assert finding.message.endswith("which is no number, so every training fails")
    assert "astype(float)" in finding.remedy


def test_guardians_columns_without_recorded_features_are_no_fault(setup):
    from freqai_ext.guardian import FEATURE_COLUMNS

    code = f'dataframe["%-{FEATURE_COLUMNS[0]}"] = 0.0; dataframe["%-{FEATURE_COLUMNS[1]}"] = 0.0'
    findings = examine(setup, code)
    assert [finding.level for finding in findings] == [Level.OK, Level.OK]
    assert findings[0].message.startswith("2 columns of Guardian's features are neutral here")


def test_the_traceback_of_a_hook_begins_in_the_strategy(setup):
    finding = next(finding for finding in examine(setup, "raise KeyError('rsi')") if finding.detail)
    frames = [line for line in finding.detail.splitlines() if line.startswith("  File")]
    assert len(frames) == 1
    assert f'File "{setup.userdir}/strategies/Planted.py"' in frames[0]


def test_a_strategy_without_target_is_a_failure(setup):
    finding = problem(examine(setup, targets=""))
    assert finding.level is Level.FAILURE
    assert finding.message == (
        "set_freqai_targets sets no column whose name begins with '&', so there is nothing to learn"
    )


RARE = 'dataframe["&-rare"] = (dataframe["close"].pct_change(-4).abs() > 0.05).astype(float)'


@pytest.mark.parametrize(("model", "reported"), [("LightGBMRegressor", True), ("CatboostRegressor", False)])
def test_a_target_that_rests_on_calm_candles_is_reported_for_models_that_refuse_it(setup, model, reported):
    findings = examine(setup, targets=RARE, model=model)
    messages = [finding.message for finding in findings if finding.level is not Level.OK]
    assert any("&-rare takes only one value on these candles" in message for message in messages) is reported
    assert Level.FAILURE not in {finding.level for finding in findings}


FUTURE = 'future = dataframe["close"].shift(-4) / dataframe["close"] - 1'
CLASSES = f'{FUTURE}; dataframe["&s-way"] = np.where(future > 0, "up", "down")'
WHOLE = f'{FUTURE}; dataframe["&s-way"] = np.where(future > 0, 1, -1)'
TWO = f'{FUTURE}; dataframe["&-a"] = future; dataframe["&-b"] = 2 * future'


@pytest.mark.parametrize(
    ("targets", "model", "message", "remedy"),
    [
        (CLASSES, "CatboostRegressor", "&s-way holds names of classes (down, up)", "choose CatboostClassifier"),
        (CLASSES, "LightGBMRegressor", "&s-way holds names of classes (down, up)", "choose LightGBMClassifier"),
        (CLASSES, "CustomRegressor", "&s-way holds names of classes (down, up)", "choose CalibratedSignalModel"),
        (WHOLE, "CatboostClassifier", "&s-way holds numbers (-1, 1)", "write names, such as np.where"),
        (WHOLE, "LightGBMClassifierMultiTarget", "&s-way holds numbers (-1, 1)", "write names, such as np.where"),
        (WHOLE, "PyTorchSequenceClassifier", "&s-way holds numbers (-1, 1)", "write names, such as np.where"),
        (TWO, "CatboostRegressor", "learns one target, and set_freqai_targets sets 2: &-a, &-b", "MultiTarget"),
        (TWO, "LightGBMRegressor", "learns one target, and set_freqai_targets sets 2: &-a, &-b", "MultiTarget"),
        ('dataframe["&-never"] = 0.0', "CatboostRegressor", "&-never takes only one value, also on", "threshold"),
        ('dataframe["&-never"] = 0.0', "LightGBMRegressor", "&-never takes only one value, also on", "threshold"),
        ('dataframe["&-x"] = dataframe["close"].shift(-99999)', "CalibratedSignalModel", "&-x has no value", "ahead"),
        ('dataframe["&-x"] = [None, "up"] * (len(dataframe) // 2)', "LightGBMRegressor", "names of classes (up)", ""),
    ],
)
def test_targets_that_the_model_cannot_learn_are_a_failure(setup, targets, model, message, remedy):
    finding = problem(examine(setup, targets=targets, model=model))
    assert finding.level is Level.FAILURE
    assert message in finding.message
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("targets", "model"),
    [
        (CLASSES, "CatboostClassifier"),
        (CLASSES, "XGBoostClassifier"),
        (CLASSES, "CalibratedSignalModel"),
        (TARGET, "LightGBMRegressorMultiTarget"),
        (TARGET, "CustomRegressor"),
        ('dataframe["&-units"] = dataframe["close"].pct_change(-4) / dataframe[OWN]', "CustomRegressor"),
        (TWO, "XGBoostRegressor"),
        (TWO, "CatboostRegressorMultiTarget"),
        (f'{TWO}; dataframe["&s-way"] = np.where(future > 0, "up", "down")', "StackedEnsembleModel"),
    ],
)
def test_targets_that_the_model_learns_are_no_problem(setup, targets, model):
    findings = examine(setup, targets=targets, model=model)
    assert {finding.level for finding in findings} == {Level.OK}, findings


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_our_strategy_is_sound(tmp_path, trading_mode):
    from freqai_ext.doctor import DoctorRequest, diagnose
    from freqai_ext.scaffold import init_userdir

    report = init_userdir(tmp_path, trading_mode=trading_mode)
    request = DoctorRequest(
        configs=(report.config,),
        userdir=tmp_path,
        strategy="FreqAIExampleStrategy",
        freqaimodel="CatboostRegressorMultiTarget",
    )
    diagnosis = diagnose(request)
    levels = {result.check: {finding.level for finding in result.findings} for result in diagnosis.results}
    assert levels.pop("candles") == {Level.WARNING}
    assert set().union(*levels.values()) == {Level.OK}
    assert diagnosis.healthy
