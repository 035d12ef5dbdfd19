"""The token that Guardian wants, which is read again when Guardian refuses it."""

from freqai_ext._services.secrets import SecretSource
from freqai_ext.guardian.settings import GuardianSettings


class TokenSource(SecretSource):
    """The current token. Contract, section 2: it must be ASCII, and it may change without a restart.

    Parameters
    ----------
    settings
        ``token_file`` wins over the variable ``FREQAI_EXT_GUARDIAN__TOKEN``, and that over ``token``; with none of them
        there is no token.

    Raises
    ------
    SettingsError
        If ``token_file`` cannot be read, others may write it, or its first line is no token.
    """

    def __init__(self, settings: GuardianSettings) -> None:
        super().__init__(settings, "token", "freqai_ext.guardian")
