"""An RSI trigger that news must confirm, with a memory of what followed earlier news."""

import logging
import math
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.persistence import Trade
from freqtrade.strategy import BooleanParameter, DecimalParameter, IntParameter
from pandas import DataFrame

from freqai_ext.errors import FreqaiExtError, SettingsError
from freqai_ext.labels import forward_return
from freqai_ext.news.as_of import coverage, tainted_share
from freqai_ext.news.assets import base_asset
from freqai_ext.news.gate import (
    ALLOWING,
    Inputs,
    NewsNumbers,
    Outcome,
    Policy,
    Side,
    Thresholds,
    contradicts,
    decide,
    decide_columns,
)
from freqai_ext.news.memory import MEMORY_BPS, MEMORY_COUNT, WINDOW_S
from freqai_ext.news.records import Decision
from freqai_ext.news.store import check_store
from freqai_ext.news.watchlist import Numbers
from freqai_ext.strategies._base import ExtStrategy
from freqai_ext.strategies._news import LiveDesk, NewsDesk, ReplayDesk, at_end, numbers_of
from freqai_ext.strategies._odds import target_name
from freqai_ext.strategies._parameters import starting_at
from freqai_ext.strategies._rsi import rsi_column, rsi_columns
from freqai_ext.strategies._signals import all_of, with_signals

logger = logging.getLogger(__name__)

_LIVE = (RunMode.DRY_RUN, RunMode.LIVE)
_VOLUME_CANDLES = 20
# What most exchanges give at once; a week of shorter candles would keep the bot from starting on some.
_MOST_STARTUP_CANDLES = 999
_TAGS: dict[Side, str] = {"long": "rsi_oversold", "short": "rsi_overbought"}


