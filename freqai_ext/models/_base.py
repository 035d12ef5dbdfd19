"""What every model of ours adds to FreqAI, without patching it.

:class:`ExtModel` stands before one of FreqAI's base classes, e.g. ``class X(ExtModel, BaseRegressionModel)``. It

- checks the ``freqai_ext`` section and the training parameters before the bot starts;
- keeps secrets of that section out of what Freqtrade stores;
- refuses targets that it cannot learn before anything is trained (:mod:`freqai_ext.models._kind`);
- builds the pipelines from ``freqai_ext.pipeline``;
- repairs live retraining under pandas 3.1 (:mod:`freqai_ext.models._history_dtype`);
- keeps predictions and models of another origin apart, in backtests (:mod:`freqai_ext.models._prediction_origin`) and
  live (:mod:`freqai_ext.models._live_origin`);
- survives damaged files and full disks (:mod:`freqai_ext.models._live_guard`);
- joins features faster (:mod:`freqai_ext.models._fast_merge`);
- computes mean and deviation of recent predictions fast (:mod:`freqai_ext.models._live_statistics`);
- marks predictions made from missing features, which FreqAI intends and then overwrites, and those of candles without
  trades as not to be trusted;
- leaves rows with infinite labels out of a training (:mod:`freqai_ext.models._training_window`);
- goes on where a window or a pair cannot be trained (:mod:`freqai_ext.models._failed_window`).
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from freqtrade.exceptions import OperationalException
from pandas import DataFrame

from freqai_ext.config import ExtSettings, check_freqai_section, load_ext_settings, protect_secrets
from freqai_ext.errors import FreqaiExtError
from freqai_ext.models._backends import Task
from freqai_ext.models._failed_window import FailedWindows
from freqai_ext.models._fast_merge import use_fast_merge
from freqai_ext.models._history_dtype import repair_history_dates
from freqai_ext.models._kind import KNOWN_AT, TargetFault, target_faults
from freqai_ext.models._live_guard import LiveGuard
from freqai_ext.models._live_statistics import LiveStatistics
from freqai_ext.models._market import without_trades
from freqai_ext.models._prediction_origin import activate_backtest, prediction_origin
from freqai_ext.models._target_trial import TargetTrial, targets_on, try_targets
from freqai_ext.models._training_window import (
    require_candles,
    require_distinct_columns,
    tell_missing_features,
    without_infinite_labels,
)
from freqai_ext.pipeline import PipelineSettings, build_feature_pipeline, build_label_pipeline

if TYPE_CHECKING:
    from datasieve.pipeline import Pipeline
    from freqtrade.constants import Config
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel as _Base
    from freqtrade.strategy import IStrategy
else:
    _Base = object

logger = logging.getLogger(__name__)

_FEWEST_ROWS = 100


class TargetsRefusedError(OperationalException):
    """The strategy sets targets that the model cannot learn. Training again would not help."""


class ExtModel(FailedWindows, LiveGuard, LiveStatistics, _Base):
    """Common ground of the models of freqai_ext; place it before a FreqAI base class."""

    #: What the model predicts, so that a strategy can offer it fitting targets.
    task: ClassVar[Task] = "regression"
    #: Whether the model takes several targets at once.
    multi_target: ClassVar[bool] = False
    #: Whether numbers and class names may stand side by side, whatever :attr:`task` is.
    mixes_targets: ClassVar[bool] = False
    #: Pipeline settings of this model where the user's ``freqai_ext.pipeline`` does not name them.
    pipeline_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, config: "Config") -> None:
        protect_secrets(config)
        try:
            self.ext_settings: ExtSettings = load_ext_settings(config)
            check_freqai_section(config)
            # It reads what Guardian's features were recorded of, which may be damaged.
            self._origin: dict[str, str] | None = prediction_origin(config)
            self.pipeline_settings = PipelineSettings(
                **{**self.pipeline_defaults, **self.ext_settings.pipeline.model_dump(exclude_unset=True)}
            )
            parameters = self.checked_parameters(config.get("freqai", {}).get("model_training_parameters") or {})
        except FreqaiExtError as error:
            raise OperationalException(str(error)) from error
        self.prepare_folder(config)
        super().__init__(config=config)
        self.model_training_parameters = parameters
        self._strategy: IStrategy | None = None
        self._tried: TargetTrial | None = None
        self._targets_checked = False
        self.guard_drawer()
        self.guard_history()
        repair_history_dates(self.dd)

    def use_folder_of_parent(self) -> None:
        """Take the folder as it is: the process that started this one has compared the origin."""
        self._origin = None

    def checked_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``freqai.model_training_parameters``, checked and completed; called before the bot starts.

        Raises
        ------
        SettingsError
            For a name or value that the model does not take.
        """
        return dict(given)

    def remember_context(self, pair: str, frame: DataFrame) -> None:
        """Take note of a pair's whole frame up to now, of which FreqAI hands over the last rows.

        Called before each training and prediction, in the thread that does it. Models that look back use it.
        """

    def define_data_pipeline(self, threads: int = 1) -> "Pipeline":
        """Return the feature pipeline: FreqAI's steps, with the scaler and outlier step of ``freqai_ext.pipeline``."""
        return build_feature_pipeline(self.pipeline_settings, self.ft_params, threads=self._pipeline_threads())

    def define_label_pipeline(self, threads: int = 1) -> "Pipeline":
        """Return the label pipeline."""
        return build_label_pipeline(self.pipeline_settings)

    def start_backtesting(
        self, dataframe: DataFrame, metadata: dict[str, Any], dk: "FreqaiDataKitchen", strategy: "IStrategy"
    ) -> "FreqaiDataKitchen":
        """Backtest one pair, as FreqAI does, with the faster merge and no prediction of another origin."""
        if self._origin is not None:
            activate_backtest(self.config, self._origin, strategy, type(self))
            self._origin = None
        self.skip_damaged_windows(dk)
        use_fast_merge(dk)
        self._remember_slices(dk)
        self._check_labels(dk, strategy, dataframe)
        return super().start_backtesting(dataframe, metadata, dk, strategy)

    def start_live(
        self, dataframe: DataFrame, metadata: dict[str, Any], strategy: "IStrategy", dk: "FreqaiDataKitchen"
    ) -> "FreqaiDataKitchen":
        """Predict one pair's newest candle, as FreqAI does, with the faster merge."""
        use_fast_merge(dk)
        return super().start_live(dataframe, metadata, strategy, dk)

    def extract_data_and_train_model(
        self,
        new_trained_timerange: Any,
        pair: str,
        strategy: "IStrategy",
        dk: "FreqaiDataKitchen",
        *args: Any,
        **kw: Any,
    ) -> None:
        """Train one pair in the bot's training thread, as FreqAI does, with the faster merge."""
        use_fast_merge(dk)
        self._remember_slices(dk)
        self._check_labels(dk, strategy)
        try:
            super().extract_data_and_train_model(new_trained_timerange, pair, strategy, dk, *args, **kw)
        except TargetsRefusedError:
            # FreqAI would come back to it every second.
            self.gives_up_training = True
            self.train_queue.clear()
            raise

    def build_strategy_return_arrays(
        self, dataframe: DataFrame, dk: "FreqaiDataKitchen", pair: str, trained_timestamp: int
    ) -> None:
        """Predict the newest candles, as FreqAI does, with the frame before them at hand."""
        self.remember_context(pair, dataframe)
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

    def train(self, unfiltered_df: DataFrame, pair: str, dk: "FreqaiDataKitchen", **kwargs: Any) -> Any:
        """Train as FreqAI does, without the rows whose label is infinite.

        Raises
        ------
        OperationalException
            If the window has no candles, or no finite value of a label.
        """
        require_candles(unfiltered_df, pair, self.window_words)
        require_distinct_columns(unfiltered_df)
        tell_missing_features(unfiltered_df, dk.training_features_list, pair)
        return super().train(without_infinite_labels(unfiltered_df, dk.label_list, pair), pair, dk, **kwargs)

    @property
    def window_words(self) -> str:
        """The dates of a backtest's training window, for a message."""
        timerange = None if self.live else getattr(self, "training_timerange", None)
        return f" from {timerange.start_fmt} to {timerange.stop_fmt}" if timerange else ""

    def predict(
        self, unfiltered_df: DataFrame, dk: "FreqaiDataKitchen", **kwargs: Any
    ) -> tuple[DataFrame, npt.NDArray[np.int_]]:
        """Predict as FreqAI does; ``do_predict`` is 0 also where a feature is missing, or nothing was traded.

        FreqAI fills missing and infinite features with zeros, notes the rows, and then forgets the note.
        """
        if unfiltered_df.empty:
            return self.predict_nothing(dk, unfiltered_df)
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        incomplete = dk.data["filter_drop_index_prediction"].to_numpy(dtype=bool)
        dk.do_predict = np.where(incomplete | without_trades(unfiltered_df), 0, trusted)
        return predictions, dk.do_predict

    def _remember_slices(self, dk: "FreqaiDataKitchen") -> None:
        """Let this data kitchen tell of the frames from which it cuts training windows and windows to predict."""
        cut = dk.slice_dataframe

        def remember_and_cut(timerange: Any, frame: DataFrame) -> DataFrame:
            # The candles of other timeframes and pairs are cut by the same method.
            if any(column.startswith("%") for column in frame.columns):
                self.remember_context(dk.pair, frame)
            window: DataFrame = cut(timerange, frame)
            return window

        dk.slice_dataframe = remember_and_cut

    def _check_labels(self, dk: "FreqaiDataKitchen", strategy: "IStrategy", candles: DataFrame | None = None) -> None:
        """Let this data kitchen refuse targets that the model cannot learn as soon as it finds them.

        A training that fails is passed over by FreqAI, window by window, and leaves zeros; so this comes before it.
        ``candles`` are those of the whole backtest.
        """
        self._strategy = strategy
        find = dk.find_labels

        def find_and_check(frame: DataFrame) -> None:
            find(frame)
            if self._targets_checked:
                return
            targets = frame[dk.label_list]
            if faults := target_faults(self, targets) or self._empty_targets(targets, frame, dk.pair, candles):
                training = "; training stops until then" if self.live else ""
                raise TargetsRefusedError("\n".join(f"{fault}{training}" for fault in faults))
            self._targets_checked = True

        dk.find_labels = find_and_check

    def _empty_targets(
        self, targets: DataFrame, frame: DataFrame, pair: str, candles: DataFrame | None
    ) -> list[TargetFault]:
        """Return the targets that hold nothing to learn: neither here, nor in later windows, nor on generated candles.

        Outcomes of trades, which say when they are known, come with time, and other windows may hold what this one
        lacks.
        """
        if len(targets) < _FEWEST_ROWS or (targets.nunique() > 1).all():
            return []
        if any(str(column).startswith(KNOWN_AT) for column in frame):
            return []
        tried = self._trial(frame, pair).labels.nunique().reindex(targets.columns)
        if candles is not None and self._strategy is not None:
            later = targets_on(self._strategy, pair, candles).labels.nunique().reindex(targets.columns)
            tried = tried.combine(later.fillna(0), max)
        name = type(self).__name__
        labels = [str(label) for label in targets]
        empty = [label for label in labels if targets[label].isna().all() and tried[label] == 0]
        faults = [
            TargetFault(
                f"{label} has no value in {len(targets)} candles, and none on generated ones, so {name} has nothing to "
                "learn",
                "correct how set_freqai_targets computes it, for instance how far it looks ahead",
            )
            for label in empty
        ]
        # A calm window may well hold one value; other targets beside a constant one can be learnt.
        if not faults and (targets.nunique() <= 1).all() and (tried == 1).all():
            shown = ", ".join(f"{label} is always {targets[label].dropna().iloc[0]}" for label in labels)
            rule = f"also on generated candles, calm and wild, so {name} has nothing to learn"
            faults.append(TargetFault(f"{shown}, {rule}", "correct its condition or threshold in set_freqai_targets"))
        return faults

    def _trial(self, frame: DataFrame, pair: str) -> TargetTrial:
        """Return the strategy's targets on generated candles, computed once."""
        if self._tried is None:
            assert self._strategy is not None
            ahead = int(self.ft_params.get("label_period_candles", 0))
            self._tried = try_targets(self._strategy, pair, frame, self.config["timeframe"], ahead)
        return self._tried

    def _pipeline_threads(self) -> int:
        return int(self.freqai_info.get("data_kitchen_thread_count", 0)) or 1
