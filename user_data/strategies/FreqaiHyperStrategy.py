"""``FreqaiHyperStrategy`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.strategies.FreqaiHyperStrategy import FreqaiHyperStrategy as _Base


class FreqaiHyperStrategy(_Base):
    """Bet on the odds that a model gives over several horizons; hyperopt chooses horizon, rules and predictions."""
