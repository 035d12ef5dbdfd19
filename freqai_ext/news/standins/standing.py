"""What every stand-in knows."""

from collections.abc import Callable
from dataclasses import dataclass

from freqai_ext.news.standins.headlines import NewsSource
from freqai_ext.news.standins.settings import StandInSettings


@dataclass
class Standing:
    """Settings, time and news that the stand-ins share.

    Attributes
    ----------
    settings
        May be exchanged while they run.
    clock
        UTC seconds.
    news
        What there is to find.
    """

    settings: StandInSettings
    clock: Callable[[], float]
    news: NewsSource
