"""``GraphitiHybridStrategy`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.strategies.GraphitiHybridStrategy import GraphitiHybridStrategy as _Base


class GraphitiHybridStrategy(_Base):
    """Buy what the RSI calls oversold where fresh news say that the price should rise; shorts mirror it on futures."""
