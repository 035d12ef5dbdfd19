"""Whether an answer of Guardian's comes from the network that is demanded: contract, sections 3, 4 and 11."""

from freqai_ext.errors import GuardianError
from freqai_ext.guardian.answers import FeaturesAnswer, Health
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.inspection import network_fault
from freqai_ext.guardian.settings import GuardianSettings


class OtherNetworkError(GuardianError):
    """Features are of another network than ``freqai_ext.guardian.network``, or it cannot be told of which."""


class NetworkCheck:
    """Judges the answers of one round, which the one look at ``/health`` that it may take then stands for.

    Parameters
    ----------
    client
        The connection that the answers came over.
    settings
        ``freqai_ext.guardian``; without ``network`` every answer passes.
    """

    def __init__(self, client: GuardianClient, settings: GuardianSettings) -> None:
        self._client, self._settings = client, settings
        self._health: Health | None = None

    async def check(self, answer: FeaturesAnswer) -> None:
        """Return where the answer may be used.

        Raises
        ------
        OtherNetworkError
            If it may not.
        GuardianError
            If neither the answer nor ``/health`` tells.
        """
        if self._settings.network is None:
            return
        network = answer.network
        if network is None:
            if self._health is None:
                self._health = await self._client.health()
            network = self._health.network
        fault = network_fault(network, self._settings)
        if fault is not None:
            raise OtherNetworkError(f"{fault}; its features are not used")
