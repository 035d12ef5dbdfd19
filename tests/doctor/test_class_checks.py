"""Checks that Freqtrade finds strategy and model, with the true reason where it does not."""

import pytest

from freqai_ext.doctor import Level
from freqai_ext.doctor.classes import check_model, check_strategy

MODEL_FILE = "from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel\n{}\n"


def test_our_classes_are_found(setup):
    context = setup.context(strategy="FreqAIExampleStrategy", freqaimodel="CatboostRegressor")
    (strategy,) = setup.run_on(check_strategy, context)
    (model,) = setup.run_on(check_model, context)
    assert strategy.message == f"FreqAIExampleStrategy from {setup.userdir}/strategies/FreqAIExampleStrategy.py"
    assert model.message == f"CatboostRegressor from {setup.userdir}/freqaimodels/CatboostRegressor.py"
    assert type(context.strategy).__name__ == "FreqAIExampleStrategy"
    assert context.config["startup_candle_count"] == context.strategy.startup_candle_count


def test_checking_a_model_leaves_no_trace(setup):
    setup.run(check_model, freqaimodel="CatboostRegressor")
    assert not (setup.userdir / "models").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise ValueError('first\\nsecond')", "ValueError: first"),
    ],
)
def test_an_import_error_is_shown_with_its_traceback(setup, body, message):
    source = MODEL_FILE.format(body) + "class Mine(BaseRegressionModel):\n    fit = None\n"
    file = setup.write("freqaimodels/Mine.py", source)
    (finding,) = setup.run(check_model, freqaimodel="Mine")
    assert finding.level is Level.FAILURE
    assert finding.message.startswith(f"{file} cannot be imported: {message}")
    assert "\n" not in finding.message
    assert f'File "{file}", line 2' in finding.detail
    assert "freqai_ext/doctor" not in finding.detail


def test_the_files_of_a_folder_may_import_each_other(setup):
    setup.write("freqaimodels/shared_code.py", "import no_such_library\n")
    source = MODEL_FILE.format("import shared_code") + "class Mine(BaseRegressionModel):\n    fit = None\n"
    setup.write("freqaimodels/Mine.py", source)
    (finding,) = setup.run(check_model, freqaimodel="Mine")
    assert "No module named 'no_such_library'" in finding.message
    assert finding.remedy == "install what it imports"


def test_a_misspelt_name_gets_the_nearest_one(setup):
    (model,) = setup.run(check_model, freqaimodel="CatbostRegressor")
    (strategy,) = setup.run(check_strategy, strategy="FreqaiExampleStrategy")
    assert model.message.startswith("no file defines 'class CatbostRegressor('; searched: ")
    assert model.remedy == "did you mean 'CatboostRegressor'?"
    assert strategy.remedy == "did you mean 'FreqAIExampleStrategy'?"


def test_a_class_of_another_kind_is_named(setup):
    setup.write("freqaimodels/Mine.py", "class Mine(dict):\n    pass\n")
    (finding,) = setup.run(check_model, freqaimodel="Mine")
    assert finding.message.endswith("Mine.py: Mine does not derive from IFreqaiModel")


def test_what_a_constructor_raises_is_shown(setup):
    setup.change(freqai__model_training_parameters={"n_estimaters": 3})
    (finding,) = setup.run(check_model, freqaimodel="CatboostRegressor")
    assert "CatboostRegressor.py cannot be created: freqai.model_training_parameters.n_estimaters: " in finding.message


def test_a_short_strategy_in_spot_mode_is_explained(setup):
    source = (
        "from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy as Base\n"
        "class Shorting(Base):\n"
        "    def __init__(self, config):\n"
        "        super().__init__(config)\n"
        "        self.can_short = True\n"
    )
    setup.write("strategies/Shorting.py", source)
    (finding,) = setup.run(check_strategy, strategy="Shorting")
    assert "Short strategies cannot run in spot markets" in finding.message


def test_two_files_with_one_class_name_are_reported(setup):
    first = setup.write("freqaimodels/AAA.py", (setup.userdir / "freqaimodels/CatboostRegressor.py").read_text())
    found, shadowed = setup.run(check_model, freqaimodel="CatboostRegressor")
    assert found.level is Level.OK
    assert shadowed.level is Level.WARNING
    assert f"Freqtrade takes {first} and ignores {setup.userdir}/freqaimodels/CatboostRegressor.py" in shadowed.message


def test_a_stock_model_under_this_pandas_is_reported(setup):
    from freqai_ext.doctor.versions import known_issues

    _, *issues = setup.run(check_model, freqaimodel="LightGBMRegressor")
    assert issues == list(known_issues(foreign_model=True))
    _, *none = setup.run(check_model, freqaimodel="CustomRegressor")
    assert none == []
