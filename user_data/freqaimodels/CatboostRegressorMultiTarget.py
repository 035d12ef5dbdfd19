"""``CatboostRegressorMultiTarget`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget as _Base


class CatboostRegressorMultiTarget(_Base):
    """One ``CatboostRegressor`` estimator per continuous target, in parallel where FreqAI is told so."""
