"""Prediction models, strategies and services for Freqtrade and FreqAI.

Importing this package does nothing but define ``__version__``: no patch, no logging set-up, no heavy import.
Take what you need from its parts: ``freqai_ext.features``, ``freqai_ext.labels``, ``freqai_ext.pipeline``,
``freqai_ext.models``, ``freqai_ext.strategies``, ``freqai_ext.replay``, ``freqai_ext.checks``.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
