"""What a user may get wrong: each is refused before anything is trained, by path, value, rule and remedy."""

import json

import pytest
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.misc import deep_merge_dicts
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from freqai_ext._silence import silence
from freqai_ext.cli.app import main
from freqai_ext.scaffold import init_userdir


def feature(**parameters):
    return {"freqai": {"feature_parameters": parameters}}


def training(**parameters):
    return {"freqai": {"model_training_parameters": parameters}}


def ours(**sections):
    return {"freqai_ext": sections}


LABEL = "freqai.feature_parameters.label_period_candles"
TREES = "freqai.model_training_parameters.n_estimators"
COST = "freqai_ext.signal.round_trip_cost_bps"
URL = "freqai_ext.guardian.url"

SETTINGS = [
    (feature(label_period_candles=0), f"{LABEL}: 0 is not valid; it must be a number of at least 1"),
    (feature(label_period_candles=-3), f"{LABEL}: -3 is not valid; it must be a number of at least 1"),
    (feature(label_period_candles="twelve"), f"{LABEL}: 'twelve' is not valid; it must be a number of at least 1"),
    (
        feature(include_timeframes=["5m", "7x"]),
        "freqai.feature_parameters.include_timeframes: '7x' is not a timeframe; write one like '1h'",
    ),
    (
        feature(DI_threshold=-1),
        "freqai.feature_parameters.DI_threshold: -1 is not valid; it must be a number of at least 0",
    ),
    (
        {"freqai": {"live_retrain_hours": "x"}},
        "freqai.live_retrain_hours: 'x' is not valid; it must be a number of at least 0",
    ),
    (
        {"freqai": {"model_training_parameters": [1]}},
        'freqai.model_training_parameters: not an object; write {...}, such as {"n_estimators": 200}',
    ),
    (training(n_estimators="many"), f"{TREES}: 'many' is refused by LightGBM: it is a text; write a number"),
    (training(n_estimators=-5), f"{TREES}: -5 is refused by LightGBM: Number of boosting rounds must be greater"),
    (training(n_estimaters=5), "freqai.model_training_parameters.n_estimaters: LightGBM has no such parameter; did yo"),
    ({"freqai_ext": "x"}, "freqai_ext: not an object; write {...} with keys of: custom_regressor, ensemble"),
    ({"freqai_ext": []}, "freqai_ext: not an object; write {...} with keys of: custom_regressor, ensemble"),
    (ours(guardian="x"), "freqai_ext.guardian: not an object; write {...} with keys of: allow_live"),
    (ours(signal=[]), "freqai_ext.signal: not an object; write {...} with keys of: "),
    (ours(signl={}), "freqai_ext.signl: unknown setting; did you mean 'signal'?"),
    (ours(guardian={"url": "http://127.0.0.1 :8099"}), f"{URL}: 'http://127.0.0.1 :8099' is not valid; it has a blank"),
    (
        ours(guardian={"url": "localhost:8099"}),
        f"{URL}: 'localhost:8099' is not valid; it has no scheme; write http://",
    ),
    (ours(guardian={"url": "http://127.0.0.1:99999"}), f"{URL}: 'http://127.0.0.1:99999' is not valid; write scheme,"),
    (
        ours(news={"perplexica": {"url": "http://local host:3000"}}),
        "freqai_ext.news.perplexica.url: 'http://local host:3000' is not valid; it has a blank in it",
    ),
    (ours(signal={"round_trip_cost_bps": "twenty"}), f"{COST}: 'twenty' is not valid; input should be a valid number"),
    (ours(signal={"round_trip_cost_bps": -1}), f"{COST}: -1 is not valid; input should be greater than or equal to 0"),
    (ours(signal={"round_trip_cost_bps": float("inf")}), f"{COST}: inf is not valid; input should be a finite number"),
    (ours(signal={"folds": 10**9}), "freqai_ext.signal.folds: 1000000000 is not valid; input should be less than or"),
    (ours(signal={"coverage": 1.5}), "freqai_ext.signal.coverage: 1.5 is not valid; input should be less than or"),
    (ours(features={"families": ["momentm"]}), "'momentm' is not a feature family; did you mean 'momentum'?"),
    (
        ours(features={"reference_pair": "BTCUSDT"}),
        "freqai_ext.features.reference_pair: 'BTCUSDT' is not valid; it is not a pair; write one like 'BTC/USDT'",
    ),
    (ours(pipeline={"scaler": "minmx"}), "freqai_ext.pipeline.scaler: 'minmx' is not valid; input should be 'minmax'"),
]


