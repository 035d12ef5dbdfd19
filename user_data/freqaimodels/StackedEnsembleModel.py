"""``StackedEnsembleModel`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.StackedEnsembleModel import StackedEnsembleModel as _Base


class StackedEnsembleModel(_Base):
    """LightGBM, CatBoost, a linear model and, by setting, a network, stacked with non-negative weights."""
