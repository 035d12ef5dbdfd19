"""The summary table, for the terminal and for documents."""

import math
from dataclasses import dataclass

from freqai_ext.evaluation.estimates import Estimate
from freqai_ext.evaluation.odds import OddsScores
from freqai_ext.evaluation.result import ContenderResult, Evaluation
from freqai_ext.evaluation.scoring import TargetScores

ABSENT = "-"


@dataclass(frozen=True)
class SummaryTable:
    """The contenders that forecast one target, a row each.

    Attributes
    ----------
    title
        What was forecast.
    header
        Names of the columns; the first is the contender's label.
    rows
        As many cells as the header; what is not defined is ``-``.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary_tables(evaluation: Evaluation) -> tuple[SummaryTable, ...]:
    """Return a table for each target, in which every column holds something, and one of contenders without scores."""
    tables = [_target_table(evaluation, target) for target in evaluation.targets]
    failed = [each for each in evaluation.contenders if not each.has_scores]
    if failed:
        rows = tuple((each.label, _windows(each), _one_line(each.error)) for each in failed)
        tables.append(SummaryTable("Without scores", ("model", "windows", "error"), rows))
    return tuple(tables)


def main_odds(scores: TargetScores) -> OddsScores | None:
    """Return the odds that stand for a target: of a rise, of the class ``up``, or the first."""
    rises = [each for each in scores.odds if each.event == "up" or each.event.startswith("p_up")]
    return next(iter(rises or scores.odds), None)


def markdown(evaluation: Evaluation) -> str:
    """Return the tables as Markdown."""
    parts = [
        f"{', '.join(evaluation.pairs)}; {evaluation.timeframe} candles, {evaluation.timerange}; trained on "
        f"{evaluation.train_days:g} days, every {evaluation.backtest_days:g}; baseline {evaluation.baseline}; "
        f"{evaluation.options.level:.0%} intervals from {evaluation.options.samples} resamples of blocks of "
        f"{evaluation.block_candles} candles."
    ]
    for table in summary_tables(evaluation):
        lines = [table.header, ["---"] + ["---:"] * (len(table.header) - 1), *table.rows]
        parts += [f"**{_cell(table.title)}**", "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)]
    return "\n\n".join(parts) + "\n"


def signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign, or ``-`` where it is not defined."""
    return f"{value:+.{digits}f}" if math.isfinite(value) else ABSENT


def number(value: float, digits: int = 3) -> str:
    """Return a number, or ``-`` where it is not defined."""
    return f"{value:.{digits}f}" if math.isfinite(value) else ABSENT


def with_interval(estimate: Estimate | None, digits: int = 3) -> str:
    """Return an estimate as ``+0.034 [+0.012, +0.056]``."""
    if estimate is None:
        return ABSENT
    if not math.isfinite(estimate.lower):
        return signed(estimate.value, digits)
    return f"{signed(estimate.value, digits)} [{signed(estimate.lower, digits)}, {signed(estimate.upper, digits)}]"


def _target_table(evaluation: Evaluation, target: str) -> SummaryTable:
    level = f"[{evaluation.options.level:.0%}]"
    header = (
        "model",
        f"rank IC {level}",
        "IC",
        "RMSE skill",
        "pairs > 0",
        f"rank IC vs baseline {level}",
        f"skill vs baseline {level}",
        "coverage",
        f"Brier skill {level}",
        "ECE",
        "train s",
        "trusted",
        "windows",
    )
    found = [(each, scores) for each in evaluation.contenders if (scores := each.target(target))]
    rows = [_row(contender, scores, is_baseline=contender.label == evaluation.baseline) for contender, scores in found]
    used = [place for place in range(len(header)) if any(row[place] != ABSENT for row in rows)]
    return SummaryTable(
        target,
        tuple(header[place] for place in used),
        tuple(tuple(row[place] for place in used) for row in rows),
    )


def _row(contender: ContenderResult, scores: TargetScores, *, is_baseline: bool) -> tuple[str, ...]:
    odds, forecast, coverage, difference = main_odds(scores), scores.number, scores.coverage, scores.difference
    return (
        contender.label,
        with_interval(forecast.pooled.rank_ic) if forecast else ABSENT,
        signed(forecast.ic) if forecast else ABSENT,
        signed(forecast.pooled.rmse_skill.value, 4) if forecast else ABSENT,
        f"{forecast.pairs_with_skill} of {forecast.pairs}" if forecast else ABSENT,
        "baseline" if is_baseline and forecast else with_interval(difference.rank_ic if difference else None),
        "baseline" if is_baseline and forecast else with_interval(difference.rmse_skill if difference else None, 4),
        f"{coverage.coverage:.1%} of {coverage.nominal:.0%}" if coverage else ABSENT,
        with_interval(odds.brier_skill, 4) if odds else ABSENT,
        number(odds.ece) if odds else ABSENT,
        number(contender.trainings.train_seconds, 2) if contender.trainings else ABSENT,
        f"{contender.trusted_share:.1%}",
        _windows(contender),
    )


def _windows(contender: ContenderResult) -> str:
    if not contender.missing:
        return str(contender.windows)
    return f"{contender.windows}, {len(contender.missing)} missing"


def _one_line(text: str) -> str:
    return " ".join(text.split()) or ABSENT


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
