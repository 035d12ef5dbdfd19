"""A feature-rich FreqAI strategy to run, to tune and to build one's own upon."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

import pandas as pd
import talib
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.persistence import Trade
from freqtrade.strategy import BooleanParameter, DecimalParameter, IntParameter
from pandas import DataFrame

from freqai_ext.strategies._base import ExtStrategy
from freqai_ext.strategies._forecast import expected_return, stoploss_risk
from freqai_ext.strategies._protections import pauses
from freqai_ext.strategies._signals import all_of, with_signals
from freqai_ext.strategies._targets import plan_targets, target_columns

RSI_CANDLES = 14
TREND_CANDLES = 48


class FreqAIExampleStrategy(ExtStrategy):
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

    minimal_roi: ClassVar[dict[str, float]] = {"0": 0.04, "120": 0.02, "360": 0.01}
    stoploss = -0.05
    trailing_stop = False
    trailing_stop_positive = 0.01
    trailing_stop_positive_offset = 0.02
    trailing_only_offset_is_reached = True
    indicator_candles = TREND_CANDLES

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
        parameters = config.get("freqai", {}).get("feature_parameters", {})
        self.horizon_candles = int(parameters.get("label_period_candles", 24))

    @property
    def protections(self) -> list[dict[str, Any]]:
        """Return pauses after a trade, after a run of stop losses and after a drawdown."""
        return pauses(
            self.timeframe,
            cooldown_candles=self.protect_cooldown_candles.value,
            stoploss_pause_hours=self.protect_stoploss_pause_hours.value,
        )

    def set_freqai_targets(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add the targets that the configured model can learn; rows whose outcome is not yet known stay empty."""
        plan = plan_targets(self.freqai, self.ext_settings.strategy.targets)
        self.freqai.class_names = plan.class_names
        self.freqai.return_targets = ["&-roi"]
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
        signals = {"enter_long": (all_of(long), "expected_rise")}
        if self.can_short:
            signals["enter_short"] = (all_of(short), "expected_fall")
        return with_signals(dataframe, "enter_tag", signals)

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles on which the expectation has turned."""
        trusted = (dataframe["do_predict"] == 1) & (dataframe["volume"] > 0)
        threshold = self.exit_expected_return.value
        falling = trusted & (dataframe["expected_return"] < threshold)
        signals = {"exit_long": (falling, "expectation_turned")}
        if self.can_short:
            rising = trusted & (dataframe["expected_return"] > -threshold)
            signals["exit_short"] = (rising, "expectation_turned")
        return with_signals(dataframe, "exit_tag", signals)

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
