"""The configuration of each contender."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from freqai_ext._silence import silence
from freqai_ext.config import load_ext_settings
from freqai_ext.errors import FreqaiExtError, SettingsError
from freqai_ext.evaluation.contender import Contender
from freqai_ext.evaluation.known_models import refuse_unknown
from freqai_ext.walkforward import backtesting_config
from freqai_ext.walkforward.configuration import check_config
from freqai_ext.walkforward.session import BacktestSession


@dataclass(frozen=True)
class Entrant:
    """A contender and the configuration that it is walked forward with.

    Attributes
    ----------
    pairs
        That have candles; known once it was loaded.
    """

    contender: Contender
    config: dict[str, Any]
    pairs: tuple[str, ...] = ()

    @property
    def identifier(self) -> str:
        """Its ``freqai.identifier``, under which its predictions are kept."""
        return str(self.config["freqai"]["identifier"])


def prepare_entrants(
    arguments: Sequence[str],
    contenders: Iterable[Contender],
    *,
    families: tuple[str, ...] | None = None,
    label_candles: int | None = None,
) -> tuple[Entrant, ...]:
    """Return each contender with its configuration.

    All have the user's features, windows and candles, unless a contender's own settings say otherwise. Each has an
    identifier of its own, ``<identifier>-evaluate-<label>``, so that an interrupted evaluation goes on, and a repeated
    one trains nothing.

    Parameters
    ----------
    arguments
        Options of ``freqtrade backtesting``, without ``--freqaimodel``.
    families
        Feature families of ``freqai_ext.features`` for all.
    label_candles
        ``freqai.feature_parameters.label_period_candles`` for all.

    Raises
    ------
    SettingsError
        Where a model is not known or a setting is not valid.
    freqtrade.exceptions.FreqtradeException
        As Freqtrade raises for a wrong configuration.
    """
    chosen: dict[str, Any] = {}
    if families is not None:
        chosen["freqai_ext"] = {"features": {"families": list(families)}}
    if label_candles is not None:
        chosen["freqai"] = {"feature_parameters": {"label_period_candles": label_candles}}
    contenders = tuple(contenders)
    loaded = [_load_config(arguments, contender) for contender in contenders]
    if loaded:
        refuse_unknown(contenders, loaded[0])
    return tuple(_entrant(each, config, chosen) for each, config in zip(contenders, loaded, strict=True))


def load_entrants(entrants: Iterable[Entrant]) -> tuple[Entrant, ...]:
    """Load every contender's strategy and model once, so that a fault shows before hours of training.

    Returns
    -------
    tuple of Entrant
        With their pairs, and the timeframe of their strategy in the configuration.

    Raises
    ------
    SettingsError
        With the label of the first that cannot be loaded, and the reason.
    MarketDataError
        Where there are no candles.
    """
    return tuple(_load(entrant) for entrant in entrants)


def load_session(config: dict[str, Any]) -> BacktestSession:
    """Return the candles and the strategy of a configuration, its model loaded, without a word."""
    with silence():
        session = BacktestSession(config)
        session.strategy.ft_bot_start()
    return session


def _load(entrant: Entrant) -> Entrant:
    try:
        session = load_session(entrant.config)
    except FreqaiExtError:
        raise
    except Exception as error:
        raise SettingsError(
            f"{entrant.contender.label}: strategy {entrant.config['strategy']} with model "
            f"{entrant.contender.freqaimodel} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    config = {**entrant.config, "timeframe": session.config["timeframe"]}
    return Entrant(entrant.contender, config, session.pairs)


def _load_config(arguments: Sequence[str], contender: Contender) -> dict[str, Any]:
    own = ["--freqaimodel", contender.freqaimodel]
    if contender.strategy:
        own += ["--strategy", contender.strategy]
    with silence():
        return backtesting_config([*arguments, *own])


def _entrant(contender: Contender, config: dict[str, Any], chosen: dict[str, Any]) -> Entrant:
    from freqtrade.misc import deep_merge_dicts

    if "model_training_parameters" in contender.config.get("freqai", {}):
        # They are those of one library, so the user's would not fit beside them.
        config["freqai"]["model_training_parameters"] = {}
    for settings in (chosen, contender.config):
        config = deep_merge_dicts(deepcopy(settings), config)
    config["freqai"]["identifier"] = f"{config['freqai']['identifier']}-evaluate-{contender.slug}"
    try:
        check_config(config)
        load_ext_settings(config)
    except SettingsError as error:
        raise SettingsError(f"{contender.label}: {error}") from error
    return Entrant(contender, config)
