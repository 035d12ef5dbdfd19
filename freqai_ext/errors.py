"""The exceptions of freqai_ext.

::

    FreqaiExtError
    ├── SettingsError        a setting is wrong; names its path, value, rule and remedy
    ├── MarketDataError      candles are missing, empty, malformed or have gaps
    ├── ReplayError          the replay exchange cannot start or serve
    ├── ScaffoldError        files cannot be written into a user directory
    ├── WalkforwardError     a walk-forward run cannot start, or its predictions are not there
    ├── DemoError            a step of the demonstration failed
    ├── GuardianError        something is wrong between us and a Guardian
    │   ├── GuardianUnavailableError   it cannot be reached, is too slow, or fails; may pass
    │   ├── GuardianDeniedError        it refuses the token; may pass when the token is rotated
    │   ├── GuardianRefusedError       it refuses the request itself; sending it again is of no use
    │   ├── GuardianAnswerError        what it answers is not what the contract says
    │   └── GuardianDataError          a file or database of Guardian's, or ours about it, cannot be used
    ├── NewsError            something is wrong between us and a news service, or with what is kept of news
    │   ├── NewsUnavailableError   a service cannot be reached, is too slow, or fails; may pass
    │   │   └── LlmUnavailableError, of freqai_ext.news.llm   no model gave a valid judgement; tells what was asked
    │   ├── NewsRefusedError       a service refuses the request: address, key or model is wrong
    │   ├── NewsAnswerError        what a service answers cannot be used
    │   ├── NewsBudgetError        the calls or tokens of this hour are spent
    │   └── NewsDataError          a store, an archive or an old configuration cannot be used
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


class GuardianError(FreqaiExtError):
    """Something is wrong between us and a Guardian. The message names the address and never a token."""


class GuardianUnavailableError(GuardianError):
    """Guardian cannot be reached, is too slow, or fails (connection, timeout, 5xx). Trying again later may help.

    ``status`` is the HTTP status, ``None`` where there was no answer.
    """

    status: int | None = None


class GuardianDeniedError(GuardianError):
    """Guardian refuses the token (401, 403). It may pass when either side's token is rotated."""


class GuardianRefusedError(GuardianError):
    """Guardian refuses the request itself (other 4xx, redirects). Sending it again is of no use."""


class GuardianAnswerError(GuardianError):
    """Guardian's answer is not what the contract says: too large, no JSON, other types. Nothing of it is kept."""


class GuardianDataError(GuardianError):
    """A file of Guardian's, or a database of ours about it, cannot be used. The message names the path."""


class NewsError(FreqaiExtError):
    """Something is wrong between us and a news service. The message names the service and never a key."""


class NewsUnavailableError(NewsError):
    """A service cannot be reached, is too slow, or fails. That is not "no news"; trying again later may help.

    ``status`` is the HTTP status, ``None`` where there was no answer; ``retry_after_s`` what the service asks for;
    ``unsent`` says that no connection came about, so that the service has not seen the request.
    """

    status: int | None = None
    retry_after_s: float | None = None
    unsent: bool = False


class NewsRefusedError(NewsError):
    """A service refuses the request: the address, the key or the model is wrong. It stays so until that is mended."""


class NewsAnswerError(NewsError):
    """A service's answer cannot be used: too large, no JSON, other types, out of range. Nothing of it is kept."""


class NewsBudgetError(NewsError):
    """The calls or tokens that this hour allows are spent."""


class NewsDataError(NewsError):
    """A store, an archive or an old configuration cannot be used. The message names the path."""


class MissingExtraError(FreqaiExtError):
    """An optional dependency is not installed. The message names the extra to install."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}'; install it with: pip install 'freqai-ext[{extra}]'")


class ContractError(FreqaiExtError):
    """A model or feature breaks a rule that all of its kind must keep. The message names the rule and the case."""
