"""Guardian for any FreqAI strategy: ``class MyStrategy(GuardianMixin, FreqaiHyperStrategy)``."""

import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.strategy import IStrategy
from pandas import DataFrame

from freqai_ext.config import ExtSettings, load_ext_settings, protect_secrets
from freqai_ext.errors import FreqaiExtError, GuardianDataError
from freqai_ext.guardian import (
    CronSchedule,
    FeatureHistory,
    GuardianSettings,
    Opinion,
    OpinionSet,
    Sidecar,
    TradeBook,
    guardian_symbol,
    open_trade_book,
    recorded_features,
)
from freqai_ext.guardian.database import check_database
from freqai_ext.models._feature_share import tell_feature_share
from freqai_ext.models._guardian_inputs import database_of
from freqai_ext.models._train_schedule import train_by
from freqai_ext.strategies._guardian_odds import NO_FORECAST, Forecast, newest_forecast, why_no_odds
from freqai_ext.strategies._guardian_start import bot_suspension, check_guardian

logger = logging.getLogger(__name__)

_LIVE = (RunMode.DRY_RUN, RunMode.LIVE)
_UNUSED = ("feature_url", "prediction_url", "train_cron", "predict_interval_min", "feature_source", "feature_script")


class GuardianMixin(IStrategy):
    """Publish the forecasts of a FreqAI strategy to Guardian, and give Guardian's features to its model.

    Place it before the strategy. What it does is set in ``freqai_ext.guardian``. In dry-run and live trading it

    - sends the forecasts of the whole whitelist as soon as the last pair's new candle is analysed;
    - polls Guardian's features and records them;
    - takes the forecasts back when the bot ends, is stopped or paused, or no longer analyses new candles;
    - trains by ``train_cron``, where that is set.

    Neither makes the bot's loop wait: it reads memory, and leaves what is to be sent to a thread. In backtests and
    hyperopt nothing is sent, and the recorded features alone are used.

    Forecasts are read from the columns ``p_up``, ``ev_bps`` and ``confidence`` that models with odds write; of any
    other model Guardian is told nothing.
    """

    # IStrategy is the base because hyperopt sends the modules of every other one to its workers, even ``builtins``.
    ext_settings: ExtSettings

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        protect_secrets(config)
        try:
            self.ext_settings = load_ext_settings(config)
        except FreqaiExtError as error:
            raise OperationalException(str(error)) from error
        self._sidecar: Sidecar | None = None
        self._opinions: dict[str, Opinion] = {}
        self._new: set[str] = set()
        self._offered: frozenset[str] = frozenset()
        self._recorded: tuple[FeatureHistory | None, TradeBook | None] | None = None
        self._guardian_said: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Leave open databases and threads behind where hyperopt sends the strategy to other processes."""
        return {**self.__dict__, "_recorded": None, "_sidecar": None}

    @property
    def guardian_settings(self) -> GuardianSettings:
        """The section ``freqai_ext.guardian``."""
        return self.ext_settings.guardian

    @property
    def guardian_database(self) -> Path:
        """SQLite file of the journal and the feature history."""
        return database_of(self.guardian_settings, self.config)

    def ft_bot_start(self, **kwargs: Any) -> None:
        """Check the database, where it will be written, and start as Freqtrade's strategies do.

        Raises
        ------
        OperationalException
            Where the database cannot be used. Freqtrade puts a traceback before what ``bot_start`` raises.
        """
        if self.config.get("runmode") in _LIVE:
            try:
                check_database(self.guardian_database)
            except FreqaiExtError as error:
                raise OperationalException(str(error)) from error
        super().ft_bot_start(**kwargs)

    def bot_start(self, **kwargs: Any) -> None:
        """Check the settings against Guardian, and start the sidecar in dry-run and live trading.

        Raises
        ------
        OperationalException
            Where Guardian answers and a setting does not fit to it, before the first trade.
        """
        super().bot_start(**kwargs)
        if not self.config.get("freqai", {}).get("enabled", False):
            raise OperationalException(
                f"freqai.enabled: {type(self).__name__} tells Guardian what FreqAI forecasts; set it to true"
            )
        for name in _UNUSED:
            if name in self.config.get("freqai", {}):
                logger.warning("freqai.%s: nothing reads it; the section is freqai_ext.guardian", name)
        if self.guardian_settings.features.enabled:
            tell_feature_share(self.freqai, self.guardian_settings.features.min_share)
        if self.config.get("runmode") not in _LIVE:
            return
        if self.guardian_settings.train_cron is not None:
            train_by(self.freqai, CronSchedule(self.guardian_settings.train_cron))
        try:
            if self.guardian_settings.publish or self.guardian_settings.features.enabled:
                check_guardian(self.guardian_settings)
            suspension = bot_suspension(self)
            self._sidecar = Sidecar(
                self.guardian_settings, self.guardian_database, self.dp.current_whitelist, suspension=suspension
            )
            self._sidecar.start()
        except FreqaiExtError as error:
            raise OperationalException(str(error)) from error

    def ft_bot_cleanup(self) -> None:
        """Tell Guardian the last word; Freqtrade calls it at the end of the bot and before a reload."""
        sidecar, self._sidecar = self._sidecar, None
        if sidecar is not None:
            sidecar.stop()
        super().ft_bot_cleanup()

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Offer the forecasts of candles that came without those of all other pairs, or for another whitelist."""
        if self._new or (self._offered and self._offered != frozenset(self.dp.current_whitelist())):
            self._offer()
        super().bot_loop_start(current_time, **kwargs)

    def feature_engineering_standard(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add Guardian's features of the pair and what its own trades say, as far as they were known at each candle."""
        dataframe = super().feature_engineering_standard(dataframe, metadata, **kwargs)
        history, trades = self._sources()
        pair, parts = metadata["pair"], []
        if history is not None:
            parts.append(self._features(history, pair, dataframe["date"]))
        if trades is not None and self.guardian_settings.trades.features:
            parts.append(trades.columns(pair, dataframe["date"], self._candle_s))
        return pd.concat([dataframe, *(part.add_prefix("%-") for part in parts)], axis=1) if parts else dataframe

    def analyze_ticker(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Take note of the newest forecast once the whole analysis has passed, and of none where it fails."""
        analysed: DataFrame
        if self._sidecar is None or not self.guardian_settings.publish or dataframe.empty:
            analysed = super().analyze_ticker(dataframe, metadata)
            return analysed
        pair, candle = metadata["pair"], dataframe["date"].array[-1]
        try:
            analysed = super().analyze_ticker(dataframe, metadata)
        except Exception:
            self._note(pair, candle, NO_FORECAST)
            raise
        try:
            forecast = self._newest_forecast(analysed, pair, candle)
        except Exception:
            # The strategy goes on.
            logger.exception("%s: its forecast cannot be read for Guardian", pair)
            forecast = NO_FORECAST
        self._note(pair, candle, forecast)
        return analysed

    def guardian_forecast(self, dataframe: DataFrame, metadata: dict[str, Any]) -> Forecast | None:
        """Return what to tell Guardian of the newest candle; override it for a model with other columns.

        ``None`` where the model has no odds.
        """
        horizon = self.guardian_settings.horizon_candles or getattr(self, "horizon_candles", None)
        if horizon is None:
            horizon = int(self.config["freqai"]["feature_parameters"]["label_period_candles"])
        cost_bps = self.ext_settings.signal.round_trip_cost_bps
        return newest_forecast(dataframe, int(horizon), self._candle_s, self.guardian_settings.probability, cost_bps)

    @property
    def _candle_s(self) -> float:
        return float(timeframe_to_seconds(self.timeframe))

    def _sources(self) -> tuple[FeatureHistory | None, TradeBook | None]:
        if self._sidecar is not None:
            return self._sidecar.history, self._sidecar.trades
        if self._recorded is None:
            settings = self.guardian_settings
            try:
                self._recorded = recorded_features(settings, self.guardian_database), open_trade_book(settings)
            except FreqaiExtError as error:
                raise OperationalException(str(error)) from error
        return self._recorded

    def _features(self, history: FeatureHistory, pair: str, dates: pd.Series) -> DataFrame:
        try:
            return history.columns(pair, dates, self._candle_s)
        except GuardianDataError as error:
            if self._sidecar is None:
                raise OperationalException(str(error)) from error
            # The bot goes on as if Guardian were away.
            self._guardian_say(str(error))
            return history.neutral(dates)

    def _newest_forecast(self, analysed: DataFrame, pair: str, candle: pd.Timestamp) -> Forecast:
        if analysed["date"].array[-1] != candle:
            # Freqtrade discards such an analysis.
            return NO_FORECAST
        forecast = self.guardian_forecast(analysed, {"pair": pair})
        if forecast is None and analysed["do_predict"].array[-1] == 1:
            self._guardian_say(why_no_odds(self.freqai, analysed))
        return forecast if forecast is not None and forecast.trusted else NO_FORECAST

    def _note(self, pair: str, candle: pd.Timestamp, forecast: Forecast) -> None:
        made_at_s = candle.timestamp() + self._candle_s
        opinion = Opinion(
            pair=pair,
            made_at_s=made_at_s,
            probability=forecast.probability,
            ev_bps=forecast.ev_bps,
            confidence=forecast.confidence,
            horizon_min=forecast.horizon_min,
            trained_at_s=float(self.freqai.dd.pair_dict.get(pair, {}).get("trained_timestamp", 0)),
            trusted=forecast.trusted,
        )
        if self._opinions.get(pair) == opinion:
            # With process_only_new_candles off, or after a failure, a candle is analysed in every round of the bot.
            return
        self._opinions[pair] = opinion
        self._new.add(pair)
        newest = {each for each, noted in self._opinions.items() if noted.made_at_s == made_at_s}
        if newest.issuperset(self.dp.current_whitelist()):
            self._offer()

    def _offer(self) -> None:
        universe = tuple(self.dp.current_whitelist())
        if not universe:
            # The bot is changing its pair list; to Guardian, an empty set would say that all is taken back.
            return
        self._new.clear()
        self._offered = frozenset(universe)
        if not any(guardian_symbol(pair) for pair in universe):
            self._guardian_say("No pair of the whitelist is quoted in USDT, and Guardian knows no other currency.")
        if self._sidecar is not None:
            self._sidecar.offer(
                OpinionSet(
                    universe=universe,
                    opinions={pair: self._opinions[pair] for pair in universe if pair in self._opinions},
                    created_at_s=time.time(),
                    candle_s=self._candle_s,
                    model=type(self.freqai).__name__,
                    identifier=str(self.config["freqai"].get("identifier", "")),
                )
            )

    def _guardian_say(self, message: str) -> None:
        if message not in self._guardian_said:
            self._guardian_said.add(message)
            logger.warning(message)
