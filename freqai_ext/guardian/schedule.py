"""When to train: a cron expression, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError


@dataclass(frozen=True)
class CronSchedule:
    """The times that a cron expression names.

    Parameters
    ----------
    expression
        Five fields, minute to day of the week, as cron has them; UTC.

    Raises
    ------
    ValueError
        If it is no cron expression.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> schedule = CronSchedule("30 */6 * * *")
    >>> datetime.fromtimestamp(schedule.last_s(datetime(2025, 3, 1, 14, 5, tzinfo=UTC).timestamp()), UTC).isoformat()
    '2025-03-01T12:30:00+00:00'
    """

    expression: str

    def __post_init__(self) -> None:
        try:
            CronSim(self.expression, datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(
                f"it is no cron expression ({error}); write five fields, such as '0 */6 * * *' for every six hours"
            ) from None

    def last_s(self, now_s: float) -> float:
        """Return the latest of its times that is not after ``now_s`` (UTC seconds)."""
        # The search begins after the minute given, and its minutes are whole.
        after = datetime.fromtimestamp(now_s // 60 * 60 + 60, UTC)
        return next(CronSim(self.expression, after, reverse=True)).timestamp()
