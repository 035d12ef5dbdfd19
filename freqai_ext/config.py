"""The ``freqai_ext`` section of a Freqtrade configuration, assembled from each package's own settings."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, field_validator

from freqai_ext._services.redaction import Exposure, exposures, protect
from freqai_ext._services.secrets import check_variables
from freqai_ext._settings import Settings, parse_settings
from freqai_ext.errors import SettingsError
from freqai_ext.features import FeatureSettings
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.labels import LabelSettings
from freqai_ext.learning.sequence import SequenceSettings
from freqai_ext.news.settings import NewsSettings
from freqai_ext.pipeline import PipelineSettings
from freqai_ext.signals import SignalSettings
from freqai_ext.tuning import TuningSettings

SECTION = "freqai_ext"

MemberName = Literal["lightgbm", "catboost", "hist_gradient_boosting", "linear", "torch"]
"""What ``StackedEnsembleModel`` can stack."""

OWN_PREDICTIONS: Final = "own"
"""The prediction set that is the bot's own FreqAI run."""

_IDENTIFIER: Final = re.compile(r"\w[\w.-]*")

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
    """What ``FreqAIExampleStrategy`` predicts, and what every strategy of ours risks.

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


class HyperSettings(Settings):
    """What ``FreqaiHyperStrategy`` predicts and stakes. Its thresholds are not here: hyperopt chooses them.

    Attributes
    ----------
    horizons
        Horizons to train together, in candles, ascending. A model of one target gets the first.
    label
        What is forecast over a horizon: the return to the close at its end, which is what a position held so long
        earns, or the return to the mean of its closes, the target of FreqAI's own examples.
    prediction_sets
        Identifiers of other FreqAI runs, of other features or another model, whose backtest predictions the strategy
        may trust instead of its own. The parameter ``prediction_set`` chooses; live only the bot's own can be chosen.
    kelly_fraction
        Share of the Kelly stake to bet; ``null`` leaves every stake as Freqtrade proposes it, up to
        ``max_stake_share``.
    max_stake_share
        A stake is at most this share of the stake currency that is still available.
    """

    horizons: tuple[Annotated[int, Field(ge=1)], ...] = (12, 24, 48)
    label: Literal["forward_return", "mean_forward_return"] = "forward_return"
    prediction_sets: tuple[str, ...] = ()
    kelly_fraction: float | None = Field(default=0.25, gt=0, le=1)
    max_stake_share: float = Field(default=0.3, gt=0, le=1)

    @field_validator("horizons")
    @classmethod
    def _horizons_ascend(cls, horizons: tuple[int, ...]) -> tuple[int, ...]:
        if not horizons or list(horizons) != sorted(set(horizons)):
            raise ValueError("list at least one horizon, each once and in ascending order, such as [12, 24, 48]")
        return horizons

    @field_validator("prediction_sets")
    @classmethod
    def _sets_are_identifiers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_IDENTIFIER.fullmatch(name) and name != OWN_PREDICTIONS for name in names):
            raise ValueError(
                "write identifiers of FreqAI runs, of letters, digits, '_', '-' and '.'; "
                f"'{OWN_PREDICTIONS}' is the bot's own run and needs no mention"
            )
        if len(set(names)) < len(names):
            raise ValueError("name each run once")
        return names


class HybridSettings(Settings):
    """What ``GraphitiHybridStrategy`` starts from; hyperopt may move the values of its entry and exit rules.

    Attributes
    ----------
    rsi_period
        Length of the RSI in candles.
    rsi_oversold
        The RSI triggers a long below this.
    rsi_overbought
        It ends a long above this, and triggers a short in futures mode.
    enable_ai_analysis
        Confirm entries by news. With ``false`` they go by the RSI alone.
    min_impact_score
        A verdict of less impact confirms nothing.
    min_confidence
        A verdict of less confidence confirms nothing.
    max_contradiction_bps
        An entry is denied where similar verdicts were followed by a mean return in their direction below minus this, in
        basis points.
    min_memories
        Fewer similar verdicts contradict nothing.
    memory_candles
        Horizon over which what followed is measured.
    min_p_up
        Entries also need this probability from a FreqAI model that gives odds; ``null`` goes without FreqAI.
    stop_loss
        As a ratio of the entry price, below 0.
    take_profit
        As a ratio of the entry price; half of it after 30 minutes, a fifth after an hour.
    max_position_size
        Largest stake of a trade in the stake currency; ``null`` leaves it to Freqtrade.
    """

    rsi_period: int = Field(default=14, ge=7, le=21)
    rsi_oversold: int = Field(default=30, ge=20, le=35)
    rsi_overbought: int = Field(default=70, ge=65, le=80)
    enable_ai_analysis: bool = True
    min_impact_score: float = Field(default=0.3, ge=0, le=1)
    min_confidence: float = Field(default=0.3, ge=0, le=1)
    max_contradiction_bps: float = Field(default=25.0, ge=0)
    min_memories: int = Field(default=5, ge=1)
    memory_candles: int = Field(default=16, ge=1)
    min_p_up: float | None = Field(default=None, gt=0, lt=1)
    stop_loss: float = Field(default=-0.05, gt=-1, lt=0)
    take_profit: float = Field(default=0.10, gt=0)
    max_position_size: float | None = Field(default=100.0, gt=0)


class EnsembleSettings(Settings):
    """What ``StackedEnsembleModel`` stacks.

    Attributes
    ----------
    members
        The learners: ``"lightgbm"``, ``"catboost"``, ``"linear"``, ``"hist_gradient_boosting"`` and ``"torch"``, which
        needs the extra of that name.
    parameters
        Parameters of a member's own library, by its name; they win over ``model_training_parameters``.
    folds
        Purged folds inside each training on which the weights are learnt.
    """

    members: tuple[MemberName, ...] = ("lightgbm", "catboost", "linear")
    parameters: dict[MemberName, dict[str, Any]] = Field(default_factory=dict)
    folds: int = Field(default=3, ge=1, le=20)

    @field_validator("members")
    @classmethod
    def _name_members_once(cls, members: tuple[MemberName, ...]) -> tuple[MemberName, ...]:
        if not members or len(set(members)) < len(members):
            raise ValueError("name at least one member, and each once")
        return members


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
    signal
        The models that give odds and intervals, ``CalibratedSignalModel`` and its like.
    sequence
        The networks of ``PyTorchSequenceRegressor`` and ``PyTorchSequenceClassifier``.
    ensemble
        The model ``StackedEnsembleModel``.
    strategy
        The strategy ``FreqAIExampleStrategy``.
    tuning
        The search for training parameters inside every training.
    hyper
        The strategy ``FreqaiHyperStrategy``.
    guardian
        The Guardian sidecar.
    news
        Search, judgement and memory of news.
    hybrid
        The strategy ``GraphitiHybridStrategy``.
    """

    features: FeatureSettings = FeatureSettings()
    labels: LabelSettings = LabelSettings()
    pipeline: PipelineSettings = PipelineSettings()
    custom_regressor: CustomRegressorSettings = CustomRegressorSettings()
    signal: SignalSettings = SignalSettings()
    sequence: SequenceSettings = SequenceSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    strategy: StrategySettings = StrategySettings()
    tuning: TuningSettings = TuningSettings()
    hyper: HyperSettings = HyperSettings()
    guardian: GuardianSettings = GuardianSettings()
    news: NewsSettings = NewsSettings()
    hybrid: HybridSettings = HybridSettings()


