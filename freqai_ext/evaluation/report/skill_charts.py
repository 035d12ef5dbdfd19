"""Charts of how good forecasts of a number are."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

from freqai_ext.evaluation.estimates import Estimate
from freqai_ext.evaluation.report.figures import (
    ZERO,
    Chart,
    colour,
    dash,
    error_bars,
    figure,
    finite,
    symbol,
)
from freqai_ext.evaluation.result import Evaluation
from freqai_ext.evaluation.skill import NumberScores, SkillCell
from freqai_ext.evaluation.table import with_interval

_INTERVALS = "Bars are block-bootstrap intervals: where one crosses 0, the data do not settle the sign."
_RANK_IC = "1 would be a perfect order, 0 is none; for returns a few hundredths are good."
_SKILL = "Above 0 the forecast is nearer to the outcome than forecasting zero; below 0 it is further away."

Scored = tuple[int, str, NumberScores]


def skill_charts(evaluation: Evaluation, target: str) -> Iterator[Chart]:
    """Yield the charts of a target; none where nobody forecast it as a number."""
    scored = [
        (place, each.label, scores.number)
        for place, each in enumerate(evaluation.contenders)
        if (scores := each.target(target)) and scores.number
    ]
    if not scored:
        return
    if compared := _against_baseline(evaluation, target):
        yield compared
    for name, pick in (("pair", lambda cell: cell.pair), ("month", lambda cell: cell.month)):
        yield Chart(
            f"Rank IC by {name}",
            f"Correlation of the ranks of forecast and outcome. {_RANK_IC} {_INTERVALS}",
            _by(name, "rank IC", scored, pick, lambda cell: cell.rank_ic),
        )
        yield Chart(
            f"RMSE skill by {name}",
            f"{_SKILL} {_INTERVALS}",
            _by(name, "RMSE skill against zero", scored, pick, lambda cell: cell.rmse_skill),
        )
    yield Chart(
        "Rank IC by pair and month",
        "One row for each model, one column for each pair and month. Blue is skill, red an order that was upside down. "
        "A model that is blue throughout owes nothing to one lucky month. Hover for intervals.",
        _heat_map(scored),
    )
    yield Chart(
        "IC decay",
        "Rank correlation of the same forecasts with the return over other horizons. It shows for how long a forecast "
        f"says anything, and what holding on is worth. {_INTERVALS}",
        _decay(scored),
    )


def _against_baseline(evaluation: Evaluation, target: str) -> Chart | None:
    compared = [
        (place, each.label, scores.difference)
        for place, each in enumerate(evaluation.contenders)
        if (scores := each.target(target)) and scores.difference
    ]
    if not compared:
        return None
    drawn = figure(x_title=f"rank IC minus that of {evaluation.baseline}", y_title="", height=140 + 34 * len(compared))
    for place, label, difference in reversed(compared):
        drawn.add_scatter(
            x=[finite(difference.rank_ic.value)],
            y=[escape(label)],
            error_x=error_bars([difference.rank_ic]),
            mode="markers",
            marker={"color": colour(place), "symbol": symbol(place), "size": 10},
            hovertext=escape(with_interval(difference.rank_ic)),
            showlegend=False,
        )
    drawn.add_vline(x=0.0, line={"color": ZERO, "width": 1})
    return Chart(
        f"Rank IC against {evaluation.baseline}",
        "The difference on the candles that both have forecast; what the two have in common cancels. An interval right "
        "of 0 says that the model orders outcomes better than the baseline, beyond chance.",
        drawn,
    )


def _by(
    name: str,
    y_title: str,
    scored: Sequence[Scored],
    pick: Callable[[SkillCell], str | None],
    score: Callable[[SkillCell], Estimate],
) -> Any:
    drawn = figure(x_title=name, y_title=y_title)
    for place, label, scores in scored:
        cells = [cell for cell in scores.cells if pick(cell) is not None and (cell.pair is None or cell.month is None)]
        drawn.add_scatter(
            name=escape(label),
            x=[_axis_name(pick(cell)) for cell in cells],
            y=[finite(score(cell).value) for cell in cells],
            error_y=error_bars([score(cell) for cell in cells]),
            hovertext=[escape(f"{label}: {with_interval(score(cell), 4)}") for cell in cells],
            mode="markers",
            marker={"color": colour(place), "symbol": symbol(place), "size": 9},
            offsetgroup=str(place),
        )
    drawn.update_layout(scattermode="group")
    drawn.update_xaxes(type="category")
    return drawn


def _heat_map(scored: Sequence[Scored]) -> Any:
    drawn = figure(x_title="", y_title="", height=170 + 30 * len(scored))
    columns = sorted({(cell.month, cell.pair) for _, _, scores in scored for cell in scores.cells if _is_both(cell)})
    values, texts = [], []
    for _, label, scores in scored:
        by_column = {(cell.month, cell.pair): cell.rank_ic for cell in scores.cells if _is_both(cell)}
        found = [by_column.get(column) for column in columns]
        values.append([finite(each.value) if each else None for each in found])
        texts.append(
            [
                escape(f"{label}, {pair}, {month}: {with_interval(each)}")
                for each, (month, pair) in zip(found, columns, strict=True)
            ]
        )
    drawn.add_heatmap(
        x=[[_axis_name(month) for month, _ in columns], [escape(str(pair)) for _, pair in columns]],
        y=[escape(label) for _, label, _ in scored],
        z=values,
        text=texts,
        hoverinfo="text",
        colorscale="RdBu",
        zmid=0.0,
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "rank IC"}},
    )
    drawn.update_yaxes(autorange="reversed")
    return drawn


def _decay(scored: Sequence[Scored]) -> Any:
    drawn = figure(x_title="horizon in candles", y_title="rank IC")
    for place, label, scores in scored:
        drawn.add_scatter(
            name=escape(label),
            x=[point.horizon_candles for point in scores.decay],
            y=[finite(point.rank_ic.value) for point in scores.decay],
            error_y=error_bars([point.rank_ic for point in scores.decay]),
            hovertext=[escape(f"{label}: {with_interval(point.rank_ic)}") for point in scores.decay],
            mode="lines+markers",
            line={"color": colour(place), "dash": dash(place)},
            marker={"symbol": symbol(place), "size": 8},
        )
    horizons = sorted({point.horizon_candles for _, _, scores in scored for point in scores.decay})
    drawn.update_xaxes(type="log", tickvals=horizons, ticktext=[str(each) for each in horizons])
    drawn.add_hline(y=0.0, line={"color": ZERO, "width": 1})
    return drawn


def _axis_name(name: str | None) -> str:
    # A month such as 2025-03 would be drawn as a date.
    return escape(str(name))


def _is_both(cell: SkillCell) -> bool:
    return cell.pair is not None and cell.month is not None
