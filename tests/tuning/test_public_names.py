import subprocess
import sys

import freqai_ext.tuning as tuning


def test_public_names_are_these():
    assert tuning.__all__ == [
        "Choice",
        "Range",
        "SearchSpace",
        "TrialRecord",
        "TuningResult",
        "TuningSettings",
        "search_space",
        "tune",
    ]


def test_optuna_is_not_imported_before_a_search():
    code = "import sys, freqai_ext.tuning; print('optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
