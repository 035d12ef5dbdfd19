"""Checks of the Python installation."""

from importlib import metadata

import pytest

from freqai_ext.doctor import DoctorRequest, Level
from freqai_ext.doctor.context import Context
from freqai_ext.doctor.versions import check_versions, known_issues, unmet_requirements


@pytest.fixture
def pretend(monkeypatch):
    """Pretend that packages are installed in other versions, or not at all."""
    real = metadata.version

    def pretend(**versions):
        def version(name):
            wanted = versions.get(name.lower().replace("-", "_"), real)
            if wanted is None:
                raise metadata.PackageNotFoundError(name)
            return real(name) if wanted is real else wanted

        monkeypatch.setattr(metadata, "version", version)

    return pretend


def test_this_installation_is_in_order():
    findings = list(check_versions(Context(DoctorRequest())))
    assert [finding.level for finding in findings] == [Level.OK]
    assert "freqtrade 20" in findings[0].message


def test_a_missing_package_is_a_failure_with_the_command_that_installs_it(pretend):
    pretend(catboost=None)
    (finding,) = unmet_requirements("freqai-ext")
    assert (finding.level, finding.message) == (Level.FAILURE, "catboost is not installed; freqai-ext needs it")
    assert finding.remedy.startswith("pip install 'catboost")


def test_a_version_out_of_range_is_a_failure_that_names_the_range(pretend):
    pretend(lightgbm="3.0.0")
    (finding,) = unmet_requirements("freqai-ext")
    assert finding.level is Level.FAILURE
    assert finding.message.startswith("lightgbm 3.0.0 is installed; freqai-ext needs lightgbm")


def test_requirements_of_extras_count_only_when_asked_for(pretend):
    pretend(optuna=None)
    assert list(unmet_requirements("freqtrade")) == []
    (finding,) = unmet_requirements("freqtrade", extras=("hyperopt",))
    assert finding.message == "optuna is not installed; freqtrade needs it"


def test_freqtrade_itself_may_be_missing(pretend):
    pretend(freqtrade=None)
    (finding,) = unmet_requirements("freqtrade")
    assert (finding.message, finding.remedy) == ("freqtrade is not installed", "pip install freqtrade")


@pytest.mark.parametrize(("version", "affected"), [("3.0.3", False), ("3.1.0", True), ("3.1.1", True)])
def test_pandas_that_breaks_live_retraining_is_reported_for_foreign_models(pretend, version, affected):
    pretend(pandas=version)
    assert bool(list(known_issues(foreign_model=True))) is affected
    assert list(known_issues(foreign_model=False)) == []


def test_a_cuda_build_without_driver_is_reported(pretend, monkeypatch, tmp_path):
    monkeypatch.setattr("freqai_ext.doctor.versions._NVIDIA_DRIVER", tmp_path / "absent")
    pretend(torch="2.13.0+cu130")
    findings = list(check_versions(Context(DoctorRequest())))
    assert findings[-1].level is Level.WARNING
    assert findings[-1].message.startswith("torch 2.13.0+cu130 is a CUDA build, and this machine has no NVIDIA driver")


def test_a_native_library_that_does_not_load_is_reported(monkeypatch):
    def broken(name):
        if name == "talib":
            raise ImportError("libta-lib.so.0: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", broken)
    finding = list(check_versions(Context(DoctorRequest())))[-1]
    assert finding.level is Level.FAILURE
    assert finding.message == (
        "ta-lib is installed but cannot be imported: ImportError: libta-lib.so.0: cannot open shared object file"
    )
