"""``CatboostClassifierMultiTarget`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.CatboostClassifierMultiTarget import CatboostClassifierMultiTarget as _Base


class CatboostClassifierMultiTarget(_Base):
    """One ``CatboostClassifier`` estimator per target; class names must be distinct across targets."""
