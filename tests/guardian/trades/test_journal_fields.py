"""Times in journals."""

import pytest

from freqai_ext.guardian.trades.journal_fields import epoch_s

NOON_S = 1_767_268_800.0


@pytest.mark.parametrize(
    "value",
    ["2026-01-01T12:00:00", "2026-01-01 12:00", "2026-01-01T13:00:00+01:00", NOON_S, str(NOON_S), NOON_S * 1e3,
     "Thu, 01 Jan 2026 12:00:00 GMT"],
)  # fmt: skip
def test_a_time_is_read_and_without_a_zone_it_is_utc(value):
    assert epoch_s(value) == NOON_S


@pytest.mark.parametrize(
    "value",
    ["2026-01-01", "20260101", 20260101, 20260101.0, "2026-W01-4", "2026-001", "2026-01", "01/02/2026",
     "2026-01-01T12:00:00+23:00"],
)  # fmt: skip
def test_a_date_without_a_time_is_no_moment_at_which_a_trade_was_known(value):
    assert epoch_s(value) is None