class GraphitiHybridStrategy(ExtStrategy):
    """Buy what the RSI calls oversold where fresh news say that the price should rise; shorts mirror it on futures.

    **Trigger**: the RSI of the chosen period is below ``rsi_oversold`` and the volume above its mean of 20 candles.
    **Confirmation**: a verdict on the base asset that was available when the candle closed, fresh, of enough impact and
    confidence, positive, and not contradicted by what followed similar verdicts. Where there is none,
    ``freqai_ext.news.policy`` decides. Freqtrade asks once more before the order; then the newest verdict decides,
    from memory. **Exit**: RSI above ``rsi_overbought``, or news that speak against the trade.

    In dry-run and live trading, pairs whose RSI comes near the trigger have their news looked at beside the bot. In
    backtests and hyperopt the recorded verdicts alone are read, each from the time at which it was available.
    """

    timeframe = "15m"
    stoploss = -0.05
    trailing_stop = True
    trailing_stop_positive = 0.01
    trailing_stop_positive_offset = 0.02
    trailing_only_offset_is_reached = True

    rsi_period = IntParameter(7, 21, default=14, space="buy")
    rsi_oversold = IntParameter(20, 35, default=30, space="buy")
    rsi_overbought = IntParameter(65, 80, default=70, space="sell")
    min_impact_score = DecimalParameter(0.1, 0.8, default=0.3, decimals=2, space="buy")
    min_confidence = DecimalParameter(0.0, 0.9, default=0.3, decimals=2, space="buy")
    needs_volume = BooleanParameter(default=True, space="buy")
    exit_on_news = BooleanParameter(default=True, space="sell")

    plot_config: ClassVar[dict[str, Any]] = {
        "subplots": {
            "news": {"news-impact": {"color": "#0072b2"}, "news-sentiment": {"color": "#d55e00"}},
            "memory (bps)": {MEMORY_BPS: {"color": "#009e73"}},
        }
    }

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        hybrid = self.ext_settings.hybrid
        self.stoploss = hybrid.stop_loss
        self.minimal_roi = {"0": hybrid.take_profit, "30": hybrid.take_profit / 2, "60": hybrid.take_profit / 5}
        for name in ("rsi_period", "rsi_oversold", "rsi_overbought", "min_impact_score", "min_confidence"):
            parameter = getattr(type(self), name)
            value = getattr(hybrid, name)
            # The class owns its parameters; the configuration must not change those of other instances.
            setattr(self, name, starting_at(parameter, value))
        # Freqtrade gives the strategy the timeframe of the configuration only after this.
        timeframe = str(config.get("timeframe") or self.timeframe)
        try:
            _check_memory_horizon(hybrid.memory_candles, timeframe)
        except SettingsError as error:
            raise OperationalException(str(error)) from error
        remembered = math.ceil(WINDOW_S / timeframe_to_seconds(timeframe)) + hybrid.memory_candles
        needed = max(self.startup_candle_count, 10 * self.rsi_period.high, _VOLUME_CANDLES)
        self.startup_candle_count = max(needed, min(remembered, _MOST_STARTUP_CANDLES))
        self._desk: NewsDesk | None = None
        self._near_trigger: dict[str, Numbers | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave open databases and threads behind where hyperopt sends the strategy to other processes."""
        return {**self.__dict__, "_desk": None}

    @property
    def _uses_odds(self) -> bool:
        return self.ext_settings.hybrid.min_p_up is not None

    @property
    def _policy(self) -> Policy:
        return self.ext_settings.news.policy if self.ext_settings.hybrid.enable_ai_analysis else "ta_only"

    @property
    def _candle_s(self) -> float:
        return float(timeframe_to_seconds(self.timeframe))

    @property
    def _thresholds(self) -> Thresholds:
        hybrid = self.ext_settings.hybrid
        return Thresholds(
            min_impact_score=float(self.min_impact_score.value),
            min_confidence=float(self.min_confidence.value),
            max_age_min=self.ext_settings.news.max_age_minutes,
            min_memories=float(hybrid.min_memories),
            max_contradiction_bps=hybrid.max_contradiction_bps,
            min_p_up=hybrid.min_p_up,
        )

    @property
    def _periods(self) -> tuple[int, ...]:
        """Periods that have a column: all that hyperopt may choose, else the chosen one."""
        return tuple({*self.rsi_period.range, int(self.rsi_period.value)})

    @property
    def news_database(self) -> Path:
        """SQLite file of the news store."""
        return self.ext_settings.news.database or Path(self.config["user_data_dir"]) / "news" / "news.sqlite"

    def ft_bot_start(self, **kwargs: Any) -> None:
        """Check the news store and open the news services, where they are used, and start as Freqtrade's strategies do.

        Raises
        ------
        OperationalException
            Where one of them cannot be used. Freqtrade puts a traceback before what ``bot_start`` raises.
        """
        if self.config.get("runmode") in _LIVE:
            try:
                check_store(self.news_database)
            except FreqaiExtError as error:
                raise OperationalException(str(error)) from error
            self._open_desk()
        super().ft_bot_start(**kwargs)

    def bot_start(self, **kwargs: Any) -> None:
        """Start the news services in dry-run and live trading.

        Raises
        ------
        OperationalException
            If the store cannot be used, or odds are asked for without FreqAI.
        """
        super().bot_start(**kwargs)
        if self._uses_odds and not self.config.get("freqai", {}).get("enabled", False):
            raise OperationalException(
                "freqai_ext.hybrid.min_p_up: needs FreqAI with a model that gives odds; set freqai.enabled to true, or "
                "min_p_up to null"
            )
        if self.config.get("runmode") in _LIVE:
            self._open_desk()

    def ft_bot_cleanup(self) -> None:
        """End the news services; Freqtrade calls it at the end of the bot and before a reload."""
        desk, self._desk = self._desk, None
        if desk is not None:
            desk.stop()
        super().ft_bot_cleanup()

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Have the news of pairs near their trigger looked at."""
        super().bot_loop_start(current_time, **kwargs)
        if self.config.get("runmode") not in _LIVE or self._policy == "ta_only":
            return
        whitelist = self.dp.current_whitelist()
        self._open_desk().watch({base_asset(pair) for pair in whitelist})
        for pair in whitelist:
            if (numbers := self._near_trigger.get(pair)) is not None:
                self._open_desk().request(base_asset(pair), numbers)

    def set_freqai_targets(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add the return over the label horizon, where FreqAI confirms."""
        horizon = int(self.config["freqai"]["feature_parameters"]["label_period_candles"])
        values = forward_return(dataframe, horizon, self.timeframe).values
        self.freqai.return_targets = [target_name(horizon)]
        return pd.concat([dataframe, DataFrame({target_name(horizon): values})], axis=1)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add RSI, volume, news as known at each close, and the model's odds where they are asked for."""
        if self._uses_odds:
            dataframe = self.freqai.start(dataframe, metadata, self)
        volume_mean = dataframe["volume"].rolling(_VOLUME_CANDLES).mean()
        news = self._open_desk().columns(base_asset(metadata["pair"]), dataframe, self._candle_s)
        if self.config.get("runmode") not in _LIVE and len(news):
            logger.info(
                "%s: a valid verdict on %.1f %% of %d candles, %.1f %% of these tainted",
                metadata["pair"],
                100.0 * coverage(news),
                len(news),
                100.0 * tainted_share(news),
            )
        indicators = rsi_columns(dataframe["close"], self._periods)
        return pd.concat([dataframe.assign(volume_mean=volume_mean, **indicators), news], axis=1)

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles on which RSI and news agree, and why the others were left."""
        signals: dict[str, tuple[pd.Series, str]] = {}
        is_live, urgent = self.config.get("runmode") in _LIVE and len(dataframe) > 0, False
        for side in self._sides():
            triggered = self._triggered(dataframe, side)
            decided = decide_columns(
                dataframe, triggered, side, self._policy, self._thresholds, self._odds_of_a_rise(dataframe)
            )
            dataframe = dataframe.assign(**{f"news_gate_{side}": decided["reason"].astype(str)})
            signals[f"enter_{side}"] = (decided["allowed"], _TAGS[side])
            if is_live and triggered.array[-1]:
                urgent = True
                self._note_denied(metadata["pair"], side, dataframe)
        if is_live:
            self._note_near_trigger(metadata["pair"], dataframe, urgent)
        return with_signals(dataframe, "enter_tag", signals)

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles on which the RSI has gone to the other side."""
        rsi = dataframe[rsi_column(int(self.rsi_period.value))]
        signals = {"exit_long": (rsi > self.rsi_overbought.value, "rsi_overbought")}
        if self.can_short:
            signals["exit_short"] = (rsi < self.rsi_oversold.value, "rsi_oversold")
        return with_signals(dataframe, "exit_tag", signals)

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
        """Decide once more with the newest verdict, from memory; a fault denies, which Freqtrade alone would not."""
        try:
            inputs, verdict_id = self._inputs(pair, "short" if side == "short" else "long", current_time)
            outcome = decide(inputs)
            detail = inputs.detail
        except Exception:
            logger.exception("%s: cannot judge the %s entry by the news; denied", pair, side)
            outcome, verdict_id, detail = Outcome(False, "fault"), None, ""
        self._note(Decision(pair, side, current_time.timestamp(), outcome.allowed, outcome.reason, verdict_id, detail))
        if not outcome.allowed:
            return False
        return super().confirm_trade_entry(
            pair, order_type, amount, rate, time_in_force, current_time, entry_tag, side, **kwargs
        )

    def custom_exit(
        self, pair: str, trade: Trade, current_time: datetime, current_rate: float, current_profit: float, **kwargs: Any
    ) -> str | None:
        """Leave where a fresh verdict, of the impact that an entry needs, speaks against the trade."""
        if not self.exit_on_news.value or self._policy == "ta_only":
            return None
        now_s = current_time.timestamp()
        verdict = self._open_desk().newest(base_asset(pair), now_s)
        if verdict is None or verdict.available_at_s <= trade.open_date_utc.timestamp():
            return None
        against = contradicts("short" if trade.is_short else "long", NewsNumbers.of(verdict, now_s), self._thresholds)
        return "news_contradict" if against else None

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Return the proposed stake, at most ``max_position_size``."""
        limit = self.ext_settings.hybrid.max_position_size
        return proposed_stake if limit is None else min(proposed_stake, limit)

    def _open_desk(self) -> NewsDesk:
        if self._desk is None:
            news = self.ext_settings.news
            database = self.news_database
            memory_s = self.ext_settings.hybrid.memory_candles * self._candle_s
            bot = news.bot or str(self.config.get("bot_name") or "freqtrade")
            try:
                if self.config.get("runmode") in _LIVE:
                    self._desk = LiveDesk(news, database, bot, memory_s)
                else:
                    self._desk = ReplayDesk(news, database, memory_s)
            except FreqaiExtError as error:
                raise OperationalException(str(error)) from error
        return self._desk

    def _sides(self) -> tuple[Side, ...]:
        return ("long", "short") if self.can_short else ("long",)

    def _triggered(self, dataframe: DataFrame, side: Side) -> pd.Series:
        rsi = dataframe[rsi_column(int(self.rsi_period.value))]
        triggered = rsi < self.rsi_oversold.value if side == "long" else rsi > self.rsi_overbought.value
        conditions = [triggered, dataframe["volume"] > 0]
        if self.needs_volume.value:
            conditions.append(dataframe["volume"] > dataframe["volume_mean"])
        return all_of(conditions)

    def _note_denied(self, pair: str, side: Side, candles: DataFrame) -> None:
        """Journal the signal of the last candle where the news have denied it; one that they allow is journalled when
        it is confirmed."""
        reason = str(candles[f"news_gate_{side}"].array[-1])
        if reason in ALLOWING:
            return
        close_s = candles["date"].array[-1].timestamp() + self._candle_s
        try:
            verdict = self._open_desk().newest(base_asset(pair), close_s)
        except FreqaiExtError:
            logger.exception("%s: the verdict that denied an entry cannot be told", pair)
            verdict = None
        self._note(
            Decision(pair, side, close_s, False, reason, verdict.id if verdict else None, "at the candle's close")
        )

    def _last_triggered(self, candles: DataFrame, side: Side) -> bool:
        return bool(self._triggered(candles.iloc[-1:], side).iloc[0])

    def _odds_of_a_rise(self, dataframe: DataFrame) -> pd.Series | None:
        """Return the model's odds where it stands by them; no odds deny where they are asked for."""
        if not self._uses_odds or "p_up" not in dataframe:
            return None
        return pd.to_numeric(dataframe["p_up"], errors="coerce").where(dataframe["do_predict"] == 1)

    def _inputs(self, pair: str, side: Side, current_time: datetime) -> tuple[Inputs, str | None]:
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        now_s = current_time.timestamp()
        verdict = self._open_desk().newest(base_asset(pair), now_s)
        odds = self._odds_of_a_rise(candles.iloc[-1:]) if self._uses_odds else None
        inputs = Inputs(
            side=side,
            policy=self._policy,
            thresholds=self._thresholds,
            rsi_signal=self._last_triggered(candles, side),
            news=NewsNumbers.of(verdict, now_s) if verdict else None,
            memory_bps=at_end(candles, MEMORY_BPS),
            memory_count=at_end(candles, MEMORY_COUNT),
            p_up=None if odds is None else float(odds.iloc[-1]),
        )
        return inputs, verdict.id if verdict else None

    def _note_near_trigger(self, pair: str, candles: DataFrame, urgent: bool) -> None:
        """Keep what is asked for in each loop; looking it up in the candles there would take milliseconds."""
        rsi, margin = at_end(candles, rsi_column(int(self.rsi_period.value))), self.ext_settings.news.near_trigger
        near = rsi < self.rsi_oversold.value + margin
        near |= self.can_short and rsi > self.rsi_overbought.value - margin
        self._near_trigger[pair] = numbers_of(candles, self._candle_s, rsi, urgent) if near else None

    def _note(self, decision: Decision) -> None:
        try:
            self._open_desk().note(decision)
        except Exception:
            logger.exception("%s: a decision cannot be journalled", decision.pair)


def _check_memory_horizon(candles: int, timeframe: str) -> None:
    """Refuse a horizon above the window of :class:`~freqai_ext.news.memory.Memory`, before anything is opened."""
    candle_s = timeframe_to_seconds(timeframe)
    if candles * candle_s > WINDOW_S:
        raise SettingsError(
            f"freqai_ext.hybrid.memory_candles: {candles} candles of {timeframe} are longer than the week for which "
            f"verdicts are remembered, so that nothing would ever be known to follow one; set it to "
            f"{int(WINDOW_S // candle_s)} or less"
        )
