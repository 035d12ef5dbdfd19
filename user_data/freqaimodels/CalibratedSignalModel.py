"""``CalibratedSignalModel`` of freqai_ext, at the place where Freqtrade looks for it."""

from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel as _Base


class CalibratedSignalModel(_Base):
    """One learner per target, on the library named by ``freqai_ext.signal.backend``."""
