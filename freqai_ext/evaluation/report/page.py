"""Puts the page together."""

from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from string import Template

from freqai_ext import __version__
from freqai_ext.evaluation.report.figures import Chart
from freqai_ext.evaluation.report.odds_charts import odds_charts
from freqai_ext.evaluation.report.skill_charts import skill_charts
from freqai_ext.evaluation.report.tables import (
    bets_table,
    coverage_table,
    data_table,
    html_table,
    missing_table,
    odds_table,
    training_details,
)
from freqai_ext.evaluation.report.training_charts import importance_charts, time_charts
from freqai_ext.evaluation.result import Evaluation
from freqai_ext.evaluation.table import summary_tables


def report_page(evaluation: Evaluation) -> str:
    """Return the report as one HTML page that needs no other file and no network.

    Plotly's script is embedded once. What comes from users, such as names of models, features and errors, is escaped.
    """
    from plotly.offline import get_plotlyjs

    sections = list(_Sections(evaluation))
    template = Template(files("freqai_ext.evaluation.report").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title="Walk-forward evaluation",
        facts=_facts(evaluation),
        navigation="".join(f'<a href="#{name}">{escape(heading)}</a>' for name, heading, _ in sections),
        sections="".join(
            f'<section id="{name}"><h2>{escape(heading)}</h2>{content}</section>' for name, heading, content in sections
        ),
        plotly=get_plotlyjs(),
        version=escape(__version__),
    )


class _Sections:
    """The sections of a page, each with its anchor, heading and content, without empty ones."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._figures = 0

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        found = [("summary", "Summary", self._summary()), *self._targets()]
        found += [
            ("features", "Features", self._charts(importance_charts(self._evaluation))),
            ("trainings", "Training data and time", self._trainings()),
            ("missing", "What is missing", self._missing()),
        ]
        return (section for section in found if section[2])

    def _summary(self) -> str:
        tables = [html_table(table.header, table.rows, table.title) for table in summary_tables(self._evaluation)]
        return (
            "".join(tables)
            + "<p>Rank IC and RMSE skill are means over the pairs; brackets are "
            + f"{self._evaluation.options.level:.0%} block-bootstrap intervals. RMSE skill compares with forecasting "
            + "zero, Brier skill with forecasting the base rate of the same rows. ECE is the mean distance of the "
            + "reliability curve from the diagonal. Nothing here counts trades: forecasts are scored candle by candle, "
            + "and overlap.</p>"
        )

    def _targets(self) -> Iterator[tuple[str, str, str]]:
        for place, target in enumerate(self._evaluation.targets):
            odds = odds_table(self._evaluation, target)
            coverage = coverage_table(self._evaluation, target)
            bets = bets_table(self._evaluation, target)
            cost = f"{self._evaluation.cost_bps:g}"
            parts = (
                self._charts(skill_charts(self._evaluation, target)),
                f"<h3>Bets after costs of {cost} basis points</h3><p>Each candle on which the rule bets counts once, "
                "so bets overlap: this is a property of the forecasts, not a backtest. Independent ones have outcomes "
                f"that do not overlap, pairs taken together: as many events as there were.</p>{bets}"
                if bets
                else "",
                self._charts(odds_charts(self._evaluation, target)),
                f"<h3>Scores of the probabilities</h3>{odds}" if odds else "",
                f"<h3>Scores of the intervals</h3><p>At equal coverage the narrower interval says more; the interval "
                f"score weighs both, and less is better.</p>{coverage}"
                if coverage
                else "",
            )
            yield f"target-{place}", f"Target {target}", "".join(parts)

    def _trainings(self) -> str:
        table = data_table(self._evaluation)
        if not table:
            return ""
        details = "".join(map(training_details, self._evaluation.contenders))
        return (
            "<p>Rows / columns, mean per training: what FreqAI cut out as the training window, what each step dropped, "
            "and what was learnt from. A negative number was added, as by a panel, which learns from all pairs. "
            "A panel's training is recorded with the first pair that needs it.</p>"
            + table
            + details
            + self._charts(time_charts(self._evaluation))
        )

    def _missing(self) -> str:
        table = missing_table(self._evaluation)
        return f"<p>These are left out of the scores of all models.</p>{table}" if table else ""

    def _charts(self, charts: Iterable[Chart]) -> str:
        return "".join(map(self._chart, charts))

    def _chart(self, chart: Chart) -> str:
        self._figures += 1
        # In a script element only "<" could end it early.
        content = str(chart.figure.to_json()).replace("<", "\\u003c")
        return (
            f'<figure><h3>{escape(chart.title)}</h3><div class="chart" id="chart-{self._figures}"></div>'
            f'<script type="application/json" data-chart="chart-{self._figures}">{content}</script>'
            f"<figcaption>{escape(chart.caption)}</figcaption></figure>"
        )


def _facts(evaluation: Evaluation) -> str:
    facts = {
        "Time range": evaluation.timerange,
        "Pairs": ", ".join(evaluation.pairs),
        "Candles": f"{evaluation.timeframe}, {evaluation.trading_mode}",
        "Windows": f"{evaluation.train_days:g} days of training, {evaluation.backtest_days:g} days predicted",
        "Baseline": evaluation.baseline,
        "Rows scored": "with do_predict 1 only" if evaluation.options.trusted_only else "all",
        "Intervals": f"{evaluation.options.samples} resamples of blocks of {evaluation.block_candles} candles",
    }
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
