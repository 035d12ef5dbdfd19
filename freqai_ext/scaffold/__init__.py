"""What a Freqtrade user directory needs to use this package: thin classes and a configuration to start from."""

from freqai_ext.scaffold.next_steps import NextSteps, next_steps
from freqai_ext.scaffold.starting_config import TradingMode, starting_config
from freqai_ext.scaffold.thin_class import ThinClass, discover_classes
from freqai_ext.scaffold.userdir import HYBRID_CONFIG_NAME, SIDECAR_CONFIG_NAME, ScaffoldReport, init_userdir

__all__ = [
    "HYBRID_CONFIG_NAME",
    "SIDECAR_CONFIG_NAME",
    "NextSteps",
    "ScaffoldReport",
    "ThinClass",
    "TradingMode",
    "discover_classes",
    "init_userdir",
    "next_steps",
    "starting_config",
]
