"""One self-contained HTML page of an evaluation."""

from freqai_ext.evaluation.report.page import report_page

__all__ = ["report_page"]
