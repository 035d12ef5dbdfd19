"""Finds out why a Freqtrade set-up with FreqAI does not run, or runs with wrong results."""

from freqai_ext.doctor.context import DoctorRequest
from freqai_ext.doctor.diagnose import CheckResult, Diagnosis, diagnose
from freqai_ext.doctor.finding import Finding, Level

__all__ = ["CheckResult", "Diagnosis", "DoctorRequest", "Finding", "Level", "diagnose"]
