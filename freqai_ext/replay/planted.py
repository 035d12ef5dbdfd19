"""The predictable component of the generated market.

It is a reversal that anyone can see in closed candles. With log returns ``r`` of candles,

- ``volatility`` at candle t: root mean square of the last :data:`VOLATILITY_CANDLES` returns,
- ``stretch`` at candle t: sum of the last :data:`STRETCH_CANDLES` returns, divided by ``volatility`` times the
  root of their number,
- expected log return of candle t + 1: ``-strength * volatility * tanh(stretch)``.

Both are known when candle t closes.
"""

import numpy as np
from numpy.typing import NDArray

STRETCH_CANDLES = 24
VOLATILITY_CANDLES = 96

_ROUNDS = 60

FloatArray = NDArray[np.float64]


def expected_return(log_returns: FloatArray, strength: float) -> FloatArray:
    """Return, for each candle, the expected log return of the next one, known when the candle closes.

    Parameters
    ----------
    log_returns
        Log returns of the candles; shape ``(n,)``.
    strength
        Size of the effect. The first :data:`VOLATILITY_CANDLES` candles have none.
    """
    volatility = np.sqrt(rolling_sum(log_returns**2, VOLATILITY_CANDLES) / VOLATILITY_CANDLES)
    stretch = rolling_sum(log_returns, STRETCH_CANDLES) / np.sqrt(STRETCH_CANDLES)
    ratio = np.divide(stretch, volatility, out=np.zeros_like(stretch), where=volatility > 0)
    expected = -strength * volatility * np.tanh(ratio)
    expected[:VOLATILITY_CANDLES] = 0.0
    return np.asarray(expected, np.float64)


def planted_returns(noise: FloatArray, strength: float) -> tuple[FloatArray, FloatArray]:
    """Return log returns that follow the rule, and their expected part, from unpredictable ``noise``.

    The rule looks at the returns it moves. Its influence on itself is far below one, so solving it by repetition
    converges; the number of rounds is fixed, so that the result never depends on how many candles there are.
    """
    expected = np.zeros_like(noise)
    returns = noise
    for _ in range(_ROUNDS):
        expected = expected_return(returns, strength)
        returns = noise.copy()
        returns[1:] += expected[:-1]
    return returns, expected


def information_coefficient(expected: FloatArray, log_returns: FloatArray, horizon: int) -> float:
    """Return the correlation of the planted forecast with the log return of the next ``horizon`` candles.

    Only the predictable part of the return enters the covariance. The rest is independent of the forecast, so
    leaving it out changes nothing but the sampling error, which would otherwise be as large as the value.
    """
    last = len(expected) - horizon
    forecast = expected[:last]
    predictable = _forward_sum(np.concatenate([[0.0], expected[:-1]]), horizon)
    forward = _forward_sum(log_returns, horizon)
    covariance = float(np.cov(forecast, predictable)[0, 1])
    return covariance / (float(forecast.std()) * float(forward.std()))


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum of the last ``window`` values, fewer at the beginning."""
    total = np.cumsum(values)
    total[window:] -= total[:-window].copy()
    return total


def _forward_sum(values: FloatArray, horizon: int) -> FloatArray:
    total: FloatArray = np.concatenate([[0.0], np.cumsum(values)])
    return total[1 + horizon :] - total[1:-horizon]
