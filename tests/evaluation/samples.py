"""Rows of known skill, for the tests beside."""

import numpy as np
import pandas as pd

from freqai_ext.evaluation.sample import Sample

PAIRS = ("A/USDT", "B/USDT")


def make_rows(days=20, pairs=PAIRS, start="2025-01-20"):
    dates = pd.date_range(start, periods=days * 24, freq="1h", tz="UTC")
    return pd.concat([pd.DataFrame({"pair": pair, "date": dates}) for pair in pairs], ignore_index=True)


def make_sample(signal=0.5, days=20, seed=0, pairs=PAIRS):
    rows = make_rows(days, pairs)
    random = np.random.default_rng(seed)
    actual = random.normal(size=len(rows))
    forecast = signal * actual + random.normal(size=len(rows))
    return Sample.of(rows, pd.Series(actual), pd.Series(forecast))
