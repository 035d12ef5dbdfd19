"""Targets that a model cannot learn end a backtest with one sentence, and the training of a live bot at once."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel

from freqai_ext.checks._workbench import PAIR, Workbench, example_frame
from freqai_ext.models._kind import target_faults
from freqai_ext.models._live_guard import LiveGuard
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel
from freqai_ext.models.CatboostClassifier import CatboostClassifier
from freqai_ext.models.CatboostClassifierMultiTarget import CatboostClassifierMultiTarget
from freqai_ext.models.CatboostRegressor import CatboostRegressor
from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget
from freqai_ext.models.CustomRegressor import CustomRegressor

NUMBERS = np.linspace(-1.0, 1.0, 200)
NAMES = np.where(NUMBERS > 0, "up", "down")


def faults(model, **targets):
    return [
        str(fault) for fault in target_faults(model, pd.DataFrame({f"&-{key}": each for key, each in targets.items()}))
    ]


@pytest.mark.parametrize(
    ("model", "targets"),
    [
        (CatboostRegressor, {"a": NUMBERS}),
        (CatboostRegressor, {"a": NUMBERS > 0}),
        (CatboostRegressor, {"a": np.sign(NUMBERS).astype(int)}),
        (CatboostRegressorMultiTarget, {"a": NUMBERS}),
        (CatboostRegressorMultiTarget, {"a": NUMBERS, "b": NUMBERS}),
        (CustomRegressor, {"a": NUMBERS}),
        (CatboostClassifier, {"a": NAMES}),
        (CatboostClassifier, {"a": pd.Series(NAMES).where(NUMBERS < 0.9)}),
        (CatboostClassifierMultiTarget, {"a": NAMES}),
        (CalibratedSignalModel, {"a": NAMES, "b": NUMBERS, "c": NUMBERS > 0}),
    ],
)
def test_targets_that_suit_the_model_pass(model, targets):
    assert faults(model, **targets) == []


@pytest.mark.parametrize(
    ("model", "targets", "message"),
    [
        (
            CatboostRegressor,
            {"a": NAMES},
            "&-a holds names of classes (down, up), and CatboostRegressor learns numbers; "
            "choose CatboostClassifier or CalibratedSignalModel, or write numbers",
        ),
        (
            CustomRegressor,
            {"a": pd.Series(NAMES, dtype="category")},
            "&-a holds names of classes (down, up), and CustomRegressor learns numbers; "
            "choose CalibratedSignalModel, or write numbers",
        ),
        (
            CatboostClassifier,
            {"a": np.sign(NUMBERS)},
            "&-a holds numbers (-1, 1), and CatboostClassifier learns names of classes; "
            'write names, such as np.where(future > 0, "up", "down"), and list them in self.freqai.class_names, '
            "or choose CatboostRegressor or CalibratedSignalModel",
        ),
        (CatboostClassifierMultiTarget, {"a": NAMES, "b": NUMBERS > 0}, "&-b holds numbers (0, 1), and"),
        (
            CatboostRegressor,
            {"a": NUMBERS, "b": NUMBERS},
            "CatboostRegressor learns one target, and set_freqai_targets sets 2: &-a, &-b; "
            "choose CatboostRegressorMultiTarget, or set one of them",
        ),
        (
            CatboostClassifier,
            {"a": NAMES, "b": NAMES},
            "CatboostClassifier learns one target, and set_freqai_targets sets 2: &-a, &-b; "
            "choose CatboostClassifierMultiTarget, or set one of them",
        ),
        (
            CatboostRegressor,
            {"a": pd.Series([1, "down"] * 100, dtype=object)},
            "&-a is of type object and holds neither only names of classes nor only numbers (mixed-integer); "
            "write numbers with .astype(float), or names of classes with .astype(str)",
        ),
        (
            CalibratedSignalModel,
            {},
            "set_freqai_targets sets no column whose name begins with '&', so there is nothing to learn; "
            'write dataframe["&-name"] = ... in it',
        ),
    ],
)
def test_what_does_not_suit_is_named_with_the_target_the_model_and_a_remedy(model, targets, message):
    (found,) = faults(model, **targets)
    assert found.startswith(message)


def test_all_faults_are_named_together():
    found = faults(CatboostRegressor, a=NAMES, b=NAMES)
    assert [each.split(" ")[0] for each in found] == ["&-a", "&-b", "CatboostRegressor"]


def test_of_a_users_own_way_of_training_nothing_is_presumed():
    class Own(IFreqaiModel):
        def train(self, *args, **kwargs): ...
        def fit(self, *args, **kwargs): ...
        def predict(self, *args, **kwargs): ...

    assert faults(Own, a=NAMES, b=NUMBERS) == []


class Strategy:
    def __init__(self, **targets):
        self.targets = targets

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{f"&-{name}": make(dataframe) for name, make in self.targets.items()})

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        return dataframe

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        return dataframe

    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)


def refusal(folder, strategy, model=CatboostRegressorMultiTarget, later=None):
    """Return what is said where FreqAI finds the labels of the first window; ``later`` are the backtest's candles."""
    bench = Workbench(model, folder, {"model_training_parameters": {}})
    frame = example_frame(model).drop(columns=["&-roi", "&-buy"], errors="ignore")
    dk = FreqaiDataKitchen(bench.config, False, PAIR)
    bench.model._check_labels(dk, strategy, frame if later is None else later)
    try:
        dk.get_unique_classes_from_labels(strategy.set_freqai_targets(frame, {}))
    except OperationalException as error:
        return str(error)
    return None


