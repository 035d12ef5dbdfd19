"""A strategy that bets on odds, with every rule of the bet open to hyperopt."""

import logging
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.persistence import Trade
from freqtrade.strategy import CategoricalParameter, DecimalParameter, IntParameter
from pandas import DataFrame

from freqai_ext.config import OWN_PREDICTIONS
from freqai_ext.labels import forward_return, mean_forward_return
from freqai_ext.models._kind import model_task, takes_several_targets
from freqai_ext.strategies._base import ExtStrategy
from freqai_ext.strategies._bets import ENTRY_TAGS, EntryRule, ExitRule, bet_columns, bet_share, entries, exits
from freqai_ext.strategies._odds import Odds, Side, prediction_columns, read_odds, target_name
from freqai_ext.strategies._prediction_sets import load_prediction_set, own_identifier
from freqai_ext.strategies._protections import pauses
from freqai_ext.strategies._signals import with_signals

logger = logging.getLogger(__name__)

_LIVE = (RunMode.DRY_RUN, RunMode.LIVE)


class FreqaiHyperStrategy(ExtStrategy):
    """Bet on the odds that a model gives over several horizons; hyperopt chooses horizon, rules and predictions.

    **Targets**: the returns over ``freqai_ext.hyper.horizons``, ``&-return_12`` and so on, trained together. **Entry**:
    the trusted forecast over the chosen ``horizon`` has an expected value beyond the costs, a probability of earning
    them, confidence, and an interval that ``interval_rule`` allows. Shorts mirror it in futures mode. **Exit**: by
    ``exit_rule``, or once the horizon has passed. **Stake**: a fraction of the Kelly stake, capped.

    Models that give odds write ``p_up``, ``p_down``, ``ev_bps``, ``confidence`` and the ends of an interval. Of any
    other regressor the expected return alone is known: entries go by the expected value, exits by the expected return,
    and stakes are as Freqtrade proposes, up to the cap; the log says so once.

    **Prediction sets**: predictions of other features or models cannot be made while hyperopt runs. Those that other
    FreqAI runs have left on disk can be chosen, by the parameter ``prediction_set``; a live bot trades on its own only.

    A signal on candle ``t`` uses nothing later than its close; Freqtrade acts on it at the open of ``t + 1``.
    """

    minimal_roi: ClassVar[dict[str, float]] = {"0": 0.06, "240": 0.03}
    stoploss = -0.05

    min_probability = DecimalParameter(0.1, 0.7, default=0.35, decimals=2, space="buy")
    min_ev_bps = IntParameter(0, 40, default=0, space="buy")
    min_confidence = DecimalParameter(0.0, 0.5, default=0.0, decimals=2, space="buy")
    interval_rule = CategoricalParameter(["off", "loss_bounded", "clears_cost"], default="off", space="buy")
    max_interval_loss_bps = IntParameter(20, 400, default=150, space="buy")
    exit_rule = CategoricalParameter(
        ["odds_turned", "expectation_gone", "interval_loss", "horizon"], default="odds_turned", space="sell"
    )
    exit_probability = DecimalParameter(0.1, 0.6, default=0.3, decimals=2, space="sell")
    exit_expected_bps = IntParameter(-30, 20, default=0, space="sell")
    exit_interval_loss_bps = IntParameter(30, 500, default=250, space="sell")
    exit_after_horizons = DecimalParameter(0.5, 3.0, default=1.0, decimals=1, space="sell")

    protect_cooldown_candles = IntParameter(1, 24, default=2, space="protection")
    protect_stoploss_pause_hours = IntParameter(1, 24, default=6, space="protection")

    plot_config: ClassVar[dict[str, Any]] = {
        "main_plot": {
            "bet_low_price": {"color": "#888888"},
            "bet_high_price": {"color": "#888888", "fill_to": "bet_low_price"},
        },
        "subplots": {
            "probability": {"bet_p_up": {"color": "#009e73"}, "bet_p_down": {"color": "#d55e00"}},
            "expected value (bps)": {"bet_ev_bps": {"color": "#0072b2"}, "bet_short_ev_bps": {"color": "#cc79a7"}},
            "confidence": {"bet_confidence": {"color": "#e69f00"}},
            "trusted": {"bet_trusted": {"color": "#888888"}},
        },
    }

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        hyper, signal = self.ext_settings.hyper, self.ext_settings.signal
        if signal.forecast_scale != "expected":
            raise OperationalException(
                f"freqai_ext.signal.forecast_scale: {signal.forecast_scale!r} is not what {type(self).__name__} bets "
                "on, which is the expected return; write 'expected'"
            )
        self.cost_bps = signal.round_trip_cost_bps
        self.interval_coverage = signal.coverage
        self.identifier = own_identifier(config)
        # Moves grow with the horizon and costs do not, so the longest has most to bet on.
        self.horizon = _choice(hyper.horizons, hyper.horizons[-1])
        self.other_sets = tuple(name for name in hyper.prediction_sets if name != self.identifier)
        self.prediction_set = _choice((OWN_PREDICTIONS, *self.other_sets), OWN_PREDICTIONS)
        self._said: set[str] = set()

    @property
    def protections(self) -> list[dict[str, Any]]:
        """Return pauses after a trade, after a run of stop losses and after a drawdown."""
        return pauses(
            self.timeframe,
            cooldown_candles=self.protect_cooldown_candles.value,
            stoploss_pause_hours=self.protect_stoploss_pause_hours.value,
        )

    @property
    def trained_horizons(self) -> tuple[int, ...]:
        """The horizons that the model learns, in candles: all, or the first where it takes one target."""
        horizons, model = self.ext_settings.hyper.horizons, getattr(self, "freqai", None)
        return horizons if model is None or takes_several_targets(model) else horizons[:1]

    @property
    def horizon_candles(self) -> int:
        """The horizon that is traded on."""
        trained = self.trained_horizons
        return int(self.horizon.value) if len(trained) > 1 else trained[0]

    def ft_load_hyper_params(self, hyperopt: bool = False) -> None:
        """Load the parameters, and stop before the first trade where this run cannot keep to them.

        Freqtrade calls it at the start of the bot, after ``bot_start``, which is too early to see the parameters.
        """
        if len(self.trained_horizons) == 1 and len(self.ext_settings.hyper.horizons) > 1:
            self.horizon.optimize = False
            self._say(
                f"{type(self.freqai).__name__} learns one target, so {target_name(self.trained_horizons[0])} it is."
            )
        super().ft_load_hyper_params(hyperopt)
        horizons = self.ext_settings.hyper.horizons
        if self.horizon.value not in horizons:
            raise OperationalException(
                f"horizon: the parameters of {type(self).__name__} say {self.horizon.value!r}, and "
                f"freqai_ext.hyper.horizons is {list(horizons)}; add it there, or run hyperopt again"
            )
        if self.config.get("runmode") in _LIVE and self._foreign_set() is not None:
            raise OperationalException(
                f"prediction_set: the parameters of {type(self).__name__} trust '{self._foreign_set()}', and this bot "
                f"predicts '{self.identifier}'; start it with the configuration whose freqai.identifier is "
                f"'{self._foreign_set()}', or set prediction_set to '{OWN_PREDICTIONS}'"
            )

    def set_freqai_targets(self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any) -> DataFrame:
        """Add the return over each horizon; rows whose return is not yet known stay empty."""
        if model_task(self.freqai) == "classification":
            raise OperationalException(
                f"freqaimodel: {type(self.freqai).__name__} learns classes, and {type(self).__name__} bets on returns; "
                "choose a regressor or a model that gives odds, such as CalibratedSignalModel"
            )
        label = {"forward_return": forward_return, "mean_forward_return": mean_forward_return}[
            self.ext_settings.hyper.label
        ]
        targets = {
            target_name(horizon): label(dataframe, horizon, self.timeframe).values for horizon in self.trained_horizons
        }
        self.freqai.return_targets = list(targets)
        return pd.concat([dataframe, DataFrame(targets)], axis=1)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add the model's predictions; in hyperopt also those of every other prediction set."""
        dataframe = self.freqai.start(dataframe, metadata, self)
        if self.config.get("runmode") == RunMode.HYPEROPT:
            for name in self.other_sets:
                dataframe = self._with_prediction_set(dataframe, metadata["pair"], name)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add the odds over the chosen horizon, and mark the candles to enter on."""
        chosen = self._foreign_set()
        if chosen is not None:
            dataframe = self._with_prediction_set(dataframe, metadata["pair"], chosen)
        odds = self._odds(dataframe)
        dataframe = dataframe.assign(**bet_columns(odds, dataframe["close"]))
        rule = EntryRule(
            min_probability=self.min_probability.value,
            min_ev_bps=self.min_ev_bps.value,
            min_confidence=self.min_confidence.value,
            interval=self.interval_rule.value,
            max_interval_loss_bps=self.max_interval_loss_bps.value,
            cost_bps=self.cost_bps,
        )
        signals = {
            f"enter_{side}": (entries(odds, side, rule) & (dataframe["volume"] > 0), ENTRY_TAGS[side])
            for side in self._sides()
        }
        return with_signals(dataframe, "enter_tag", signals)

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark the candles on which the exit rule says that the bet is off."""
        odds = self._odds(dataframe)
        rule = ExitRule(
            kind=self.exit_rule.value,
            probability=self.exit_probability.value,
            expected_bps=self.exit_expected_bps.value,
            interval_loss_bps=self.exit_interval_loss_bps.value,
        )
        signals = {
            f"exit_{side}": (exits(odds, side, rule) & (dataframe["volume"] > 0), rule.tag(odds))
            for side in self._sides()
        }
        return with_signals(dataframe, "exit_tag", signals)

    def custom_exit(
        self, pair: str, trade: Trade, current_time: datetime, current_rate: float, current_profit: float, **kwargs: Any
    ) -> str | None:
        """Leave once the horizon has passed; except by the rule ``horizon``, only if nothing more is expected."""
        horizon = timedelta(minutes=timeframe_to_minutes(self.timeframe) * self.horizon_candles)
        if current_time - trade.open_date_utc < horizon * float(self.exit_after_horizons.value):
            return None
        candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        if candles.empty:
            return None
        newest = candles.iloc[-1]
        ev_bps = newest["bet_short_ev_bps" if trade.is_short else "bet_ev_bps"]
        promising = newest["bet_trusted"] == 1 and ev_bps > self.min_ev_bps.value
        return None if promising and self.exit_rule.value != "horizon" else "horizon_passed"

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
        """Return the capped fraction of the Kelly stake; 0, which opens no trade, where that is below ``min_stake``.

        Freqtrade bets the proposed stake after an exception here, so every fault is caught and denies the entry.
        Entries that the operator forces keep the stake that is proposed.
        """
        if entry_tag not in ENTRY_TAGS.values():
            return proposed_stake
        try:
            candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
            share = self._stake_share(candles.iloc[-1], "short" if side == "short" else "long", leverage)
        except Exception:
            logger.exception("%s: cannot judge the stake of the %s entry; denied", pair, side)
            return 0.0
        stake = min(share * max_stake, proposed_stake)
        return stake if stake > 0.0 and stake >= (min_stake or 0.0) else 0.0

    def _stake_share(self, candle: pd.Series, side: Side, leverage: float) -> float:
        """Return the share of the available stake currency to put up, at most ``max_stake_share``."""
        hyper = self.ext_settings.hyper
        deserved = bet_share(candle, side, self.interval_coverage) if hyper.kelly_fraction else None
        if hyper.kelly_fraction is None or deserved is None:
            return hyper.max_stake_share
        return min(hyper.kelly_fraction * deserved / leverage, hyper.max_stake_share)

    def _foreign_set(self) -> str | None:
        """Return the chosen prediction set unless it is the bot's own, under whichever name."""
        chosen = str(self.prediction_set.value)
        return None if chosen in (OWN_PREDICTIONS, self.identifier) else chosen

    def _with_prediction_set(self, dataframe: DataFrame, pair: str, name: str) -> DataFrame:
        if f"{name}@do_predict" in dataframe:
            return dataframe
        if name not in self.other_sets:
            raise OperationalException(
                f"prediction_set: the parameters of {type(self).__name__} trust '{name}', which is not among "
                f"freqai_ext.hyper.prediction_sets {list(self.other_sets)}; add it there, or run hyperopt again"
            )
        columns = dict.fromkeys(
            column for horizon in self.ext_settings.hyper.horizons for column in prediction_columns(horizon)
        )
        loaded = load_prediction_set(self.config, name, pair, dataframe["date"], columns)
        return pd.concat([dataframe, loaded.add_prefix(f"{name}@")], axis=1)

    def _odds(self, dataframe: DataFrame) -> Odds:
        chosen = self._foreign_set()
        prefix = "" if chosen is None else f"{chosen}@"
        odds = read_odds(dataframe, self.horizon_candles, self.cost_bps, prefix)
        whose = f"prediction set '{chosen}'" if chosen else type(self.freqai).__name__
        target = target_name(self.horizon_candles)
        if f"{prefix}{target}" not in dataframe and len(dataframe):
            self._say(f"No column {target} from {whose}, so no entries over that horizon.")
        elif odds.trusted.any() and not odds.knows_probability:
            self._say(
                f"No probabilities of {target} from {whose}: entries go by the expected return less "
                f"{self.cost_bps:g} bps of costs."
            )
        return odds

    def _sides(self) -> tuple[Side, ...]:
        return ("long", "short") if self.can_short else ("long",)

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            logger.info(message)


def _choice(options: tuple[Any, ...], default: Any) -> CategoricalParameter:
    """Return a parameter of the buy space; with a single option it is left out of the search.

    Freqtrade wants at least two options.
    """
    several = len(options) > 1
    return CategoricalParameter(
        list(options) if several else [default, default], default=default, space="buy", optimize=several
    )
