"""What the checks look at, gathered as they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freqai_ext.doctor.finding import CheckSkippedError


@dataclass(frozen=True)
class DoctorRequest:
    """What to check; the options of Freqtrade's commands with the same names.

    Parameters
    ----------
    configs
        Configuration files, later ones over earlier ones. Without any, only the installation is checked.
    userdir
        User directory; as Freqtrade does, ``user_data`` in the working directory where it is not given.
    strategy, freqaimodel
        Class names, over the configuration's.
    datadir
        Folder of the candle files, over the one that Freqtrade derives from user directory and exchange.
    timerange
        Backtest range, e.g. ``"20260601-20260701"``, whose candles must be present.
    """

    configs: tuple[Path, ...] = ()
    userdir: Path | None = None
    strategy: str | None = None
    freqaimodel: str | None = None
    datadir: Path | None = None
    timerange: str | None = None


@dataclass
class Context:
    """State of a diagnosis: a check that succeeds leaves here what later checks build on."""

    request: DoctorRequest
    loaded_config: dict[str, Any] | None = field(default=None, init=False)
    loaded_strategy: Any = field(default=None, init=False)
    loaded_model: Any = field(default=None, init=False)
    section_is_valid: bool = field(default=True, init=False)

    @property
    def config(self) -> dict[str, Any]:
        """The merged configuration; it holds the strategy's attributes once the strategy was resolved."""
        if self.loaded_config is None:
            raise CheckSkippedError("needs a configuration that loads")
        return self.loaded_config

    @property
    def freqai(self) -> dict[str, Any]:
        """The ``freqai`` section, of which Freqtrade's validation has passed."""
        if not freqai_is_on(self.config):
            raise CheckSkippedError("FreqAI is off in this configuration")
        return dict(self.config["freqai"])

    @property
    def strategy(self) -> Any:
        """The strategy, an ``IStrategy``."""
        if self.loaded_strategy is None:
            raise CheckSkippedError("needs a strategy that loads")
        return self.loaded_strategy


def freqai_is_on(config: Mapping[str, Any]) -> bool:
    """Whether ``freqai.enabled`` is true."""
    return bool((config.get("freqai") or {}).get("enabled"))


def is_ours(cls: type) -> bool:
    """Whether ``cls`` derives from a class of this package."""
    return any(base.__module__.startswith("freqai_ext.") for base in cls.__mro__)
