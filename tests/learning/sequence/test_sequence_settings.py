import re

import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.errors import SettingsError
from freqai_ext.learning import sequence
from freqai_ext.learning.learner import Learner
from freqai_ext.learning.sequence import SequenceLearner, SequenceSettings


def test_public_names_are_these() -> None:
    assert sorted(sequence.__all__) == ["FittedSequence", "SequenceLearner", "SequenceSettings", "check_device"]
    assert all(hasattr(sequence, name) for name in sequence.__all__)


def test_the_learner_is_known_by_its_name_and_its_history() -> None:
    learner: Learner = SequenceLearner(SequenceSettings(window_candles=20))
    assert learner.name == "sequence"
    assert learner.history_rows == 19
    assert SequenceLearner().history_rows == 47


def test_every_setting_is_explained() -> None:
    explained = re.findall(r"^    (\w+)$", SequenceSettings.__doc__ or "", flags=re.MULTILINE)
    assert [name for name in explained if name != "Attributes"] == list(SequenceSettings.model_fields)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"architecture": "lstm"}, r"p\.architecture: 'lstm' is not valid; input should be 'gru', 'tcn' or"),
        ({"window_candles": 1}, r"p\.window_candles: 1 is not valid; input should be greater than or equal to 2"),
        ({"dropout": 1.0}, r"p\.dropout: 1\.0 is not valid; input should be less than 1"),
        ({"windows": 3}, r"p\.windows: unknown setting"),
        (
            {"architecture": "patch_transformer", "hidden_size": 30},
            "hidden_size 30 must be a multiple of heads 4; write hidden_size 32",
        ),
        (
            {"architecture": "patch_transformer", "window_candles": 4},
            "patch_candles 8 must not be above window_candles 4; write a shorter patch",
        ),
    ],
)
def test_wrong_settings_are_refused(raw: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_settings(SequenceSettings, raw, "p")


def test_sizes_of_other_architectures_are_not_checked() -> None:
    assert SequenceSettings(architecture="gru", hidden_size=30, window_candles=4).hidden_size == 30
