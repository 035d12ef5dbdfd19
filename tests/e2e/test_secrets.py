"""No secret of ours in anything that real commands of Freqtrade write, wherever it came from."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from freqai_ext._services.secrets import secret_paths, variable_of
from freqai_ext.config import ExtSettings
from freqai_ext.scaffold import HYBRID_CONFIG_NAME

pytestmark = pytest.mark.e2e

NEEDLE = b"s3cret"
PATHS = [path.replace("*", "0") for path in secret_paths(ExtSettings)]
TIMERANGE = "20250120-20250121"

FOREIGN = """
from freqtrade.strategy import IStrategy


class Foreign(IStrategy):
    timeframe = "5m"
    stoploss = -0.05
    minimal_roi = {"0": 0.01}
    startup_candle_count = 20

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        return dataframe.assign(**{"%-change-period": dataframe["close"].pct_change(period)})

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"&-return": dataframe["close"].shift(-6) / dataframe["close"] - 1})

    def populate_indicators(self, dataframe, metadata):
        uses_freqai = self.config.get("freqai", {}).get("enabled", False)
        return self.freqai.start(dataframe, metadata, self) if uses_freqai else dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def with_secrets(config):
    """Plant a secret at the place of each."""
    config.setdefault("freqai_ext", {}).setdefault("news", {}).setdefault("llm", {})["endpoints"] = [
        {"name": f"judge-{index}", "model": "m", "api_base": "http://127.0.0.1:9", "api_key": f"s3cret-judge-{index}"}
        for index in range(2)
    ]
    for path in PATHS:
        place = config
        *parents, name = path.split(".")
        for part in parents:
            place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
        place[name] = f"s3cret-{path}"
    return config


def contents(*folders):
    """Iterate over the files below folders, those in archives by themselves."""
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    yield from ((f"{path.name}/{name}", archive.read(name)) for name in archive.namelist())
            elif path.is_file():
                yield path.name, path.read_bytes()


@pytest.fixture
def stored(spot, tmp_path):
    """Run a command and return what it stored, by file, and its log."""
    (spot.userdir / "strategies" / "Foreign.py").write_text(FOREIGN)

    def run(command, config, *words):
        # Not in the user directory: it is the user's own file.
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        results = tmp_path / "results"
        results.mkdir(exist_ok=True)
        more = ["--cache", "none", "--backtest-directory", str(results)] if command == "backtesting" else []
        log = spot.freqtrade(
            command, "-c", str(path), "--userdir", str(spot.userdir), "--timerange", TIMERANGE, *words, *more
        )
        return dict(contents(results, spot.userdir)), log

    return run


def hybrid_config(spot, tmp_path):
    config = json.loads((spot.userdir / HYBRID_CONFIG_NAME).read_text()) | spot.exchange.exchange_config(spot.pairs)
    config["freqai_ext"]["news"] |= {"database": str(tmp_path / "news.sqlite")}
    return config


def leaking(files):
    return sorted(name for name, content in files.items() if NEEDLE in content)


def test_a_list_of_strategies_stores_no_secret_and_warns_of_each_once(spot, stored, tmp_path, monkeypatch):
    monkeypatch.setenv("FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN", "s3cret-of-a-variable")
    config = with_secrets(hybrid_config(spot, tmp_path))
    files, log = stored("backtesting", config, "--strategy-list", "Foreign", "GraphitiHybridStrategy")
    assert any(name.endswith("_config.json") and b"REDACTED" in content for name, content in files.items())
    assert leaking(files) == []
    assert NEEDLE.decode() not in log.text
    for path in PATHS:
        assert log.text.count(f"{path}: its secret is in ") == 1
        assert f"put it into the variable {variable_of(path)}, or into a file that {path}_file names" in log.text
    assert "freqai_ext.guardian.token: its secret is in the variable FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN" in log.text


def test_a_model_of_ours_keeps_secrets_out_beside_a_strategy_that_is_none(spot, stored):
    config = with_secrets(json.loads(spot.config("secrets").read_text()))
    names = ["--strategy", "Foreign", "--freqaimodel", "CatboostRegressor"]
    files, log = stored("backtesting", config, *names)
    assert any(name.endswith("_config.json") and b"REDACTED" in content for name, content in files.items())
    assert leaking(files) == []
    assert NEEDLE.decode() not in log.text


def test_hyperopt_stores_no_secret(spot, stored, tmp_path):
    config = with_secrets(hybrid_config(spot, tmp_path))
    options = ["--spaces", "buy", "--hyperopt-loss", "SharpeHyperOptLoss", "-e", "2", "-j", "2"]
    files, log = stored("hyperopt", config, "--strategy", "GraphitiHybridStrategy", *options)
    assert any(name.endswith(".fthypt") for name in files)
    assert leaking(files) == []
    assert NEEDLE.decode() not in log.text


def test_show_config_shows_no_secret_of_a_variable_or_file_of_ours(spot, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("s3cret-of-a-file\n")
    secret.chmod(0o600)
    config = hybrid_config(spot, tmp_path)
    config["freqai_ext"]["guardian"] = {"token_file": str(secret)}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    for secret_path in PATHS:
        monkeypatch.setenv(variable_of(secret_path), "s3cret-of-a-variable")
    command = ["show-config", "-c", str(path), "--userdir", str(spot.userdir)]
    shown = subprocess.run([sys.executable, "-m", "freqtrade", *command], capture_output=True, check=True, timeout=120)
    assert b"token_file" in shown.stdout
    assert NEEDLE not in shown.stdout + shown.stderr
