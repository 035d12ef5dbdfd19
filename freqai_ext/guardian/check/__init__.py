"""The contract as a checklist: what holds at a Guardian, and what does not."""

from freqai_ext.guardian.check.finding import CheckReport, Finding, Verdict
from freqai_ext.guardian.check.probe import Probe, Reply
from freqai_ext.guardian.check.running import CheckRequest, check_guardian

__all__ = ["CheckReport", "CheckRequest", "Finding", "Probe", "Reply", "Verdict", "check_guardian"]
