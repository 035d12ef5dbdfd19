"""The digest of a strategy's features and targets changes with them, and with nothing else."""

import importlib
import json
import os
import subprocess
import sys

import pytest
from freqtrade.resolvers import StrategyResolver

from freqai_ext.models._code_digest import class_digest, strategy_digest

STRATEGY = '''
import numpy as np
import pandas as pd
import helper_of_test
from helper_of_test import scaled
from freqtrade.strategy import IStrategy, IntParameter, informative

WEIGHTS = {"a": [1, 2]}
MADE = {"ratio": lambda frame: frame["close"] / frame["open"]}

class Base(IStrategy):
    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        dataframe["%-base"] = 1
        return dataframe

    def shared(self, frame):
        return frame["close"].pct_change(self.lag)

class S(Base):
    timeframe = "5m"
    minimal_roi = {"0": 0.05}
    stoploss = -0.05
    lag = 3
    entry = IntParameter(0, 20, default=2, space="buy")
    length = IntParameter(5, 50, default=14, space="buy")

    def __init__(self, config):
        super().__init__(config)
        self.horizon = 12
        self.table = {"fast": 5}
        self.seen = {}
        self.own = config["my_own"]

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        """Features."""
        # A comment.
        dataframe["%-a"] = dataframe["close"].rolling(period).mean()
        self.seen[metadata["pair"]] = 1
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        dataframe["%-b"] = scaled(dataframe["close"]) + helper_of_test.OFFSET + self.shared(dataframe)
        dataframe["%-c"] = dataframe["close"].rolling(self.length.value).mean() * WEIGHTS["a"][0]
        dataframe["%-d"] = MADE["ratio"](dataframe) + self.table["fast"]
        return dataframe

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        return super().feature_engineering_standard(dataframe, metadata, **kwargs)

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        from helper_of_test import sign
        dataframe["&-ret"] = sign() * (dataframe["close"].shift(-self.horizon) / dataframe["close"] - self.own)
        return dataframe

    def populate_indicators(self, dataframe, metadata):
        dataframe = self.freqai.start(dataframe, metadata, self)
        dataframe["level"] = 0.1
        return dataframe

    def populate_entry_trend(self, df, metadata):
        df.loc[df["&-ret"] > self.entry.value, "enter_long"] = 1
        return df

    def populate_exit_trend(self, df, metadata):
        df.loc[df["&-ret"] < 0.5, "exit_long"] = 1
        return df

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        return None
'''
HELPER = """
OFFSET = 0.5
UNUSED = 1
def scaled(close):
    return close * factor()
def factor():
    return 2.0
def sign():
    return 1
def unused():
    return 3
"""


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Return the digest of the strategy after replacements, loaded as Freqtrade does."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(*replaced, parameters=None, own=1.0):
        texts = {"S.py": STRATEGY, "helper_of_test.py": HELPER}
        for old, new in replaced:
            assert sum(old in text for text in texts.values()) == 1, old
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for name, text in texts.items():
            (folder / name).write_text(text)
        (folder / "S.json").unlink(missing_ok=True)
        if parameters is not None:
            (folder / "S.json").write_text(json.dumps({"strategy_name": "S", "params": parameters}))
        importlib.invalidate_caches()
        sys.modules.pop("helper_of_test", None)
        config = {
            "strategy": "S",
            "user_data_dir": tmp_path,
            "stake_currency": "USDT",
            "my_own": own,
            "freqai": {},
            "candle_type_def": "spot",
        }
        strategy = StrategyResolver.load_strategy(config)
        strategy.ft_load_hyper_params()
        return strategy_digest(strategy)

    yield load
    sys.modules.pop("helper_of_test", None)


