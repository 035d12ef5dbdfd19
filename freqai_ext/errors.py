"""The exceptions of freqai_ext.

::

    FreqaiExtError
    ├── SettingsError        a setting is wrong; names its path, value, rule and remedy
    ├── MarketDataError      candles are missing, empty, malformed or have gaps
    ├── ReplayError          the replay exchange cannot start or serve
    ├── ScaffoldError        files cannot be written into a user directory
    ├── WalkforwardError     a walk-forward run cannot start, or its predictions are not there
    ├── DemoError            a step of the demonstration failed
    ├── MissingExtraError    an optional dependency is not installed
    └── ContractError        a model or feature breaks a rule that all of its kind must keep

Code that Freqtrade calls raises Freqtrade's own ``OperationalException`` from these, so that the bot stops
with their message before it trades.
"""


class FreqaiExtError(Exception):
    """Base of every error raised by freqai_ext."""


class SettingsError(FreqaiExtError):
    """A setting is wrong. The message names its path, the value, the rule and the remedy."""


class MarketDataError(FreqaiExtError):
    """Candles are missing, empty, malformed or have gaps. The message names the file."""


class ReplayError(FreqaiExtError):
    """The replay exchange cannot start or serve. The message says why and what to do."""


class ScaffoldError(FreqaiExtError):
    """Files cannot be written into a user directory. The message names the first one."""


class WalkforwardError(FreqaiExtError):
    """A walk-forward run cannot start, or its predictions are not there. The message says why and what to do."""


class DemoError(FreqaiExtError):
    """A step of the demonstration failed. The message holds the command and the end of its log."""


class MissingExtraError(FreqaiExtError):
    """An optional dependency is not installed. The message names the extra to install."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}'; install it with: pip install 'freqai-ext[{extra}]'")


class ContractError(FreqaiExtError):
    """A model or feature breaks a rule that all of its kind must keep. The message names the rule and the case."""
