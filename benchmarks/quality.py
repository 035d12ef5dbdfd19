"""How good the forecasts of a backtest are."""

from freqtrade.data.history import load_pair_history

from benchmarks.timing import BacktestRun
from freqai_ext.labels import forward_return
from freqai_ext.validation import ForecastScores, score_forecast
from freqai_ext.walkforward import backtesting_config, load_predictions


def score_run(run: BacktestRun) -> dict[str, ForecastScores]:
    """Return the scores of the predicted against the realised forward return, by pair.

    All candles count for every model, those included that a model marks as outliers.
    """
    config = backtesting_config(run.options)
    horizon = config["freqai"]["feature_parameters"]["label_period_candles"]
    scores = {}
    for pair in config["exchange"]["pair_whitelist"]:
        candles = load_pair_history(pair, config["timeframe"], config["datadir"])
        realised = forward_return(candles, horizon, config["timeframe"]).values
        rows = load_predictions(config, pair).merge(candles[["date"]].assign(realised=realised), on="date")
        scores[pair] = score_forecast(rows["realised"], rows["&-roi"])
    return scores
