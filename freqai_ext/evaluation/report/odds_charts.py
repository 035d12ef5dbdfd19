"""Charts of probabilities and intervals."""

from collections.abc import Iterator
from html import escape
from typing import Any

from freqai_ext.evaluation.report.figures import ZERO, Chart, colour, dash, figure, symbol
from freqai_ext.evaluation.result import Evaluation


def odds_charts(evaluation: Evaluation, target: str) -> Iterator[Chart]:
    """Yield a reliability curve for each event of a target, and the coverage of its intervals over time."""
    events = dict.fromkeys(
        (odds.event, odds.meaning)
        for contender in evaluation.contenders
        if (scores := contender.target(target))
        for odds in scores.odds
    )
    for event, meaning in events:
        yield Chart(
            f"Reliability of {event}",
            f"The event: {meaning}. Each point is a bin with equally many forecasts: the mean forecast to the right, "
            "the share in which the event happened upwards. On the dotted line the two agree; below it the model is "
            "too sure of the event, above it not sure enough. The wider the points spread, the more the model tells "
            "cases apart.",
            _reliability(evaluation, target, event, meaning),
        )
    if coverage := _coverage(evaluation, target):
        yield Chart(
            "Coverage over time",
            "Share of outcomes inside the interval, by week, all pairs together. The dotted line is what the intervals "
            "promise. Weeks below it had more surprises than was said; weeks above it had intervals wider than needed.",
            coverage,
        )


def _reliability(evaluation: Evaluation, target: str, event: str, meaning: str) -> Any:
    drawn = figure(x_title="mean forecast probability", y_title="share of events", height=460)
    highest = 0.0
    for place, contender in enumerate(evaluation.contenders):
        scores = contender.target(target)
        for odds in scores.odds if scores else ():
            if (odds.event, odds.meaning) != (event, meaning):
                continue
            highest = max(highest, *(max(point.forecast, point.observed) for point in odds.curve), 0.0)
            drawn.add_scatter(
                name=escape(contender.label),
                x=[point.forecast for point in odds.curve],
                y=[point.observed for point in odds.curve],
                hovertext=[escape(f"{contender.label}: {point.rows} rows") for point in odds.curve],
                mode="lines+markers",
                line={"color": colour(place), "dash": dash(place)},
                marker={"symbol": symbol(place), "size": 8},
            )
    end = min(1.0, highest * 1.05)
    drawn.add_scatter(
        x=[0.0, end],
        y=[0.0, end],
        mode="lines",
        line={"color": ZERO, "dash": "dot"},
        name="calibrated",
        hoverinfo="skip",
    )
    return drawn


def _coverage(evaluation: Evaluation, target: str) -> Any:
    found = [
        (place, contender.label, scores.coverage)
        for place, contender in enumerate(evaluation.contenders)
        if (scores := contender.target(target)) and scores.coverage
    ]
    if not found:
        return None
    drawn = figure(x_title="week from", y_title="coverage")
    for place, label, coverage in found:
        drawn.add_scatter(
            name=escape(label),
            x=[week.name for week in coverage.weeks],
            y=[week.coverage for week in coverage.weeks],
            hovertext=[
                escape(f"{label}: {week.coverage:.1%}, mean width {week.mean_width:.4g}") for week in coverage.weeks
            ],
            mode="lines+markers",
            line={"color": colour(place), "dash": dash(place)},
            marker={"symbol": symbol(place), "size": 7},
        )
    for nominal in sorted({coverage.nominal for _, _, coverage in found}):
        drawn.add_hline(y=nominal, line={"color": ZERO, "dash": "dot"})
    drawn.update_yaxes(tickformat=".0%")
    return drawn
