"""The page and the tables."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from freqai_ext.evaluation import EvaluationOptions, evaluate, markdown, report_page, summary_tables
from freqai_ext.evaluation.importance import FeatureShare, Importance
from freqai_ext.evaluation.result import ContenderResult, Evaluation

NASTY = "</script><b onclick=x>&"


@pytest.fixture(scope="module")
def evaluation(make_place, tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("report"))
    options = EvaluationOptions(samples=20, block_hours=6, decay_horizons_candles=(1, 6))
    return evaluate(place.entrants("OddsModel", "ForestModel", "FailingModel", "HopelessModel"), options, jobs=1)


@pytest.fixture(scope="module")
def page(evaluation):
    return report_page(evaluation)


class Page(HTMLParser):
    """Collects headings and the addresses that a page would load."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.loads, self.tags, self._heading = [], [], set(), False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self._heading = tag in ("h2", "h3")
        self.loads += [value for name, value in attributes if name in ("src", "href") and not value.startswith("#")]

    def handle_endtag(self, tag):
        self._heading = False

    def handle_data(self, data):
        if self._heading:
            self.headings.append(data)


def charts_of(page):
    return [json.loads(text) for text in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S)]


def test_the_page_has_every_part_and_loads_nothing(page):
    parsed = Page(page)
    assert parsed.loads == []
    assert parsed.headings == [
        "Summary",
        "Target &-return",
        "Rank IC against OddsModel",
        "Rank IC by pair",
        "RMSE skill by pair",
        "Rank IC by month",
        "RMSE skill by month",
        "Rank IC by pair and month",
        "IC decay",
        "Bets after costs of 20 basis points",
        "Reliability of p_up",
        "Reliability of p_down",
        "Coverage over time",
        "Scores of the probabilities",
        "Scores of the intervals",
        "Features",
        "Feature importance",
        "Stability of the importance",
        "Training data and time",
        "Training time",
        "Prediction time",
        "What is missing",
    ]


def test_the_script_is_embedded_once_and_every_chart_has_a_caption(page):
    assert page.count("* plotly.js v") == 1
    assert len(charts_of(page)) == page.count("<figcaption>") == page.count('class="chart"') == 14


def test_charts_carry_the_intervals(page, evaluation):
    by_pair = charts_of(page)[1]
    forest = evaluation.contenders[1].target("&-return").number.cells[1].rank_ic
    drawn = next(trace for trace in by_pair["data"] if trace["name"] == "ForestModel")
    assert drawn["x"] == ["BTC/USDT", "ETH/USDT"]
    assert drawn["y"][0] == pytest.approx(forest.value)
    assert drawn["error_y"]["array"][0] == pytest.approx(forest.upper - forest.value)


def test_what_users_wrote_is_escaped(evaluation):
    missing = replace(evaluation.contenders[2].missing[0], error=NASTY)
    importance = Importance(1, (FeatureShare(NASTY, 1.0, 0.0),), (), float("nan"))
    nasty = replace(evaluation.contenders[0], label=NASTY, missing=(missing,), importance=importance)
    page = report_page(replace(evaluation, contenders=(nasty,), baseline=NASTY, pairs=(NASTY,)))
    assert NASTY not in page
    assert "b" not in Page(page).tags
    assert len(charts_of(page)) == 12


def test_a_page_without_any_score_says_why(evaluation):
    hopeless = evaluation.contenders[3]
    page = report_page(replace(evaluation, contenders=(hopeless,), pairs=()))
    assert Page(page).headings == ["Summary", "What is missing"]
    assert "no window has predictions" in page


def test_the_table_leaves_empty_columns_out_and_names_the_baseline(evaluation):
    scored, failed = summary_tables(evaluation)
    rows = {row[0]: dict(zip(scored.header, row, strict=True)) for row in scored.rows}
    assert list(rows) == ["OddsModel", "ForestModel", "FailingModel"]
    assert rows["OddsModel"]["rank IC vs baseline [95%]"] == "baseline"
    assert rows["FailingModel"]["windows"] == "6, 1 missing"
    assert re.fullmatch(r"[+-]0\.\d{3} \[[+-]0\.\d{3}, [+-]0\.\d{3}\]", rows["ForestModel"]["rank IC [95%]"])
    assert rows["ForestModel"]["coverage"] == "-"
    assert failed.rows == (("HopelessModel", "6, 6 missing", "no window has predictions"),)
    plain = replace(evaluation, contenders=evaluation.contenders[1:2])
    (table,) = summary_tables(plain)
    assert "coverage" not in table.header


def test_the_page_says_how_many_events_the_bets_are_and_what_was_left_out(page):
    header = '<th scope="col">bets</th><th scope="col">independent</th><th scope="col">on the busiest day</th>'
    assert header in page
    assert "288 forecasts are left out, of pairs and times that another model lacks" in page


def test_markdown_is_one_table_for_each(evaluation):
    text = markdown(evaluation)
    assert text.startswith(
        "BTC/USDT, ETH/USDT; 5m candles, 20250104-20250107; trained on 2 days, every 1; baseline Odds"
    )
    assert "\n| model | rank IC [95%] | IC |" in text
    assert "\n| HopelessModel | 6, 6 missing | no window has predictions |" in text


def test_results_without_contenders_make_a_page():
    empty = Evaluation("1-2", "5m", "spot", (), 1.0, 1.0, 20.0, "A", 12, 0, EvaluationOptions(), ())
    assert "<h1>Walk-forward evaluation</h1>" in report_page(empty)
    failed = ContenderResult("A", "M", "S", "i", 0, (), "killed", 0, 0, float("nan"), (), None, None)
    assert "killed" in report_page(replace(empty, contenders=(failed,)))
