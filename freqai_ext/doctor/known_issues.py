"""Versions of other packages that are known to break something, although they install cleanly."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class KnownIssue:
    """A version range with a fault.

    Parameters
    ----------
    package
        Name of the distribution.
    versions
        Affected versions, as a version specifier.
    effect
        What goes wrong, as the user sees it.
    remedy
        What to do.
    foreign_models_only
        Whether the models of this package are not affected.
    """

    package: str
    versions: str
    effect: str
    remedy: str
    foreign_models_only: bool = False


KNOWN_ISSUES: Final = (
    KnownIssue(
        package="pandas",
        versions=">=3.1",
        effect="in dry-run and live FreqAI trains each pair once and never again: every retraining stops with "
        "'Can only use .dt accessor with datetimelike values', and the old models go on predicting",
        remedy="use a model of freqai_ext, which repairs it, or: pip install 'pandas<3.1'",
        foreign_models_only=True,
    ),
)
