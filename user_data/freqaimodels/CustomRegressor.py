"""``CustomRegressor`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.CustomRegressor import CustomRegressor as _Base


class CustomRegressor(_Base):
    """One estimator per continuous target behind a robust pipeline."""
