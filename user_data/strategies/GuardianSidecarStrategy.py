"""``GuardianSidecarStrategy`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.strategies.GuardianSidecarStrategy import GuardianSidecarStrategy as _Base


class GuardianSidecarStrategy(_Base):
    """Forecast with FreqAI, tell Guardian, and leave the trading to it."""
