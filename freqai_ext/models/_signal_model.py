"""What the models that give odds share: training on purged folds, panels, and their prediction columns."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy import IStrategy

from freqai_ext.errors import FreqaiExtError
from freqai_ext.learning.learner import Learner
from freqai_ext.learning.threads import at_most_threads
from freqai_ext.models._base import ExtModel
from freqai_ext.models._classes import with_classes
from freqai_ext.models._feature_share import with_enough_features
from freqai_ext.models._interval_files import predict_on_kept, save_intervals
from freqai_ext.models._market import RememberedFrames, close_times_ns, volatilities, without_trades
from freqai_ext.models._panel import (
    BacktestFrames,
    PanelWindow,
    live_frames,
    panel_pairs,
    panel_rows,
    shared_features,
)
from freqai_ext.models._return_targets import ReturnTargets
from freqai_ext.models._signal_cleaning import classes_of, clean, holds_names
from freqai_ext.models._signal_columns import extra_columns, log_shares_beyond_costs, prediction_frame, usual_columns
from freqai_ext.models._signal_rows import (
    PairRows,
    build_design,
    build_training_set,
    known_after,
    label_horizons,
    pair_rows,
    weighted,
    with_known_labels,
)
from freqai_ext.models._trained_signal import SharedFit, TrainedSignal
from freqai_ext.models._training_window import (
    require_candles,
    require_distinct_columns,
    tell_missing_features,
    without_infinite_labels,
)
from freqai_ext.models._tuned_learners import MakeLearner, Tuner
from freqai_ext.pipeline import QuietPipeline
from freqai_ext.signals import Question, Target, TrainingSet, fit_signal, target_task
from freqai_ext.signals.constant import only_value

logger = logging.getLogger(__name__)

Frame = pd.DataFrame
Tuned = Callable[[MakeLearner], Learner]
"""Gives a learner with the parameters that were found for it."""


class SignalModel(ExtModel):
    """Returns calibrated odds and intervals beside every target; place it before FreqAI's ``IFreqaiModel``.

    Subclasses say what learns, by :meth:`learner_with`. ``data_split_parameters`` have no effect: shrinkage,
    calibration and intervals are learnt on purged folds of the whole training window, and the model that predicts is
    fitted to all rows whose label is known. Sample weights (``weight_factor``) and the steps of the feature pipeline
    work as in FreqAI.
    """

    multi_target = True
    mixes_targets = True
    #: Targets that are returns, as a strategy declares them, by ``self.freqai.return_targets = ["&-x"]`` where it sets
    #: them. Others are returns where they are so on generated candles.
    return_targets: Sequence[str] = ()
    # Learners that need a scale bring their own.
    pipeline_defaults = MappingProxyType({"scaler": "none"})

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config=config)
        self.signal_settings = self.ext_settings.signal
        self._candle_ns = timeframe_to_seconds(config["timeframe"]) * 1_000_000_000
        self._remembered = RememberedFrames()
        self._backtest_frames: BacktestFrames | None = None
        self._window: PanelWindow | None = None
        self._said_shares = False
        self._shared = SharedFit()
        self._columns: list[str] = []
        self._returns = ReturnTargets(
            self.signal_settings.return_targets, int(self.ft_params.get("label_period_candles", 0))
        )
        self._tuner = Tuner(self.ext_settings.tuning, self.model_training_parameters)

    def learner_with(self, parameters: Mapping[str, Any]) -> Learner:
        """Return what learns, with some parameters set over the user's own."""
        raise NotImplementedError

    def make_learner(self, target: Target, training: TrainingSet, tuned: Tuned) -> Learner:
        """Return what learns a target: the learner, its parameters searched where the settings ask for it."""
        return tuned(self.learner_with)

    def define_label_pipeline(self, threads: int = 1) -> QuietPipeline:
        """Return a pipeline without steps: labels are scaled by volatility, row by row."""
        return QuietPipeline([])

    def remember_context(self, pair: str, frame: Frame) -> None:
        """Keep the frame from which FreqAI is about to cut, for this thread."""
        self._remembered.put(pair, frame)

    def start_backtesting(
        self, dataframe: Frame, metadata: dict[str, Any], dk: FreqaiDataKitchen, strategy: IStrategy
    ) -> FreqaiDataKitchen:
        """Backtest one pair, as FreqAI does; a panel sees all pairs of the whitelist."""
        if self.signal_settings.panel and self._backtest_frames is None:
            self._backtest_frames = BacktestFrames(strategy, self.config)
            self._panel_pairs = panel_pairs(strategy, self.config)
        self._window = None
        backtested = super().start_backtesting(dataframe, metadata, dk, strategy)
        if not self._said_shares:
            frame, cost_bps = backtested.return_dataframe, self.signal_settings.round_trip_cost_bps
            self._said_shares = log_shares_beyond_costs(frame, metadata["pair"], cost_bps)
        return backtested

    def extract_data_and_train_model(
        self,
        new_trained_timerange: Any,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: Any,
    ) -> None:
        """Train one pair in the bot's training thread, as FreqAI does; a panel trains all pairs at once."""
        if self.signal_settings.panel:
            self._window = PanelWindow(
                pd.Timestamp(new_trained_timerange.startts, unit="s", tz="UTC"),
                pd.Timestamp(new_trained_timerange.stopts, unit="s", tz="UTC"),
                live_frames(strategy, self.config, self.dd, data_load_timerange),
                panel_pairs(strategy, self.config),
            )
        super().extract_data_and_train_model(new_trained_timerange, pair, strategy, dk, data_load_timerange)

    def train(self, unfiltered_df: Frame, pair: str, dk: FreqaiDataKitchen, **kwargs: Any) -> TrainedSignal:
        """Return the signal learnt from a training window, of one pair or of the panel.

        Raises
        ------
        OperationalException
            If FreqAI finds no whole row, or a setting does not fit to the strategy's targets.
        """
        started = perf_counter()
        window = self._panel_window()
        if window is None:
            require_candles(unfiltered_df, pair, self.window_words)
        require_distinct_columns(unfiltered_df)
        tell_missing_features(unfiltered_df, dk.training_features_list, pair)
        finite = without_infinite_labels(unfiltered_df, dk.label_list, pair)
        self._note_labels(finite, dk, pooled=window is not None)
        trained = self._shared.get(pair, window.stop, self._sharing_time()) if window else None
        if trained is None:
            try:
                # One thread per worker; the learners bound their own.
                with at_most_threads(1, "blas"), at_most_threads(1, "openmp"):
                    trained = self._fit_window(unfiltered_df, pair, dk, window)
            except FreqaiExtError as error:
                raise OperationalException(str(error)) from error
            if window:
                self._shared.put(trained, window.stop, keep_all=not self.live)
        if window:
            self._shared.given(pair, window.stop)
        dk.feature_pipeline, dk.label_pipeline = trained.pipeline, self.define_label_pipeline()
        self._columns = self._extra_columns(trained)
        logger.info("%s: trained on %s in %.1f s", pair, trained.describe(), perf_counter() - started)
        return trained

    def _note_labels(self, unfiltered_df: Frame, dk: FreqaiDataKitchen, *, pooled: bool) -> None:
        """Leave what FreqAI wants to know of a pair's own rows; in a panel there may be none with a label."""
        labelled = unfiltered_df if not pooled else unfiltered_df.dropna(subset=dk.label_list)
        if labelled.empty:
            features, labels = labelled[dk.training_features_list], labelled[dk.label_list]
            dk.train_dates = labelled["date"]
        else:
            features, labels = dk.filter_features(
                unfiltered_df, dk.training_features_list, dk.label_list, training_filter=True
            )
        dk.data_dictionary = {
            "train_features": features,
            "train_labels": labels,
            "train_weights": np.ones(len(features)),
            "train_dates": dk.train_dates,
        }
        if labelled.empty:
            dk.data |= {name: dict.fromkeys(dk.label_list, 0) for name in ("labels_mean", "labels_std")}
        elif not self.freqai_info.get("fit_live_predictions_candles", 0) or not self.live:
            dk.fit_labels()

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: Any) -> Any:
        """Return the signal of ``data_dictionary["training_set"]``; the models of its targets are fitted here.

        How many rows they look back is left in ``data_dictionary["history_rows"]``: a search may have chosen it.
        """
        training: TrainingSet = data_dictionary["training_set"]
        former = self.get_init_model(dk.pair)
        learners = {target.name: self._learner_of(target, training, dk) for target in training.targets}
        data_dictionary["history_rows"] = max(each.history_rows for each in learners.values())
        continued = former.signal if former and former.signal.feature_names == training.design.names else None
        return fit_signal(learners, training, self.signal_settings, continued)

    def predict(self, unfiltered_df: Frame, dk: FreqaiDataKitchen, **kwargs: Any) -> tuple[Frame, npt.NDArray[np.int_]]:
        """Return a row of prediction columns for each row, and 1 where they are to be trusted."""
        if unfiltered_df.empty:
            return self.predict_nothing(dk, unfiltered_df)
        trained: TrainedSignal = self.model
        context, first = self._remembered.around(unfiltered_df, dk.pair)
        begin = max(0, first - trained.history_rows)
        frame, asked = context.iloc[begin : first + len(unfiltered_df)], first - begin
        dk.find_features(unfiltered_df)
        filled, _ = dk.filter_features(frame, dk.training_features_list, training_filter=False)
        incomplete = dk.data["filter_drop_index_prediction"].to_numpy(dtype=bool)
        dk.data["filter_drop_index_prediction"] = pd.Series(incomplete[asked:])
        if trained.pooled:
            filled = shared_features(filled, dk.training_features_list, dk.pair, self._correlated())
        usual, terms = volatilities(context["close"].iloc[: first + len(unfiltered_df)], self.signal_settings)
        rows = pair_rows(
            dk.pair,
            frame,
            filled[list(trained.features)],
            (),
            usual[begin:],
            terms[begin:],
            self._candle_ns,
            ~incomplete,
        )
        cleaned, outliers, _ = trained.pipeline.transform(rows.features, outlier_check=True)
        design = build_design(
            [rows], cleaned.to_numpy(dtype=np.float32), list(cleaned.columns), trained.pair_codes, self._candle_ns
        )
        chosen = np.arange(asked, len(frame))
        made_at = close_times_ns(context.iloc[: first + len(unfiltered_df)], self._candle_ns)
        question = Question(
            design,
            chosen,
            dk.pair,
            rows.made_at_ns[chosen],
            rows.volatility[chosen],
            trained.outcomes(context, first, len(unfiltered_df), self._candle_ns),
            rows.terms[chosen],
            {
                each.name: known_after(made_at, each.horizon_candles, self._candle_ns)[first:]
                for each in trained.continuous
            },
        )
        if self.live and dk.live:
            forecasts = predict_on_kept(trained, question, dk.pair, dk.data_path, dk.model_filename)
            save_intervals(trained, dk.pair, dk.data_path, dk.model_filename, self.complaints)
        else:
            forecasts = trained.signal.predict(question)
        predictions, whole = prediction_frame(trained.labels, trained.classes, trained.signal, forecasts)
        found = trained.pipeline["di"]
        dk.DI_values = found.di_values[asked:] if found else np.zeros(len(chosen))
        whole &= ~incomplete[asked:] & ~without_trades(unfiltered_df)
        dk.do_predict = np.where(whole, np.asarray(outliers)[asked:], 0).astype(int)
        return with_classes(predictions, self.class_names), dk.do_predict

    def is_own_model(self, model: Any) -> bool:
        """Return whether a loaded object is a model of this class."""
        return isinstance(model, TrainedSignal)

    def columns_beside_targets(self, dk: FreqaiDataKitchen, frame: Frame) -> list[str]:
        """Return the prediction columns beside targets and classes: those of another window, else the usual ones."""
        if self._columns:
            return self._columns
        numbers = [name for name in dk.label_list if name not in dk.unique_classes]
        return usual_columns(numbers, self._return_targets(numbers, frame, dk.pair))

    def _return_targets(self, labels: Sequence[str], frame: Frame, pair: str) -> tuple[str, ...]:
        trial = None if self._strategy is None else lambda: self._trial(frame, pair)
        return self._returns.among(labels, self.return_targets, frame, trial)

    def _extra_columns(self, trained: TrainedSignal) -> list[str]:
        columns = extra_columns(trained.labels, trained.classes, trained.signal)
        return list(dict.fromkeys([*columns, *self.class_names]))

    def _learner_of(self, target: Target, training: TrainingSet, dk: FreqaiDataKitchen) -> Learner:
        if only_value(target, training.weight) is not None:
            return self.learner_with({})

        def tuned(make: MakeLearner) -> Learner:
            if not self._tuner.enabled:
                return make({})
            task = target_task(training, target, self.signal_settings)
            subject = f"{'panel' if len(training.pairs) > 1 else dk.pair} {target.name} {make({}).name}"
            found = self._tuner.parameters(
                make,
                task.head,
                task.examples,
                task.folds,
                subject=subject,
                folder=dk.data_path,
                metadata=dk.data,
            )
            return make(found)

        return self.make_learner(target, training, tuned)

    def _fit_window(
        self, unfiltered_df: Frame, pair: str, dk: FreqaiDataKitchen, window: PanelWindow | None
    ) -> TrainedSignal:
        rows = (
            panel_rows(window, dk.label_list, self._correlated(), self.signal_settings, self._candle_ns)
            if window
            else [self._own_rows(unfiltered_df, pair, dk)]
        )
        enough = with_enough_features([each.features for each in rows], self.ext_settings.guardian.features.min_share)
        rows = [replace(each, features=features) for each, features in zip(rows, enough, strict=True)]
        ahead = int(self.ft_params.get("label_period_candles", 0))
        # FreqAI cuts so many candles off its own frame after the labels were made.
        cut = 0 if window else int(self.ft_params.get("buffer_train_data_candles", 0))
        horizons = label_horizons(rows, ahead, cut)
        rows = [with_known_labels(each, horizons, ahead, self._candle_ns) for each in rows]
        newer = dk.set_weights_higher_recent if self.ft_params.get("weight_factor", 0) > 0 else None
        rows = [weighted(each, self.signal_settings, self._candle_ns, newer) for each in rows]
        classes = {name: classes_of(rows, name) for name in dk.label_list if holds_names(rows, name)}
        pipeline = self.define_data_pipeline(threads=dk.thread_count)
        if self.history_rows == 0:
            rows = [each.take(each.weight > 0.0) for each in rows]
        rows, cleaned = clean(rows, pipeline)
        codes = {each.pair: number for number, each in enumerate(rows)}
        pair_codes = codes if window and self.signal_settings.pair_as_feature else None
        design = build_design(rows, cleaned.to_numpy(np.float32), list(cleaned.columns), pair_codes, self._candle_ns)
        returns = self._return_targets(dk.label_list, unfiltered_df, pair)
        training = build_training_set(rows, design, classes, horizons, self._candle_ns, returns)
        data = {**dk.data_dictionary, "training_set": training}
        signal = self.fit(data, dk)
        return TrainedSignal(
            signal=signal,
            labels=tuple(dk.label_list),
            classes=classes,
            features=tuple(rows[0].features.columns),
            pooled=window is not None,
            pair_codes=pair_codes,
            pipeline=pipeline,
            history_rows=data["history_rows"],
        )

    @property
    def history_rows(self) -> int:
        """Number of rows before a row that its prediction looks at, with the user's own parameters."""
        return 0

    def _own_rows(self, frame: Frame, pair: str, dk: FreqaiDataKitchen) -> PairRows:
        context, first = self._remembered.around(frame, pair)
        usual, terms = volatilities(context["close"].iloc[: first + len(frame)], self.signal_settings)
        features = frame[dk.training_features_list]
        return pair_rows(pair, frame, features, dk.label_list, usual[first:], terms[first:], self._candle_ns)

    def _panel_window(self) -> PanelWindow | None:
        if not self.signal_settings.panel:
            return None
        if self.live:
            return self._window
        if self._backtest_frames is None:
            # Trained apart from a backtest, on the one frame that is given.
            return None
        timerange = self.training_timerange
        start, stop = (pd.Timestamp(stamp, unit="s", tz="UTC") for stamp in (timerange.startts, timerange.stopts))
        return PanelWindow(start, stop, self._backtest_frames, self._panel_pairs)

    def _sharing_time(self) -> pd.Timedelta:
        """Return for how long other pairs take over a panel's fit instead of training again."""
        if not self.live:
            return pd.Timedelta(0)
        hours = float(self.freqai_info.get("live_retrain_hours", 0))
        return max(pd.Timedelta(hours=hours), pd.Timedelta(self._candle_ns, unit="ns"))

    def _correlated(self) -> Sequence[str]:
        return self.ft_params.get("include_corr_pairlist") or []

    def _outcomes(self, context: Frame, first: int, count: int, trained: TrainedSignal) -> dict[str, pd.Series]:
        longest = max((each.horizon_candles for each in trained.continuous), default=0)
        known = context.iloc[max(0, first - 2 * longest) : first + count]
        made_at = pd.DatetimeIndex(known["date"]) + pd.Timedelta(self._candle_ns, unit="ns")
        return {
            each.name: pd.Series(known[each.name].to_numpy(dtype=np.float64), index=made_at).replace(
                [np.inf, -np.inf], np.nan
            )
            for each in trained.continuous
            if each.name in known
        }