@pytest.mark.parametrize(
    "replaced",
    [
        ('(dataframe["close"].shift(-self', '-(dataframe["close"].shift(-self'),
        ("rolling(period).mean()", "rolling(period).median()"),
        ("rolling(period)", "rolling(period + 1)"),
        ('"%-a"', '"%-aa"'),
        ("return 2.0", "return 2.5"),
        ("return 1\n", "return -1\n"),
        ("OFFSET = 0.5", "OFFSET = 0.6"),
        ("lag = 3", "lag = 4"),
        ("self.horizon = 12", "self.horizon = 24"),
        ('self.table = {"fast": 5}', 'self.table = {"fast": 6}'),
        ("pct_change(self.lag)", "diff(self.lag)"),
        ('["%-base"] = 1', '["%-base"] = 2'),
        ('{"a": [1, 2]}', '{"a": [3, 2]}'),
        ('frame["close"] / frame["open"]', 'frame["open"] / frame["close"]'),
        ("dataframe = self.freqai.start", 'dataframe["atr"] = 1; dataframe = self.freqai.start'),
        ("default=14", "default=15"),
        (
            "    def populate_entry",
            '    @informative("1h")\n    def with_hours(self, d, m):\n        return d\n\n    def populate_entry',
        ),
    ],
    ids=lambda replaced: replaced[1].strip()[:30],
)
def test_what_makes_a_feature_or_a_target_changes_the_digest(digest, replaced):
    assert digest(replaced) != digest()


@pytest.mark.parametrize(
    "replaced",
    [
        ('df["&-ret"] < 0.5', 'df["&-ret"] < 0.6'),
        ('df["&-ret"] > self.entry.value', 'df["&-ret"] > 2 * self.entry.value'),
        ("return None", "return 'now'"),
        ('{"0": 0.05}', '{"0": 0.07}'),
        ("stoploss = -0.05", "stoploss = -0.09"),
        ('"""Features."""', '"""Other words."""'),
        ('        """Features."""\n', ""),
        ("# A comment.", "# Another one,\n        # of two lines."),
        ("UNUSED = 1", "UNUSED = 2"),
        ("return 3", "return 4"),
        ('dataframe["level"] = 0.1', 'dataframe["level"] = 0.2'),
        ("default=2,", "default=3,"),
        ("import numpy as np", "import numpy as np\nimport json"),
    ],
    ids=lambda replaced: replaced[1].strip()[:30],
)
def test_what_only_decides_on_trades_keeps_the_digest(digest, replaced):
    assert digest(replaced) == digest()


def test_parameters_count_where_a_feature_reads_them(digest):
    before = digest()
    assert digest(parameters={"buy": {"entry": 9, "length": 14}}) == before
    assert digest(parameters={"buy": {"entry": 2, "length": 20}}) != before


def test_a_setting_of_the_users_own_counts_where_a_feature_reads_it(digest):
    assert digest(own=2.0) != digest(own=1.0)


def test_what_a_bot_has_collected_does_not_count(digest, tmp_path):
    strategy = StrategyResolver.load_strategy
    before = digest()
    config = {"strategy": "S", "user_data_dir": tmp_path, "stake_currency": "USDT", "my_own": 1.0, "freqai": {}}
    loaded = strategy(config)
    loaded.ft_load_hyper_params()
    loaded.seen |= {"BTC/USDT": 5}
    assert strategy_digest(loaded) == before


ASK = """
import sys
from pathlib import Path
from freqtrade.resolvers import StrategyResolver
from freqai_ext.models._code_digest import strategy_digest
sys.path.insert(0, sys.argv[1] + "/strategies")
config = {"strategy": "S", "user_data_dir": Path(sys.argv[1]), "stake_currency": "USDT", "my_own": 1.0, "freqai": {}}
strategy = StrategyResolver.load_strategy(config)
strategy.ft_load_hyper_params()
print(strategy_digest(strategy))
"""


def test_the_digest_is_the_same_in_every_process(digest, tmp_path):
    """Whatever the seed of hashes, and whether Python compiled the files or read them compiled."""
    expected = digest()
    found = []
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", ASK, str(tmp_path)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(done.stdout.strip().splitlines()[-1])
    assert found == [expected] * 3


def test_a_model_of_the_user_counts_by_its_code_and_an_installed_one_by_its_name(tmp_path):
    def made(body, name="Mine"):
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        (tmp_path / f"{name}.py").write_text(
            "from freqai_ext.models.CatboostRegressor import CatboostRegressor\n\n"
            f"class {name}(CatboostRegressor):\n    {body}\n"
        )
        module = importlib.util.module_from_spec(spec)
        importlib.invalidate_caches()
        spec.loader.exec_module(module)
        return class_digest(getattr(module, name))

    plain = made("def fit(self, data, dk):\n        return 1")
    assert made("def fit(self, data, dk):\n        return 1  # the same") == plain
    assert made("def fit(self, data, dk):\n        return 22") != plain