@pytest.fixture(scope="module")
def userdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user") / "user_data"
    init_userdir(folder)
    return folder


def loaded(userdir, changes, strategy="FreqAIExampleStrategy", model="CalibratedSignalModel"):
    """Load strategy and model as a bot does at its start."""
    path = userdir / "changed.json"
    base = json.loads((userdir / "config_freqai_ext.json").read_text())
    path.write_text(json.dumps(deep_merge_dicts(changes, base)))
    arguments = {"config": [str(path)], "user_data_dir": str(userdir), "strategy": strategy, "freqaimodel": model}
    with silence():
        config = Configuration(arguments, RunMode.DRY_RUN).get_config()
        StrategyResolver.load_strategy(config)
        FreqaiModelResolver.load_freqaimodel(config)


@pytest.mark.parametrize(("changes", "message"), SETTINGS, ids=[message[:60] for _, message in SETTINGS])
def test_a_wrong_setting_is_refused_at_the_start(userdir, changes, message):
    with pytest.raises(OperationalException) as caught:
        loaded(userdir, changes)
    assert message in str(caught.value)


def test_an_empty_section_is_one_of_defaults(userdir):
    loaded(userdir, {"freqai_ext": None})


def test_our_strategy_refuses_a_wrong_horizon_with_a_stock_model_too(userdir):
    with pytest.raises(OperationalException, match=r"label_period_candles: 0 is not valid; it must be a number of at"):
        loaded(userdir, feature(label_period_candles=0), model="LightGBMRegressor")


COMMANDS = [
    (["offline", "freqtrade", "backtesting"], "--"),
    (
        ["evaluate", "-c", "{config}", "--models", "CatbostRegressor", "--timerange", "20250307-20250309"],
        "--models: CatbostRegressor not found; known are CalibratedSignalModel",
    ),
    (["evaluate", "-c", "{config}", "--models", "CatboostRegressor"], "error: Please pass --timerange if you intend"),
    (
        ["evaluate", "-c", "{config}", "--models", "CatboostRegressor", "--timerange", "20250309-20250307"],
        "timerange: '20250309-20250307' cannot be read (Start date is after stop date",
    ),
    (
        ["evaluate", "-c", "{config}", "--models", "CatboostRegressor", "--timerange", "2025-03-07"],
        "timerange: '2025-03-07' cannot be read (Incorrect syntax for timerange \"2025-03-07\"",
    ),
    (["evaluate", "-c", "{folder}/none.json", "--models", "CatboostRegressor"], "none.json"),
    (["evaluate", "-c", "{folder}/broken.json", "--models", "CatboostRegressor"], "error: Parse error at"),
    (
        ["evaluate", "-c", "{config}", "--models", "CatboostRegressor", "--timerange", "20250307-20250309"],
        "no 5m candles for any of BTC/USDT, ETH/USDT, SOL/USDT; get them with freqtrade download-data",
    ),
    (
        ["walkforward", "-c", "{config}", "--strategy", "FreqAIExampleStrategie", "--timerange", "20250307-20250309"],
        "FreqAIExampleStrategie",
    ),
    (["guardian", "check", "--url", "http://a b"], "guardian check.url: 'http://a b' is not valid; it has a blank"),
]


@pytest.mark.parametrize(("words", "message"), COMMANDS, ids=[" ".join(words)[:60] for words, _ in COMMANDS])
def test_a_wrong_command_ends_with_one_error_and_no_traceback(userdir, monkeypatch, capfd, words, message):
    (userdir / "broken.json").write_text('{"a": 1,,}')
    places = {"config": userdir / "config_freqai_ext.json", "folder": userdir}
    argv = [word.format(**places) for word in words]
    if argv[0] in ("evaluate", "walkforward"):
        argv += ["--userdir", str(userdir)]
        argv += [] if "--strategy" in argv else ["--strategy", "FreqAIExampleStrategy"]
        argv += ["--freqaimodel", "CatboostRegressor"] if argv[0] == "walkforward" else []
    monkeypatch.setattr("sys.argv", ["freqai-ext", *argv])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = "".join(capfd.readouterr())
    assert ended.value.code not in (0, None)
    assert message in " ".join(shown.split())
    assert "Traceback" not in shown