def load_ext_settings(config: Mapping[str, Any]) -> ExtSettings:
    """Return the ``freqai_ext`` section of a Freqtrade configuration.

    Parameters
    ----------
    config
        The merged configuration, as Freqtrade hands it to strategies and models.

    Raises
    ------
    SettingsError
        One line for each fault, with its path, value, rule and remedy; or for an environment variable that looks
        like a secret's and is none's.
    """
    settings = parse_settings(ExtSettings, config.get(SECTION), SECTION)
    check_variables(ExtSettings)
    return settings


_LEAST: Final = {
    "live_retrain_hours": 0,
    "expiration_hours": 0,
    "fit_live_predictions_candles": 0,
    "feature_parameters.label_period_candles": 1,
    "feature_parameters.include_shifted_candles": 0,
    "feature_parameters.DI_threshold": 0,
    "feature_parameters.weight_factor": 0,
    "data_split_parameters.test_size": 0,
}
_TIMEFRAME: Final = re.compile(r"[1-9]\d*[mhdwM]")


def check_freqai_section(config: Mapping[str, Any]) -> None:
    """Check the ranges of FreqAI's own settings, of which Freqtrade checks the types alone.

    Raises
    ------
    SettingsError
        One line for each fault.
    """
    section = config.get("freqai") or {}
    faults = []
    for path, least in _LEAST.items():
        value: Any = section
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None and not (isinstance(value, int | float) and value >= least):
            faults.append(f"freqai.{path}: {value!r} is not valid; it must be a number of at least {least}")
    faults += [
        f"freqai.feature_parameters.include_timeframes: {timeframe!r} is not a timeframe; write one like '1h'"
        for timeframe in (section.get("feature_parameters") or {}).get("include_timeframes") or ()
        if not _TIMEFRAME.fullmatch(str(timeframe))
    ]
    parameters = section.get("model_training_parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        faults.append('freqai.model_training_parameters: not an object; write {...}, such as {"n_estimators": 200}')
    if faults:
        raise SettingsError("\n".join(faults))


def protect_secrets(config: MutableMapping[str, Any]) -> None:
    """Warn of secrets of ours that stand in a Freqtrade configuration, and mask them in what Freqtrade will store.

    Parameters
    ----------
    config
        The merged configuration; its ``original_config`` is changed, and nothing else.
    """
    protect(config, ExtSettings)


def exposed_secrets(config: Mapping[str, Any]) -> tuple[Exposure, ...]:
    """Return the secrets of ours that stand in a Freqtrade configuration in clear."""
    return exposures(config, ExtSettings)


def lacks_training_history(config: Mapping[str, Any], pair: str) -> bool:
    """Return whether a live FreqAI keeps no history of a pair: it stands in neither list that FreqAI loads.

    Of such a pair Freqtrade holds about a thousand candles, fewer than most training windows have.
    """
    correlated = config.get("freqai", {}).get("feature_parameters", {}).get("include_corr_pairlist") or []
    listed = config.get("exchange", {}).get("pair_whitelist") or []
    return pair not in correlated and not any(pair == each or _matches(each, pair) for each in listed)


def _matches(pattern: str, pair: str) -> bool:
    try:
        return re.fullmatch(pattern, pair) is not None
    except re.error:
        return False
