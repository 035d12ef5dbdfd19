"""The Guardian sidecar as a strategy: it predicts and publishes; trading is Guardian's business."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from pandas import DataFrame

from freqai_ext.errors import FreqaiExtError
from freqai_ext.guardian import TradeBook
from freqai_ext.guardian.trades.meta_label import LABEL_NAME
from freqai_ext.models._before_training import before_training
from freqai_ext.models._signal_rows import known_at_column
from freqai_ext.strategies._guardian_odds import Forecast
from freqai_ext.strategies.FreqaiHyperStrategy import FreqaiHyperStrategy
from freqai_ext.strategies.guardian import GuardianMixin

_TARGET = f"&-{LABEL_NAME}"


class GuardianSidecarStrategy(GuardianMixin, FreqaiHyperStrategy):
    """Forecast with FreqAI, tell Guardian, and leave the trading to it.

    Models, horizons and features are those of :class:`FreqaiHyperStrategy`; what is told, and when, is set in
    ``freqai_ext.guardian``. It opens no trades of its own unless ``freqai_ext.guardian.trade`` says so, and does not
    start with real orders enabled unless ``freqai_ext.guardian.allow_live`` does.

    With ``freqai_ext.guardian.trades.meta_label`` it learns from Guardian's own trades whether an entry of Guardian's
    pays, and tells that probability and what such an entry earns or loses on average.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        if not config.get("dry_run", True) and not self.guardian_settings.allow_live:
            raise OperationalException(
                "dry_run: false would let the sidecar use real orders beside Guardian; set dry_run to true, or, if it "
                "is really meant to, freqai_ext.guardian.allow_live to true"
            )

    @property
    def _trades_itself(self) -> bool:
        return self.guardian_settings.trade

    def bot_start(self, **kwargs: Any) -> None:
        """Start the sidecar; with ``meta_label``, only where there are enough trades of Guardian's to learn from.

        Raises
        ------
        OperationalException
            Where a setting does not fit to Guardian, its trades are too few, or the horizon to publish is not trained.
        """
        horizon = self.guardian_settings.horizon_candles
        if not self.guardian_settings.trades.meta_label and horizon not in (None, *self.trained_horizons):
            trained = ", ".join(map(str, self.trained_horizons))
            raise OperationalException(
                f"freqai_ext.guardian.horizon_candles: {horizon} is not trained; write one of "
                f"freqai_ext.hyper.horizons ({trained}), or add it there"
            )
        if self.guardian_settings.trades.meta_label:
            before_training(self.freqai, self._with_enough_trades)
            if self.config.get("runmode") in (RunMode.DRY_RUN, RunMode.LIVE):
                now = datetime.now(UTC)
                start = now - timedelta(days=float(self.config["freqai"]["train_period_days"]))
                self._check_trades(pd.Series([start, now]), None)
        super().bot_start(**kwargs)

    def set_freqai_targets(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add the return over each horizon, or whether Guardian's entries paid on the candles where it entered."""
        if not self.guardian_settings.trades.meta_label:
            return super().set_freqai_targets(dataframe, metadata, **kwargs)
        label = self._guardian_trades().pays_label(metadata["pair"], dataframe["date"], self._candle_s)
        known_at_s = pd.DatetimeIndex(label.known_at).as_unit("ms").asi8 / 1e3
        columns = {_TARGET: label.values.to_numpy(), known_at_column(_TARGET): known_at_s}
        return pd.concat([dataframe, DataFrame(columns, index=dataframe.index)], axis=1)

    def guardian_forecast(self, dataframe: DataFrame, metadata: dict[str, Any]) -> Forecast | None:
        """Return the odds of the horizon, or the probability that an entry of Guardian's pays."""
        if not self.guardian_settings.trades.meta_label:
            return super().guardian_forecast(dataframe, metadata)
        if _TARGET not in dataframe:
            return None
        trades, chance = self._guardian_trades(), float(dataframe[_TARGET].array[-1])
        return Forecast(
            probability=chance,
            ev_bps=trades.payoff().ev_bps(chance),
            confidence=abs(2.0 * chance - 1.0),
            horizon_min=trades.holding_min(),
            trusted=float(dataframe["do_predict"].array[-1]) == 1.0,
        )

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles to enter on; none where trading is left to Guardian."""
        dataframe = super().populate_entry_trend(dataframe, metadata)
        if self._trades_itself:
            return dataframe
        entries = [column for column in ("enter_long", "enter_short") if column in dataframe]
        return dataframe.assign(**dict.fromkeys(entries, 0))

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
        """Refuse every entry, the operator's too, where trading is left to Guardian."""
        return self._trades_itself and super().confirm_trade_entry(
            pair, order_type, amount, rate, time_in_force, current_time, entry_tag, side, **kwargs
        )

    def _guardian_trades(self) -> TradeBook:
        trades = self._sources()[1]
        if trades is None:
            raise OperationalException("freqai_ext.guardian.trades.data_dir: needed for meta_label; write its path")
        return trades

    def _with_enough_trades(self, window: DataFrame, pair: str, _: Any) -> DataFrame:
        self._check_trades(window["date"], pair)
        return window

    def _check_trades(self, dates: pd.Series, pair: str | None) -> None:
        pooled = self.ext_settings.signal.panel
        since_s, until_s = dates.iloc[0].timestamp(), dates.iloc[-1].timestamp() + self._candle_s
        try:
            self._guardian_trades().check_enough(
                self.guardian_settings.trades.min_trades, since_s, until_s, None if pooled else pair
            )
        except FreqaiExtError as error:
            raise OperationalException(str(error)) from error
