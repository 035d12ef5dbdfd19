"""Walk-forward training of a FreqAI backtest in parallel processes.

:func:`run_walkforward` trains and predicts every window of every pair into FreqAI's own prediction cache, so that the
``freqtrade backtesting`` that follows with the same configuration only reads it. :func:`load_predictions` returns what
the cache holds. :func:`backtesting_config` makes the configuration of both from the options of that command.
"""

from freqai_ext.walkforward.configuration import backtesting_config
from freqai_ext.walkforward.predictions import load_predictions
from freqai_ext.walkforward.report import WalkforwardReport, WindowFailure
from freqai_ext.walkforward.run import run_walkforward
from freqai_ext.walkforward.windows import Window, pair_windows

__all__ = [
    "WalkforwardReport",
    "Window",
    "WindowFailure",
    "backtesting_config",
    "load_predictions",
    "pair_windows",
    "run_walkforward",
]
