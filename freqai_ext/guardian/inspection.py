"""The look at Guardian before anything is sent to it: contract, sections 2, 9, 10 and 13."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from freqai_ext.errors import GuardianAnswerError, GuardianDeniedError, GuardianError, GuardianUnavailableError
from freqai_ext.guardian.answers import Health, Network
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.settings import GuardianSettings


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes
    ----------
    health
        Guardian's answer; ``None`` where there was none to be had.
    open_bridge
        Whether Guardian answers without a token; ``None`` where it could not be told.
    faults
        Reasons not to send anything; empty where all is well.
    warnings
        What an operator should know.
    unreachable
        Why Guardian could not be asked, or gave no answer of its own, which may pass; then nothing else is known.
    unlocked
        That Guardian answers without the token that is set, ``None`` where it does not. It is among the warnings.
    """

    health: Health | None
    open_bridge: bool | None
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    unreachable: str | None
    unlocked: str | None = None

    @property
    def denied(self) -> bool:
        """Whether the token was refused."""
        return self.health is None and self.open_bridge is False

    @property
    def other_network(self) -> bool:
        """Whether Guardian is not on the network that is demanded."""
        # Of one that answers, nothing else is a fault.
        return self.health is not None and bool(self.faults)

    @property
    def passed(self) -> bool:
        """Whether Guardian answered and nothing speaks against sending."""
        return self.unreachable is None and not self.faults


async def inspect(
    client: GuardianClient, settings: GuardianSettings, *, before: Inspection | None = None
) -> Inspection:
    """Ask Guardian how it is, once with the token and once without, and judge what it says.

    It raises no GuardianError: those are what it reports.

    Parameters
    ----------
    client
        The connection to it.
    settings
        ``freqai_ext.guardian``.
    before
        An earlier look. What it found out without the token then stands, and is not asked again.
    """
    try:
        health = await client.health()
    except (GuardianUnavailableError, GuardianAnswerError) as error:
        # What is not Guardian's answer may come from what stands in its place while it is restarted.
        return Inspection(None, None, (), (), str(error))
    except GuardianError as error:
        return Inspection(None, False if isinstance(error, GuardianDeniedError) else None, (str(error),), (), None)
    if before is not None:
        open_bridge = before.open_bridge
    else:
        open_bridge = await _answers_without_token(client) if client.has_token else True
    unlocked = _unlocked(settings) if open_bridge and client.has_token else None
    access = _tokenless(settings.url) if open_bridge and unlocked is None else unlocked
    warnings = (*([access] if access else []), *_settings_of(health), *_thresholds(health))
    fault = network_fault(health.network, settings)
    return Inspection(health, open_bridge, () if fault is None else (fault,), warnings, None, unlocked)


def network_fault(network: Network | None, settings: GuardianSettings) -> str | None:
    """Return what is wrong with a Guardian on ``network``; ``None`` where that is as demanded, or none is."""
    if settings.network in (None, network):
        return None
    return (
        f"freqai_ext.guardian.network: {settings.network!r} is demanded, and {settings.url} is on "
        f"{network or 'an unknown network'}; correct 'testnet' in Guardian's .runtime/settings.json, which counts as "
        "true where that file is not valid JSON, or this setting"
    )


async def _answers_without_token(client: GuardianClient) -> bool | None:
    try:
        await client.health(authenticated=False)
    except GuardianDeniedError:
        return False
    except GuardianError:
        return None
    return True


def _unlocked(settings: GuardianSettings) -> str:
    name = "token" if settings.token_file is None else "token_file"
    return (
        f"freqai_ext.guardian.{name}: {settings.url} answers without the token, so that anyone who reaches it can "
        "push: Guardian's .runtime/settings.json has no freqai_api_token, or is not valid JSON, and Guardian runs on "
        "its defaults, testnet among them; repair that file"
    )


def _tokenless(url: str) -> str | None:
    if _is_loopback(url):
        return None
    return (
        f"{url} asks for no token, so that anyone who reaches it can push; set freqai_api_token in Guardian and "
        "freqai_ext.guardian.token_file here"
    )


def _settings_of(health: Health) -> tuple[str, ...]:
    warnings = []
    if health.freqai_enabled is False:
        warnings.append(
            "Guardian's freqai_enabled is false, which is display only: what is pushed applies all the same"
        )
    if health.ai_enabled is False:
        warnings.append("Guardian's ai_enabled is false: it executes no signal, pushed or its own")
    return tuple(warnings)


def _thresholds(health: Health) -> tuple[str, ...]:
    buy, sell = health.buy_threshold, health.sell_threshold
    named = {"ai_buy_threshold": buy, "ai_sell_threshold": sell}
    warnings = [
        f"Guardian's {name} is {'not reported' if value is None else f'{value:g}'}, and should lie between 0 and 1"
        for name, value in named.items()
        if value is None or not 0 < value < 1
    ]
    if buy is not None and sell is not None and buy <= sell:
        warnings.append(
            f"Guardian's ai_buy_threshold ({buy:g}) is not above its ai_sell_threshold ({sell:g}): "
            "no probability stands for waiting"
        )
    return tuple(warnings)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
