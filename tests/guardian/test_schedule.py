from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqai_ext.guardian.schedule import CronSchedule


def seconds(*moment):
    return datetime(*moment, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "now", "last"),
    [
        ("0 */6 * * *", (2025, 3, 1, 12, 0, 0), (2025, 3, 1, 12, 0)),
        ("0 */6 * * *", (2025, 3, 1, 11, 59, 59), (2025, 3, 1, 6, 0)),
        ("0 */6 * * *", (2025, 3, 1, 12, 0, 59), (2025, 3, 1, 12, 0)),
        ("15 2 * * 1", (2025, 3, 2, 12, 0), (2025, 2, 24, 2, 15)),
        ("*/5 * * * *", (2025, 1, 1, 0, 0, 1), (2025, 1, 1, 0, 0)),
    ],
)
def test_the_last_time_is_the_latest_that_is_not_after_now(expression, now, last):
    assert CronSchedule(expression).last_s(seconds(*now)) == seconds(*last)


@given(st.integers(0, 60 * 60 * 24 * 400))
def test_an_hourly_schedule_is_never_more_than_an_hour_old(offset_s):
    now_s = seconds(2025, 1, 1) + offset_s
    last_s = CronSchedule("30 * * * *").last_s(now_s)
    assert 0 <= now_s - last_s < timedelta(hours=1).total_seconds()
    assert datetime.fromtimestamp(last_s, UTC).minute == 30


@pytest.mark.parametrize("expression", ["", "0 0", "99 * * * *", "0 0 30 2 *x", "@daily please"])
def test_what_is_no_cron_expression_is_refused(expression):
    with pytest.raises(ValueError, match=r"it is no cron expression \(.*\); write five fields"):
        CronSchedule(expression)
