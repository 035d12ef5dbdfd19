"""How good the forecasts of a backtest were, pair by pair."""

from dataclasses import dataclass
from pathlib import Path

from freqai_ext._silence import silence
from freqai_ext.labels import forward_return
from freqai_ext.replay import CandleStore, TradingMode
from freqai_ext.validation import ForecastScores, score_forecast
from freqai_ext.walkforward import backtesting_config, load_predictions


@dataclass(frozen=True)
class PairScore:
    """Scores of one model's out-of-sample forecasts of one pair's forward return."""

    model: str
    pair: str
    scores: ForecastScores


def score_backtest(
    model: str,
    arguments: list[str],
    pairs: tuple[str, ...],
    datadir: Path,
    trading_mode: TradingMode,
) -> list[PairScore]:
    """Score the forecasts that a backtest left in FreqAI's prediction cache against what happened.

    Parameters
    ----------
    arguments
        The arguments that ``freqtrade backtesting`` was run with.
    """
    with silence():
        config = backtesting_config(arguments)
    horizon = int(config["freqai"]["feature_parameters"]["label_period_candles"])
    store = CandleStore(datadir, trading_mode)
    return [_score(model, pair, config, store, horizon) for pair in pairs]


def _score(model: str, pair: str, config: dict, store: CandleStore, horizon: int) -> PairScore:  # type: ignore[type-arg]
    candles = store.history(pair).candles(config["timeframe"]).to_frame()
    actual = forward_return(candles, horizon, config["timeframe"]).values
    outcome = candles[["date"]].assign(actual=actual)
    joined = load_predictions(config, pair).merge(outcome, on="date", how="left")
    trusted = joined[joined["do_predict"] == 1]
    return PairScore(model, pair, score_forecast(trusted["actual"], trusted["&-roi"]))
