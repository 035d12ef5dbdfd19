"""What our strategies share: features for FreqAI, settings, and the last word before an order."""

import logging
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd
from freqtrade.exceptions import OperationalException
from freqtrade.strategy import IStrategy
from pandas import DataFrame

from freqai_ext.config import ExtSettings, check_freqai_section, load_ext_settings, protect_secrets
from freqai_ext.errors import SettingsError
from freqai_ext.features import (
    calendar_features,
    cross_asset_features,
    lookback_features,
    period_features,
    warm_up_candles,
)
from freqai_ext.strategies._reference import reference_candles, reference_pair, require_reference_history

logger = logging.getLogger(__name__)


class ExtStrategy(IStrategy):
    """Common ground of the strategies of freqai_ext.

    It reads the ``freqai_ext`` section before the bot starts, gives the features of :mod:`freqai_ext.features` to
    FreqAI's three hooks, goes short in futures mode only, and refuses entries whose rate has run away.
    """

    INTERFACE_VERSION = 3

    timeframe = "5m"
    process_only_new_candles = True
    use_exit_signal = True

    #: Candles that the strategy's own indicators need.
    indicator_candles: ClassVar[int] = 0

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        protect_secrets(config)
        try:
            self.ext_settings: ExtSettings = load_ext_settings(config)
            check_freqai_section(config)
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
        self.startup_candle_count = max(warm_up, self.indicator_candles)
        self.reference_pair = reference_pair(config, features.reference_pair)
        if features.families is None or "cross_asset" in features.families:
            require_reference_history(config, self.reference_pair)

    def ft_bot_start(self, **kwargs: Any) -> None:
        """Start as Freqtrade's strategies do, with the secrets of ``freqai_ext`` masked in what will be stored."""
        # Of a list of strategies each has a copy of the configuration, and Freqtrade stores the one that was copied.
        protect_secrets(getattr(self.dp, "_config", {}))
        super().ft_bot_start(**kwargs)

    def informative_pairs(self) -> list[tuple[str, str]]:
        """Return the reference pair at the base timeframe."""
        return [(self.reference_pair, self.timeframe)] if self.reference_pair else []

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
