"""Prints measurements as Markdown tables."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

from benchmarks.contenders import STOCK
from benchmarks.timing import BacktestRun, Times
from freqai_ext.validation import ForecastScores

_PARTS: Mapping[str, Callable[[Times], float]] = {
    "whole run": lambda times: times.whole,
    "fit": lambda times: times.fit,
    "predict": lambda times: times.predict,
    "all but the model": lambda times: times.non_model,
}


def time_table(runs: Sequence[BacktestRun], clock: Callable[[BacktestRun], Times]) -> str:
    """Return seconds, minimum / median over the repeats, and by how many times stock's minimum is longer."""
    labels = list(dict.fromkeys(run.contender.label for run in runs))
    rows = []
    for label in labels:
        cells = [label]
        for part in _PARTS.values():
            spent = [part(clock(run)) for run in runs if run.contender.label == label]
            stock = min(part(clock(run)) for run in runs if run.contender.label == STOCK)
            ratio = "" if label == STOCK else f" ({stock / min(spent):.1f}x)"
            cells.append(f"{min(spent):.1f} / {median(spent):.1f}{ratio}")
        rows.append(cells)
    return markdown(["", *_PARTS], rows)


def quality_table(scores: Mapping[str, Mapping[str, ForecastScores]]) -> str:
    """Return correlation and error of each model's forecasts, by pair and in the mean."""
    rows = []
    for label, by_pair in scores.items():
        for pair, score in by_pair.items():
            rows.append([label, pair, *_scores([score])])
        rows.append([label, "mean", *_scores(list(by_pair.values()))])
    return markdown(["", "pair", "IC", "rank IC", "RMSE skill over zero"], rows)


def live_table(milliseconds: Mapping[str, float]) -> str:
    """Return the main loop's time of each model, and by how many times stock's is longer."""
    stock = milliseconds[STOCK]
    rows = [
        [label, f"{spent:.1f}", "" if label == STOCK else f"{stock / spent:.1f}x"]
        for label, spent in milliseconds.items()
    ]
    return markdown(["", "ms a pair and candle", "ratio"], rows)


def _scores(scores: Sequence[ForecastScores]) -> list[str]:
    columns = ("information_coefficient", "rank_information_coefficient", "rmse_skill")
    return [f"{fmean(getattr(score, column) for score in scores):+.3f}" for column in columns]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with aligned columns."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
