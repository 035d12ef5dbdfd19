"""What the pages show as Python and as JSON can be used as it stands there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from freqtrade.misc import deep_merge_dicts

from freqai_ext.config import load_ext_settings
from freqai_ext.scaffold.starting_config import sidecar_config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language, pages=PAGES):
    return [
        pytest.param(text, id=f"{page.name}-{number}")
        for page in pages
        for number, text in enumerate(re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.S | re.M))
    ]


@pytest.mark.parametrize("snippet", blocks("python"))
def test_a_snippet_imports_all_that_it_names(snippet):
    # Names that are not defined; what cannot be parsed is an error anyway.
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "-"]
    done = subprocess.run(command, input=snippet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("snippet", blocks("python", [ROOT / "docs" / "guardian.md", ROOT / "docs" / "strategy.md"]))
def test_a_strategy_of_the_pages_is_one(snippet):
    names = {"__name__": "snippet"}
    exec(snippet, names)
    from freqtrade.strategy import IStrategy

    assert issubclass(names["MyStrategy"], IStrategy)


def test_the_settings_that_the_guardian_page_shows_are_the_shipped_ones_and_valid():
    page = (ROOT / "docs" / "guardian.md").read_text()
    (text,) = re.findall(r"^ *```json\n(.*?)^ *```", page, re.S | re.M)
    shipped = json.loads((ROOT / "configs" / "guardian_sidecar" / "day_horizon.json").read_text())
    assert json.loads(text) == shipped
    settings = load_ext_settings(deep_merge_dicts(shipped, json.loads(json.dumps(sidecar_config()))))
    assert settings.guardian.horizon_candles in settings.hyper.horizons
    assert shipped["freqai"]["feature_parameters"]["label_period_candles"] == max(settings.hyper.horizons)
    assert shipped["freqai"]["identifier"] != sidecar_config()["freqai"]["identifier"]
