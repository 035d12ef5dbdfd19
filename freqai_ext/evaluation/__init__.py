"""Walk-forward evaluation of FreqAI models, without trading.

:func:`prepare_entrants` gives each contender of :func:`parse_contenders` its configuration, :func:`evaluate` walks them
forward and scores what they forecast, :func:`report_page` makes a page of it.
"""

from freqai_ext.evaluation.configuration import Entrant, prepare_entrants
from freqai_ext.evaluation.contender import Contender, parse_contenders
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.report import report_page
from freqai_ext.evaluation.result import ContenderResult, Evaluation
from freqai_ext.evaluation.run import Observer, evaluate
from freqai_ext.evaluation.table import SummaryTable, markdown, summary_tables

__all__ = [
    "Contender",
    "ContenderResult",
    "Entrant",
    "Evaluation",
    "EvaluationOptions",
    "Observer",
    "SummaryTable",
    "evaluate",
    "markdown",
    "parse_contenders",
    "prepare_entrants",
    "report_page",
    "summary_tables",
]
