"""``CatboostRegressor`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.CatboostRegressor import CatboostRegressor as _Base


class CatboostRegressor(_Base):
    """Gradient boosting on symmetric trees for one continuous target."""
