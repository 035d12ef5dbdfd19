"""The ``freqai_ext`` section of a Freqtrade configuration, assembled from each package's own settings."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from freqai_ext._settings import Settings, parse_settings
from freqai_ext.features import FeatureSettings
from freqai_ext.labels import LabelSettings
from freqai_ext.pipeline import PipelineSettings

SECTION = "freqai_ext"

TargetName = Literal["roi", "buy", "sell", "stoploss"]
"""The targets that ``FreqAIExampleStrategy`` can set; ``freqai_ext.labels`` says what each one means."""


class CustomRegressorSettings(Settings):
    """What ``CustomRegressor`` trains.

    Attributes
    ----------
    backend
        The boosting library.
    """

    backend: Literal["lightgbm", "catboost"] = "lightgbm"


class StrategySettings(Settings):
    """What ``FreqAIExampleStrategy`` predicts and risks.

    Attributes
    ----------
    targets
        What to predict: ``"auto"``, all that the configured model can learn, or a list of ``"roi"``, ``"buy"``,
        ``"sell"`` and ``"stoploss"``.
    max_slippage_ratio
        An entry is refused when its rate is worse than the last close by more than this share of the close.
    leverage
        Leverage of futures trades, up to what the exchange allows; without effect on spot.
    """

    targets: Literal["auto"] | tuple[TargetName, ...] = "auto"
    max_slippage_ratio: float = Field(default=0.003, gt=0)
    leverage: float = Field(default=1.0, ge=1)

    @field_validator("targets", mode="before")
    @classmethod
    def _name_known_targets_once(cls, targets: object) -> object:
        known = get_args(TargetName)
        listed = isinstance(targets, list | tuple) and targets and all(target in known for target in targets)
        if targets != "auto" and not listed:
            raise ValueError(f'write "auto" or a list of: {", ".join(known)}')
        if isinstance(targets, list | tuple) and len(set(targets)) < len(targets):
            raise ValueError("name each target once")
        return targets


class ExtSettings(Settings):
    """The whole ``freqai_ext`` section; it may be left out, since every key has a default.

    Attributes
    ----------
    features
        Which features are computed.
    labels
        Thresholds of the targets.
    pipeline
        How features are cleaned and scaled before a model sees them.
    custom_regressor
        The model ``CustomRegressor``.
    strategy
        The strategy ``FreqAIExampleStrategy``.
    """

    features: FeatureSettings = FeatureSettings()
    labels: LabelSettings = LabelSettings()
    pipeline: PipelineSettings = PipelineSettings()
    custom_regressor: CustomRegressorSettings = CustomRegressorSettings()
    strategy: StrategySettings = StrategySettings()


def load_ext_settings(config: Mapping[str, Any]) -> ExtSettings:
    """Return the ``freqai_ext`` section of a Freqtrade configuration.

    Parameters
    ----------
    config
        The merged configuration, as Freqtrade hands it to strategies and models.

    Raises
    ------
    SettingsError
        One line for each fault, with its path, value, rule and remedy.
    """
    return parse_settings(ExtSettings, config.get(SECTION), SECTION)
