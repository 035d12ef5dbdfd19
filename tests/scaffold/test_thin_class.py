"""Thin classes are what Freqtrade's resolvers take."""

import pytest
from freqtrade.enums import RunMode
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from freqai_ext.scaffold import discover_classes, init_userdir, starting_config
from freqai_ext.scaffold.thin_class import CLASS_PACKAGES

ALL = [thin for package in CLASS_PACKAGES.values() for thin in discover_classes(package)]


@pytest.mark.parametrize("thin", ALL, ids=lambda thin: thin.name)
def test_the_source_defines_the_class_by_absolute_import(thin):
    assert f"\nclass {thin.name}(_Base):\n" in thin.source
    assert f"\nfrom {thin.package}.{thin.name} import {thin.name} as _Base\n" in thin.source
    assert max(map(len, thin.source.splitlines())) <= 120
    compile(thin.source, thin.file_name, "exec")


@pytest.mark.parametrize("thin", discover_classes("freqai_ext.models"), ids=lambda thin: thin.name)
def test_freqtrade_resolves_the_thin_model(tmp_path, thin):
    init_userdir(tmp_path)
    config = {**starting_config("spot"), "user_data_dir": tmp_path, "freqaimodel": thin.name, "runmode": RunMode.OTHER}
    config["freqai"]["model_training_parameters"] = {}
    model = FreqaiModelResolver.load_freqaimodel(config)
    assert type(model).__file__ == str(tmp_path / "freqaimodels" / thin.file_name)
    assert type(model).__mro__[1].__module__ == f"freqai_ext.models.{thin.name}"


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_freqtrade_resolves_the_thin_strategy(tmp_path, trading_mode):
    init_userdir(tmp_path)
    config = {**starting_config(trading_mode), "user_data_dir": tmp_path, "strategy": "FreqAIExampleStrategy"}
    strategy = StrategyResolver.load_strategy(config)
    assert strategy.__file__ == str(tmp_path / "strategies" / "FreqAIExampleStrategy.py")
    assert strategy.can_short == (trading_mode == "futures")


def test_only_modules_named_as_their_class_are_discovered(tmp_path, monkeypatch):
    package = tmp_path / "planted_models"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "Offered.py").write_text('class Offered(dict):\n    """It is offered.\n\n    Further text.\n    """\n')
    (package / "Undocumented.py").write_text("class Undocumented(dict):\n    x = 1\n")
    (package / "NoSuchClass.py").write_text("class Other(dict):\n    x = 1\n")
    (package / "_private.py").write_text("class _private(dict):\n    x = 1\n")
    (package / "Broken.txt").write_text("class Broken(")
    monkeypatch.syspath_prepend(tmp_path)
    found = {thin.name: thin.summary for thin in discover_classes("planted_models")}
    assert found == {"Offered": "It is offered.", "Undocumented": "Undocumented of freqai_ext."}
