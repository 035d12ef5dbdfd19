"""Imports point downwards, and importing the package does nothing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "freqai_ext"


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_imports_keep_the_contracts():
    linter = Path(sys.executable).with_name("lint-imports")
    command = [linter, "--config", "pyproject.toml", "--no-cache"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Contracts: {len(contracts())} kept, 0 broken" in result.stdout


def test_every_part_of_the_package_has_a_layer():
    layered = {
        name.strip().strip("()")
        for contract in contracts()
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for name in layer.split("|")
    }
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert parts - {"__init__"} <= layered


def test_importing_the_package_is_quick():
    code = "import time; start = time.perf_counter(); import freqai_ext; print(time.perf_counter() - start)"
    assert min(float(run_python(code)) for _ in range(3)) < 0.150


@pytest.mark.parametrize("module", ["freqai_ext", "freqai_ext.cli.app", "freqai_ext.scaffold"])
def test_importing_it_loads_no_heavy_library(module):
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    loaded = set(run_python(code).split())
    assert loaded.isdisjoint({"pandas", "numpy", "freqtrade", "lightgbm", "catboost", "sklearn", "fastapi"})


def test_importing_it_sets_up_no_logging():
    assert run_python("import logging, freqai_ext; print(logging.getLogger().handlers)").strip() == "[]"
