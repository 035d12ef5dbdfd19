"""The tables of the page, as HTML; everything that comes from users is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from freqai_ext.evaluation.result import ContenderResult, Evaluation
from freqai_ext.evaluation.table import ABSENT, number, with_interval


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """Return a table whose first column names the rows."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def odds_table(evaluation: Evaluation, target: str) -> str:
    """Return the scores of the probabilities of a target, or nothing."""
    rows = [
        (
            contender.label,
            odds.event,
            number(odds.base_rate),
            number(odds.brier, 4),
            number(odds.base_rate_brier, 4),
            with_interval(odds.brier_skill, 4),
            number(odds.reliability, 5),
            number(odds.resolution, 5),
            number(odds.ece, 4),
            number(odds.auc),
            number(odds.log_loss, 4),
            number(odds.base_rate_log_loss, 4),
        )
        for contender in evaluation.contenders
        if (scores := contender.target(target))
        for odds in scores.odds
    ]
    header = ("model", "event", "base rate", "Brier", "Brier of base rate", "Brier skill", "reliability", "resolution")
    return html_table((*header, "ECE", "AUC", "log loss", "of base rate"), rows) if rows else ""


def coverage_table(evaluation: Evaluation, target: str) -> str:
    """Return the scores of the intervals of a target, with the coverage of each month, or nothing."""
    found = [
        (contender.label, scores.coverage)
        for contender in evaluation.contenders
        if (scores := contender.target(target)) and scores.coverage
    ]
    if not found:
        return ""
    months = sorted({month.name for _, coverage in found for month in coverage.months})
    rows = []
    for label, coverage in found:
        by_month = {month.name: f"{month.coverage:.1%}" for month in coverage.months}
        rows.append(
            (
                label,
                f"{coverage.nominal:.0%}",
                f"{coverage.coverage:.1%}",
                f"{coverage.mean_width:.4g}",
                f"{coverage.interval_score:.4g}",
                *(by_month.get(month, ABSENT) for month in months),
            )
        )
    return html_table(("model", "promised", "coverage", "mean width", "interval score", *months), rows)


def bets_table(evaluation: Evaluation, target: str) -> str:
    """Return what became of the bets that the forecasts suggest, or nothing."""
    rows = [
        (
            contender.label,
            bets.rule,
            f"{bets.bets} of {bets.rows}",
            str(bets.independent),
            str(bets.busiest_day_bets),
            number(bets.hit_rate),
            with_interval(bets.mean_net_bps, 1),
        )
        for contender in evaluation.contenders
        if (scores := contender.target(target)) and scores.number
        for bets in scores.number.bets
    ]
    header = ("model", "bet where", "bets", "independent", "on the busiest day", "hit rate", "mean net bps")
    return html_table(header, rows) if rows else ""


def data_table(evaluation: Evaluation) -> str:
    """Return what the trainings were given and kept, mean per training; ``rows / columns`` by step."""
    recorded = [(each.label, each.trainings) for each in evaluation.contenders if each.trainings]
    if not recorded:
        return ""
    steps = list(dict.fromkeys(step.step for _, report in recorded for step in report.steps))
    rows = []
    for label, report in recorded:
        losses = {step.step: f"{step.rows:.0f} / {step.columns:.0f}" for step in report.steps}
        rows.append(
            (
                label,
                str(report.recorded),
                f"{report.rows_given:.0f} / {report.columns_given:.0f}",
                *(losses.get(step, ABSENT) for step in steps),
                f"{number(report.rows_trained, 0)} / {number(report.columns_trained, 0)}",
                number(report.train_seconds, 2),
                number(report.train_seconds_total, 1),
            )
        )
    dropped = [f"dropped: {step}" for step in steps]
    return html_table(("model", "trainings", "given", *dropped, "trained on", "s each", "s in all"), rows)


def training_details(contender: ContenderResult) -> str:
    """Return every recorded training of a contender, folded away, or nothing."""
    report = contender.trainings
    if report is None:
        return ""
    rows = [
        (
            each.pair,
            each.start,
            f"{each.rows_given} / {each.columns_given}",
            ", ".join(f"{step.step} {step.rows:.0f} / {step.columns:.0f}" for step in each.steps) or ABSENT,
            f"{_count(each.rows_trained)} / {_count(each.columns_trained)}",
            number(each.train_seconds, 2),
            number(each.predict_seconds, 3),
        )
        for each in report.trainings
    ]
    header = ("pair", "predicts from", "given", "dropped", "trained on", "train s", "predict s")
    title = f"{escape(contender.label)}: each training"
    return f"<details><summary>{title}</summary>{html_table(header, rows)}</details>"


def missing_table(evaluation: Evaluation) -> str:
    """Return the windows without predictions and the contenders without scores, or nothing."""
    rows = [(each.label, "all", each.error) for each in evaluation.contenders if each.error]
    rows += [(each.label, missing.window, missing.error) for each in evaluation.contenders for missing in each.missing]
    rows += [
        (each.label, ABSENT, reason)
        for each in evaluation.contenders
        for reason in each.left_out(evaluation.scored_rows)
    ]
    return html_table(("model", "window", "why"), rows) if rows else ""


def _count(value: int | None) -> str:
    return ABSENT if value is None else str(value)
