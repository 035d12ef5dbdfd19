"""No way of writing a time makes anything known before it was."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext._services.written_time import NO_TIME, NO_ZONE, UNKNOWN_ZONE, read_time

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()
HOUR_S = 3_600.0

WITHOUT_TIME = ("%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%GW%V%u", "%Y-%j", "%Y%j", "%d %b %Y", "%B %d, %Y", "%Y/%m/%d",
                "%a, %d %b %Y", "%A, %B %d, %Y", "%d-%b-%Y", "%Y.%m.%d")  # fmt: skip
WITHOUT_ZONE = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M",
                "%Y-%m-%dT%H", "%a, %d %b %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y", "%b %d, %Y %I:%M %p",
                "%Y-%m-%dT%H:%M:%S.%f",
                "%Y-%j %H:%M:%S", "%G-W%V-%uT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d %B %Y %H:%M", "%Y%m%d%H%M",
                "%a, %d %b %Y %H:%M:%S IST", "%Y-%m-%d %H:%M:%S BST", "%d %b %y %H:%M:%S")  # fmt: skip
WITH_ZONE = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%Y%m%dT%H%M%S%z",
             "%Y-%m-%d %H:%M%z", "%a %b %d %H:%M:%S %z %Y", "%Y-%m-%dT%H:%M:%S.%f%z")  # fmt: skip

instants = st.integers(1_300_000_000, 1_900_000_000)
offsets = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
zones = offsets | st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]).map(
    ZoneInfo
)


@pytest.mark.parametrize("form", [*WITHOUT_TIME, *WITHOUT_ZONE, *WITH_ZONE])
@given(at_s=instants, zone=zones)
@settings(max_examples=60)
def test_nothing_is_known_before_it_was_wherever_it_was_written(form, at_s, zone):
    written = datetime.fromtimestamp(at_s, zone).strftime(form)
    found = read_time(written)
    assert found.earliest_s <= at_s <= found.latest_s
    assert found.latest_s - found.earliest_s <= 51 * HOUR_S
    assert bool(found.assumed) == (form not in WITH_ZONE or "%S" not in form)


@pytest.mark.parametrize("form", [*WITHOUT_TIME, *(form for form in WITHOUT_ZONE if form[-3:] not in ("IST", "BST"))])
@given(at_s=instants, zone=zones)
@settings(max_examples=60)
def test_nor_where_the_zone_is_declared_also_when_an_hour_comes_twice(form, at_s, zone):
    found = read_time(datetime.fromtimestamp(at_s, zone).strftime(form), zone)
    assert found.earliest_s <= at_s <= found.latest_s
    assert found.latest_s - found.earliest_s <= 25 * HOUR_S


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
@given(at_s=instants)
@settings(max_examples=40)
def test_seconds_and_their_parts_are_exact_as_numbers_and_as_texts(factor, at_s):
    for value in (at_s * factor, str(at_s * factor), float(at_s * factor)):
        assert read_time(value).latest_s == pytest.approx(at_s, abs=1e-3)
        assert read_time(value).assumed == ()


@given(st.text(max_size=40) | st.integers() | st.floats() | st.datetimes(timezones=st.none() | st.timezones()).map(str))
@settings(max_examples=300)
def test_whatever_it_is_it_is_a_time_or_refused(value):
    try:
        found = read_time(value)
    except ValueError as error:
        reason = str(error)
    else:
        reason = "is a time" if found.earliest_s <= found.latest_s else "ends before it begins"
    assert reason.startswith(("is ", "names ", "has "))


@pytest.mark.parametrize(
    ("value", "hours", "assumed"),
    [
        ("2025-03-01", 24.0, NO_TIME),
        ("20250301", 24.0, NO_TIME),
        (20250301, 24.0, NO_TIME),
        (20250301.0, 24.0, NO_TIME),
        ("2025-W09-6", 24.0, NO_TIME),
        ("2025-060", 24.0, NO_TIME),
        ("2025-03-01Z", 12.0, NO_TIME),
        ("2025-03-01T12:00:00", 12.0, NO_ZONE),
        ("20250301120000", 12.0, NO_ZONE),
        ("Sat, 01 Mar 2025 12:00:00 IST", 12.0, UNKNOWN_ZONE),
        ("Sat, 01 Mar 2025 12:00:00 -0000", 0.0, None),
        ("Sat, 01 Mar 2025 07:00:00 EST", 0.0, None),
        ("Sat Mar 01 2025 13:00:00 GMT+0100 (Central European Standard Time)", 0.0, None),
        ("2025-03-01T24:00:00Z", 12.0, None),
        ("2025-03-01T11:59:60Z", 0.0, None),
        ("2025-03-01T12:00:00.000Z", 0.0, None),
    ],
)
def test_the_latest_moment_that_it_can_mean(value, hours, assumed):
    found = read_time(value)
    assert (found.latest_s - NOON_S) / HOUR_S == hours
    assert found.assumed == (() if assumed is None else (assumed,))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2025-03", "names no day"),
        ("2025", "names no day"),
        (2025, "names no day"),
        ("202503", "names no day"),
        ("2025-W09", "names no day"),
        ("March 2025", "names no day"),
        ("2025-Q1", "names no day"),
        ("03/01/25", "has a year of two digits; write four"),
        ("01-Mar-25", "has a year of two digits"),
        ("03/01/2025", "has day and month that may be swapped"),
        ("01.03.2025 12:00:00", "has day and month that may be swapped"),
        ("2025-03-01T12:00:00+23:59", "is in a zone that is none"),
        ("2025-03-01T12:00:00-13:00", "is in a zone that is none"),
        (45717, "names no day|is before 2009"),
        (45717.5, "is no time"),
        ("yesterday", "is no time"),
        ("5 hours ago", "is no time"),
        ("2025-02-30", "is no time"),
        ("2025-13-01", "is no time"),
        ("2025-366", "is no time"),
        ("2025-03-01 25:00", "is no time"),
        ("", "is no time"),
        (True, "is no time"),
        (None, "is no time"),
        (float("nan"), "is no time"),
        (10**400, "is no time"),
    ],
)
def test_what_names_no_day_or_several_is_refused_with_the_reason(value, reason):
    with pytest.raises(ValueError, match=reason):
        read_time(value)


@pytest.mark.parametrize(("order", "month"), [("dmy", 1), ("mdy", 3)])
def test_an_order_that_is_said_decides(order, month):
    day = 3 if order == "dmy" else 1
    assert (
        read_time("03/01/2025 12:00:00Z", date_order=order).latest_s == NOON.replace(month=month, day=day).timestamp()
    )


def test_a_day_above_twelve_decides_for_itself():
    christmas_s = datetime(2025, 12, 25, 12, tzinfo=UTC).timestamp()
    assert {read_time(text).latest_s for text in ("25/12/2025 12:00:00Z", "12/25/2025 12:00:00Z")} == {christmas_s}
