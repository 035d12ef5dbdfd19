"""``CatboostClassifier`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.CatboostClassifier import CatboostClassifier as _Base


class CatboostClassifier(_Base):
    """Gradient boosting on symmetric trees for one target of string classes."""
