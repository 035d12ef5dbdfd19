"""The Guardian sidecar: features in, calibrated predictions out. Knows nothing of Freqtrade.

A Guardian to try it on is :mod:`freqai_ext.guardian.sandbox`; :mod:`freqai_ext.guardian.check` tells whether a Guardian
keeps to the contract.
"""

from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.history import AVAILABLE, FeatureHistory
from freqai_ext.guardian.history import COLUMNS as FEATURE_COLUMNS
from freqai_ext.guardian.inspection import Inspection, inspect
from freqai_ext.guardian.opinion import Opinion, OpinionSet
from freqai_ext.guardian.publisher import Publisher, PublisherStatus
from freqai_ext.guardian.schedule import CronSchedule
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.sidecar import Sidecar, open_trade_book, recorded_features, recorded_state
from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol
from freqai_ext.guardian.trade_book import TradeBook

__all__ = [
    "AVAILABLE",
    "FEATURE_COLUMNS",
    "CronSchedule",
    "FeatureHistory",
    "GuardianClient",
    "GuardianSettings",
    "Inspection",
    "Opinion",
    "OpinionSet",
    "Publisher",
    "PublisherStatus",
    "Sidecar",
    "TradeBook",
    "canonical_symbol",
    "guardian_symbol",
    "inspect",
    "open_trade_book",
    "recorded_features",
    "recorded_state",
]
