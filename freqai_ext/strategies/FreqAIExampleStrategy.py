"""A feature-rich FreqAI strategy to run, to tune and to build one's own upon."""

import logging
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any, ClassVar

import pandas as pd
import talib
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.persistence import Trade
from freqtrade.strategy import BooleanParameter, DecimalParameter, IntParameter, IStrategy
from pandas import DataFrame

from freqai_ext.config import ExtSettings, load_ext_settings
from freqai_ext.errors import SettingsError
from freqai_ext.features import (
    calendar_features,
    cross_asset_features,
    lookback_features,
    period_features,
    warm_up_candles,
)
from freqai_ext.strategies._forecast import expected_return, stoploss_risk
from freqai_ext.strategies._reference import reference_candles, reference_pair
from freqai_ext.strategies._targets import plan_targets, target_columns

logger = logging.getLogger(__name__)

RSI_CANDLES = 14
TREND_CANDLES = 48


class FreqAIExampleStrategy(IStrategy):
    """Trade the return that a FreqAI model expects over the label horizon, on spot or futures.

    **Features** come from :mod:`freqai_ext.features` through FreqAI's three hooks; ``freqai_ext.features`` chooses
    them. **Targets** come from :mod:`freqai_ext.labels`: the forward return, +1 % and -1 % within the horizon, and
    -5 % (a stop-loss); ``freqai.feature_parameters.label_period_candles`` is the horizon and ``freqai_ext.labels``
    the thresholds. A model of one target gets the return, a classifier its direction.

    **Entry**: the expected return exceeds a threshold, the model trusts the row (``do_predict``), the stop-loss risk
    is low, and the pair is neither overbought nor without volume. Shorts mirror it in futures mode. **Exit**: the
    expectation has turned, or the horizon has passed and nothing more is expected; ROI, stop loss and trailing stop
    stand behind.

    A signal on candle ``t`` uses nothing later than its close; Freqtrade acts on it at the open of ``t + 1``.
    """

    INTERFACE_VERSION = 3

    timeframe = "5m"
    process_only_new_candles = True
    use_exit_signal = True

    minimal_roi: ClassVar[dict[str, float]] = {"0": 0.04, "120": 0.02, "360": 0.01}
    stoploss = -0.05
    trailing_stop = False
    trailing_stop_positive = 0.01
    trailing_stop_positive_offset = 0.02
    trailing_only_offset_is_reached = True

    entry_expected_return = DecimalParameter(0.001, 0.02, default=0.004, decimals=4, space="buy", optimize=True)
    entry_max_stoploss_risk = DecimalParameter(0.02, 0.5, default=0.2, decimals=2, space="buy", optimize=True)
    entry_rsi_guard = IntParameter(60, 95, default=85, space="buy", optimize=True)
    entry_needs_trend = BooleanParameter(default=False, space="buy", optimize=True)
    exit_expected_return = DecimalParameter(-0.005, 0.002, default=-0.0005, decimals=4, space="sell", optimize=True)
    exit_after_horizons = DecimalParameter(1.0, 4.0, default=2.0, decimals=1, space="sell", optimize=True)

    protect_cooldown_candles = IntParameter(1, 24, default=2, space="protection", optimize=True)
    protect_stoploss_pause_hours = IntParameter(1, 24, default=6, space="protection", optimize=True)

    plot_config: ClassVar[dict[str, Any]] = {
        "main_plot": {"ema": {"color": "#888888"}},
        "subplots": {
            "expected return": {"expected_return": {"color": "#1f77b4"}},
            "stop-loss risk": {"stoploss_risk": {"color": "#d62728"}},
            "do_predict": {"do_predict": {"color": "#8c564b"}},
            "rsi": {"rsi": {"color": "#9467bd"}},
        },
    }

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        try:
            self.ext_settings: ExtSettings = load_ext_settings(config)
        except SettingsError as error:
            raise OperationalException(str(error)) from error
        self.can_short = config.get("trading_mode", "spot") == "futures"
        parameters = config.get("freqai", {}).get("feature_parameters", {})
        features = self.ext_settings.features
        warm_up = warm_up_candles(
            parameters.get("indicator_periods_candles", ()),
            features.lookbacks,
            features.families,
            features.cross_asset_windows,
        )
        self.startup_candle_count = max(warm_up, TREND_CANDLES)
        self.horizon_candles = int(parameters.get("label_period_candles", 24))
        self.reference_pair = reference_pair(config, features.reference_pair)

    def informative_pairs(self) -> list[tuple[str, str]]:
        """Return the reference pair at the base timeframe."""
        return [(self.reference_pair, self.timeframe)] if self.reference_pair else []

    @property
    def protections(self) -> list[dict[str, Any]]:
        """Return pauses after a trade, after a run of stop losses and after a drawdown."""
        hour = 60 // timeframe_to_minutes(self.timeframe) or 1
        return [
            {"method": "CooldownPeriod", "stop_duration_candles": self.protect_cooldown_candles.value},
            {
                "method": "StoplossGuard",
                "lookback_period_candles": 24 * hour,
                "trade_limit": 3,
                "stop_duration_candles": self.protect_stoploss_pause_hours.value * hour,
                "only_per_pair": False,
            },
            {
                "method": "MaxDrawdown",
                "lookback_period_candles": 48 * hour,
                "trade_limit": 20,
                "stop_duration_candles": 12 * hour,
                "max_allowed_drawdown": 0.15,
            },
        ]

    def feature_engineering_expand_all(
        self, dataframe: DataFrame, period: int, metadata: dict[str, Any], **kwargs: Any
    ) -> DataFrame:
        """Add the features of one period; FreqAI repeats this over periods, timeframes, pairs and shifts."""
        features = period_features(dataframe, period, families=self.ext_settings.features.families)
        return _with_features(dataframe, features)

    def feature_engineering_expand_basic(
        self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> DataFrame:
        """Add the features with windows of their own; FreqAI repeats this over timeframes, pairs and shifts."""
        settings = self.ext_settings.features
        features = lookback_features(dataframe, settings.lookbacks, families=settings.families)
        return _with_features(dataframe, features)

    def feature_engineering_standard(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add the features that exist once: calendar, and the relation to the reference pair."""
        settings = self.ext_settings.features
        parts = []
        if settings.families is None or "calendar" in settings.families:
            parts.append(calendar_features(dataframe))
        if self.reference_pair and (settings.families is None or "cross_asset" in settings.families):
            reference = reference_candles(self, self.reference_pair, self.timeframe, dataframe["date"].iloc[0])
            parts.append(cross_asset_features(dataframe, reference, settings.cross_asset_windows))
        return _with_features(dataframe, *parts)

    def set_freqai_targets(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add the targets that the configured model can learn; rows whose outcome is not yet known stay empty."""
        plan = plan_targets(self.freqai, self.ext_settings.strategy.targets)
        self.freqai.class_names = plan.class_names
        targets = target_columns(dataframe, plan, self.horizon_candles, self.timeframe, self.ext_settings.labels)
        return pd.concat([dataframe, targets], axis=1)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add the model's predictions, what they mean, and the strategy's own guards."""
        dataframe = self.freqai.start(dataframe, metadata, self)
        close = dataframe["close"].to_numpy(dtype=float)
        return dataframe.assign(
            expected_return=expected_return(dataframe, self.ext_settings.labels),
            stoploss_risk=stoploss_risk(dataframe),
            rsi=talib.RSI(close, timeperiod=RSI_CANDLES),
            ema=talib.EMA(close, timeperiod=TREND_CANDLES),
        )

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles to enter on."""
        trusted = [
            dataframe["do_predict"] == 1,
            dataframe["volume"] > 0,
            dataframe["stoploss_risk"] < self.entry_max_stoploss_risk.value,
        ]
        threshold, guard = self.entry_expected_return.value, self.entry_rsi_guard.value
        long = [*trusted, dataframe["expected_return"] > threshold, dataframe["rsi"] < guard]
        short = [*trusted, dataframe["expected_return"] < -threshold, dataframe["rsi"] > 100 - guard]
        if self.entry_needs_trend.value:
            long.append(dataframe["close"] > dataframe["ema"])
            short.append(dataframe["close"] < dataframe["ema"])
        signals = {"enter_long": (reduce(and_, long), "expected_rise")}
        if self.can_short:
            signals["enter_short"] = (reduce(and_, short), "expected_fall")
        return _with_signals(dataframe, "enter_tag", signals)

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles on which the expectation has turned."""
        trusted = (dataframe["do_predict"] == 1) & (dataframe["volume"] > 0)
        threshold = self.exit_expected_return.value
        falling = trusted & (dataframe["expected_return"] < threshold)
        signals = {"exit_long": (falling, "expectation_turned")}
        if self.can_short:
            rising = trusted & (dataframe["expected_return"] > -threshold)
            signals["exit_short"] = (rising, "expectation_turned")
        return _with_signals(dataframe, "exit_tag", signals)

    def custom_exit(
        self, pair: str, trade: Trade, current_time: datetime, current_rate: float, current_profit: float, **kwargs: Any
    ) -> str | None:
        """Leave once the forecast horizon has passed and the newest forecast does not call for the position."""
        horizon = timedelta(minutes=timeframe_to_minutes(self.timeframe) * self.horizon_candles)
        if current_time - trade.open_date_utc < horizon * float(self.exit_after_horizons.value):
            return None
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        if candles.empty:
            return None
        expected = candles["expected_return"].iloc[-1] * (-1 if trade.is_short else 1)
        return None if expected > self.entry_expected_return.value else "horizon_passed"

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> bool:
        """Refuse an entry whose rate has run away from the candle that gave the signal.

        Freqtrade takes an exception here for consent, so every fault is caught and denies the entry.
        """
        try:
            candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
            close = float(candles["close"].iloc[-1])
            slippage = (rate / close - 1) * (-1 if side == "short" else 1)
        except Exception:
            logger.exception("%s: cannot check the slippage of the entry at %s; denied", pair, rate)
            return False
        limit = self.ext_settings.strategy.max_slippage_ratio
        if not slippage <= limit:
            logger.info("%s: %s entry at %s denied, %.2f %% worse than the close", pair, side, rate, slippage * 100)
            return False
        return True

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Return the configured leverage, at most what the exchange allows."""
        return min(self.ext_settings.strategy.leverage, max_leverage)


def _with_features(dataframe: DataFrame, *features: DataFrame) -> DataFrame:
    return pd.concat([dataframe, *(part.add_prefix("%-") for part in features)], axis=1)


def _with_signals(dataframe: DataFrame, tag_column: str, signals: dict[str, tuple[pd.Series, str]]) -> DataFrame:
    """Add a column of 0 and 1 for each signal, and one with the tags.

    Every row is written: pandas 3.1 makes an unusable column of ``.loc[rows, columns] = values`` without rows.
    """
    tags = pd.Series([None] * len(dataframe), index=dataframe.index, dtype=object)
    marks: dict[str, pd.Series] = {}
    for column, (rows, tag) in signals.items():
        marks[column] = rows.astype(int)
        tags = tags.mask(rows, tag)
    return dataframe.assign(**marks, **{tag_column: tags})
