"""``FreqAIExampleStrategy`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy as _Base


class FreqAIExampleStrategy(_Base):
    """Trade the return that a FreqAI model expects over the label horizon, on spot or futures."""
