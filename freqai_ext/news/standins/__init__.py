"""The news services as servers on this machine, their traps included: Perplexica, SearXNG, a language model, Graphiti.

:class:`NewsStandIns` runs them in a process of its own, with a port that sets clock, faults and settings. The news are
made up or read from an archive, the model is a list of words, and nothing leaves the machine.
"""

from freqai_ext.news.standins.faults import Fault, parse_fault
from freqai_ext.news.standins.running import NewsStandIns
from freqai_ext.news.standins.settings import SERVICES, Service, StandInSettings

__all__ = ["SERVICES", "Fault", "NewsStandIns", "Service", "StandInSettings", "parse_fault"]
