"""The demonstration behind ``freqai-ext demo``: backtests and simulated live trading in one go."""

from freqai_ext.demo.market import DemoMarket, generated_demo_market, stored_demo_market
from freqai_ext.demo.run import MODELS, DemoReport, run_demo
from freqai_ext.demo.scores import PairScore

__all__ = [
    "MODELS",
    "DemoMarket",
    "DemoReport",
    "PairScore",
    "generated_demo_market",
    "run_demo",
    "stored_demo_market",
]
