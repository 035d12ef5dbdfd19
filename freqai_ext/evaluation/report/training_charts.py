"""Charts of the trainings: what mattered, whether it stayed, and how long it took."""

from collections.abc import Iterator
from html import escape
from typing import Any

from freqai_ext.evaluation.importance import Importance
from freqai_ext.evaluation.report.figures import ZERO, Chart, colour, dash, figure, finite, symbol
from freqai_ext.evaluation.result import Evaluation
from freqai_ext.evaluation.trainings import TrainingReport

FEATURES_SHOWN = 20
LONGEST_NAME = 60


def importance_charts(evaluation: Evaluation) -> Iterator[Chart]:
    """Yield what mattered, chosen by model, and how stable it was; nothing where no model told."""
    told = [(place, each.label, each.importance) for place, each in enumerate(evaluation.contenders) if each.importance]
    if not told:
        return
    yield Chart(
        "Feature importance",
        f"The {FEATURES_SHOWN} features that mattered most, by their share of the whole, mean over all trainings. "
        "Choose the model above the chart. Thin bars are the standard deviation from training to training: where it is "
        "as long as the bar, the feature mattered in some trainings only. PAIR stands for the pair's own name.",
        _importance(told),
    )
    if any(each.windows for _, _, each in told):
        yield Chart(
            "Stability of the importance",
            "Rank correlation of the features' importance with that in the training before, mean over pairs. Near 1 "
            "each training finds the same features; near 0 it finds others, as one would in noise.",
            _stability(told),
        )


def time_charts(evaluation: Evaluation) -> Iterator[Chart]:
    """Yield how long trainings and predictions took; nothing where none was recorded."""
    recorded = [
        (place, each.label, each.trainings) for place, each in enumerate(evaluation.contenders) if each.trainings
    ]
    if not recorded:
        return
    yield Chart(
        "Training time",
        "Wall time of a training, mean, in a process of one thread; the thin bar ends at the longest. A panel trains "
        "once for all pairs, so the mean divides that by their number.",
        _training_time(recorded),
    )
    yield Chart(
        "Prediction time",
        "Wall time of predicting 1000 candles, features given.",
        _prediction_time(recorded),
    )


def _importance(told: list[tuple[int, str, Importance]]) -> Any:
    drawn = figure(x_title="share of the importance", y_title="", height=180 + 24 * FEATURES_SHOWN)
    for shown, (place, label, importance) in enumerate(told):
        top = list(reversed(importance.features[:FEATURES_SHOWN]))
        drawn.add_bar(
            name=escape(label),
            x=[each.mean for each in top],
            y=[escape(_shortened(each.name)) for each in top],
            customdata=[escape(each.name) for each in top],
            hovertemplate="%{customdata}: %{x:.2%}<extra></extra>",
            error_x={"type": "data", "array": [each.deviation for each in top], "thickness": 1, "width": 0},
            orientation="h",
            marker={"color": colour(place)},
            visible=shown == 0,
        )
    buttons = [
        {
            "label": escape(label),
            "method": "update",
            "args": [{"visible": [shown == other for other in range(len(told))]}],
        }
        for shown, (_, label, _) in enumerate(told)
    ]
    menu = {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "bgcolor": "#ffffff"}
    drawn.update_layout(updatemenus=[{**menu, "font": {"color": "#222222"}}], showlegend=False)
    drawn.update_layout(margin={"t": 60})
    drawn.update_xaxes(tickformat=".1%", rangemode="nonnegative")
    return drawn


def _stability(told: list[tuple[int, str, Importance]]) -> Any:
    drawn = figure(x_title="training", y_title="rank correlation with the one before")
    for place, label, importance in told:
        starts = sorted({window.start for window in importance.windows})
        means = [_mean([w.rank_correlation for w in importance.windows if w.start == start]) for start in starts]
        drawn.add_scatter(
            name=escape(label),
            x=starts,
            y=[finite(each) for each in means],
            mode="lines+markers",
            line={"color": colour(place), "dash": dash(place)},
            marker={"symbol": symbol(place), "size": 7},
        )
    drawn.add_hline(y=0.0, line={"color": ZERO, "width": 1})
    return drawn


def _training_time(recorded: list[tuple[int, str, TrainingReport]]) -> Any:
    drawn = figure(x_title="seconds", y_title="", height=140 + 34 * len(recorded))
    for place, label, report in reversed(recorded):
        drawn.add_bar(
            x=[report.train_seconds],
            y=[escape(label)],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [report.train_seconds_longest - report.train_seconds],
                "arrayminus": [0.0],
                "thickness": 1,
                "width": 3,
            },
            orientation="h",
            marker={"color": colour(place)},
            showlegend=False,
        )
    return drawn


def _prediction_time(recorded: list[tuple[int, str, TrainingReport]]) -> Any:
    drawn = figure(x_title="milliseconds for 1000 candles", y_title="", height=140 + 34 * len(recorded))
    for place, label, report in reversed(recorded):
        drawn.add_bar(
            x=[finite(report.predict_ms_per_1000_rows)],
            y=[escape(label)],
            orientation="h",
            marker={"color": colour(place)},
            showlegend=False,
        )
    return drawn


def _mean(values: list[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