def rise(d):
    return d["close"].shift(-24) / d["close"] - 1


def test_a_target_without_any_value_is_refused(tmp_path):
    said = refusal(tmp_path, Strategy(roi=rise, far=lambda d: d["close"].shift(-99_999)))
    assert said == (
        "&-far has no value in 400 candles, and none on generated ones, so CatboostRegressorMultiTarget has nothing to "
        "learn; correct how set_freqai_targets computes it, for instance how far it looks ahead"
    )


def test_a_target_that_is_constant_by_its_formula_is_refused(tmp_path):
    said = refusal(tmp_path, Strategy(a=lambda d: 0.0 * d["close"]))
    assert said.startswith("&-a is always ")
    assert "also on generated candles, calm and wild, so CatboostRegressorMultiTarget has nothing to learn" in said


@pytest.mark.parametrize(
    "targets",
    [
        # It rests in this window, and moves in wilder times.
        {"crash": lambda d: (rise(d) < -0.05).astype(float)},
        {"never": lambda d: 0.0 * d["close"], "roi": rise},
    ],
)
def test_a_target_that_only_rests_is_not_refused(tmp_path, targets):
    assert refusal(tmp_path, Strategy(**targets)) is None


def test_a_target_whose_values_come_in_later_windows_is_not_refused(tmp_path):
    start = pd.Timestamp("2025-01-03", tz="UTC")
    late = Strategy(a=lambda d: rise(d).where(d["date"] > start) if d["date"].iloc[0].year == 2025 else np.nan)
    whole = example_frame(CatboostRegressor, rows=2000)
    assert refusal(tmp_path, late, later=whole) is None
    assert "no value in 400 candles" in refusal(tmp_path, late)


def test_outcomes_of_trades_that_have_not_come_are_not_refused(tmp_path):
    class Outcomes(Strategy):
        def set_freqai_targets(self, dataframe, metadata, **kwargs):
            return dataframe.assign(**{"&-pays": np.nan, "known_at_s@pays": 0.0})

    assert refusal(tmp_path, Outcomes()) is None


def test_a_live_bot_that_cannot_learn_its_targets_says_so_once_and_stops_training(tmp_path, monkeypatch, caplog):
    bench = Workbench(CatboostRegressor, tmp_path, {"train_period_days": 1, "live_retrain_hours": 1})
    model, strategy = bench.model, Strategy(way=lambda d: np.where(rise(d) > 0, "up", "down"))
    frame = strategy.set_freqai_targets(example_frame(CatboostRegressor).drop(columns="&-roi"), {})
    model.live, model.train_queue = True, type(model.train_queue)([PAIR, "ETH/USDT"])
    strategy.dp = SimpleNamespace(current_whitelist=lambda: [PAIR, "ETH/USDT"])
    # The candles of the exchange; all else is FreqAI's own loop.
    monkeypatch.setattr(model.dd, "get_base_and_corr_dataframes", lambda *args: ({}, {}))
    monkeypatch.setattr(FreqaiDataKitchen, "use_strategy_to_populate_indicators", lambda *args, **kwargs: frame)
    monkeypatch.setattr(FreqaiDataKitchen, "slice_dataframe", lambda self, timerange, given: given)
    thread = threading.Thread(target=model._start_scanning, args=(strategy,))
    thread.start()
    deadline = time.monotonic() + 60
    while model.train_queue and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2.5)
    model._stop_event.set()
    thread.join()
    refused = [record for record in caplog.records if "holds names of classes" in record.getMessage()]
    assert len(refused) == 1
    assert "&-way holds names of classes (down, up), and CatboostRegressor learns numbers" in refused[0].getMessage()
    assert "training stops until then" in refused[0].getMessage()
    # Nor does the next candle bring the pair back.
    monkeypatch.setattr(IFreqaiModel, "start_live", lambda self, dataframe, metadata, strategy, dk: dk)
    LiveGuard.start_live(model, frame, {"pair": PAIR}, strategy, None)
    assert not model.train_queue
