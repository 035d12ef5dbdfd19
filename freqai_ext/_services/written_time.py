"""Times as others write them: what a text or a number can mean at the earliest and at the latest.

A date without a time is any moment of its day; a time without a zone is any zone's, from UTC+14 to UTC-12. Whoever may
not know something too early takes :attr:`WrittenTime.latest_s`. What can be read in two ways that lie months apart is
refused.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal

DateOrder = Literal["dmy", "mdy"]

NO_TIME: Final = "a date without a time"
NO_ZONE: Final = "a time without a zone"
UNKNOWN_ZONE: Final = "a time in a zone that is not known"
NO_MINUTES: Final = "a time without minutes"
NO_SECONDS: Final = "a time without seconds"

_EASTERNMOST: Final = timedelta(hours=14)
_WESTERNMOST: Final = timedelta(hours=-12)
_FIRST_S: Final = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
_LAST_S: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_UNITS_PER_S: Final = (1, 10**3, 10**6, 10**9)
_DAY: Final = timedelta(days=1)
# Of a zone's winter name in summer the later reading is taken; names of several zones far apart are not here.
_ZONES_H: Final = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "CET": 1, "CEST": 2,
}  # fmt: skip
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip

_NUMBER: Final = re.compile(r"(?P<whole>[+-]?\d+)(?:\.(?P<fraction>\d+))?", re.ASCII)
_MONTH: Final = r"(?P<month_name>[A-Za-z]{3,9})\.?"
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_CLOCK: Final = (
    r"(?P<hour>\d{1,2})(?:(?P<colon>:?)(?P<minute>\d{2})(?:(?P=colon)(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?"
)
_ZONE: Final = (
    r"(?:\s*(?P<zone>(?:UTC|GMT|UT)?\s?[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?|[A-Za-z]{1,5})(?:\s*\([^()]{0,60}\))?)?"
)
_TAIL: Final = rf"(?:(?:\s*T\s*|,?\s+(?:at\s+)?|:){_CLOCK}{_ZONE}|(?P<day_zone>Z|[+-]\d\d:\d\d))?"
_DATES: Final = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    r"(?P<year>\d{4})-?W(?P<week>\d{2})-?(?P<weekday>[1-7])",
    r"(?P<year>\d{4})-?(?P<ordinal>\d{3})",
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-]+{_MONTH}[\s,-]+(?P<year>\d{{4}}|\d\d(?=\s+\d\d?:))",
    rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})",
    r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})",
)
_FORMS: Final = (
    *(re.compile(f"{written}{_TAIL}", re.ASCII | re.IGNORECASE) for written in _DATES),
    # As asctime and some feeds have it: the year comes last.
    re.compile(
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}{_ZONE}\s+(?P<year>\d{{4}})", re.ASCII | re.IGNORECASE
    ),
)
_COMPACT: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<ordinal>\d{3})|(?P<month>\d{2})(?P<day>\d{2})(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?)?)",
    re.ASCII,
)
_NO_DAY: Final = re.compile(
    rf"\d{{4}}|\d{{4}}[-/.]?\d{{1,2}}|\d{{4}}-?W\d{{2}}|\d{{4}}-?Q\d|{_MONTH},?\s+\d{{4}}", re.ASCII | re.IGNORECASE
)
_SHORT_YEAR: Final = re.compile(r"\d{1,2}[-/. ]+(?:\d{1,2}|[A-Za-z]{3,9})[-/., ]+\d{2}(?!\d).*", re.ASCII)


@dataclass(frozen=True)
class WrittenTime:
    """What was written, as moments in UTC seconds.

    Attributes
    ----------
    earliest_s, latest_s
        The written moment lies in ``[earliest_s, latest_s]``; both are the same where nothing had to be assumed.
    written_s
        The beginning of what was written, in UTC where no zone is: the same whatever is assumed.
    assumed
        What is missing in the text, as :data:`NO_TIME`, :data:`NO_ZONE` and the like.
    """

    earliest_s: float
    latest_s: float
    written_s: float
    assumed: tuple[str, ...] = ()


def read_time(value: object, zone: tzinfo | None = None, date_order: DateOrder | None = None) -> WrittenTime:
    """Return what a date or time can mean: ISO 8601 in all its forms, RFC 822, names of months, seconds since 1970.

    Numbers and their texts are seconds, or milli-, micro- or nanoseconds, whichever lies between 2009 and 2100; those
    of 7, 8, 12 or 14 digits that read as a date are one.

    Parameters
    ----------
    zone
        Of times that name none; ``None`` allows for every zone.
    date_order
        Whether ``03/01/2025`` is the third of January (``"dmy"``) or the first of March.

    Raises
    ------
    ValueError
        If it is no time, names no day, or can mean several days. The text is the reason.

    Examples
    --------
    >>> read_time("Sat, 01 Feb 2025 12:00:00 GMT").latest_s, read_time(1738411200123).latest_s
    (1738411200.0, 1738411200.123)
    >>> (read_time("2025-W05-6").latest_s - read_time("2025-02-01T00:00:00Z").latest_s) / 3600
    36.0
    >>> read_time("20250201T1200", UTC).assumed
    ('a time without seconds',)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_NONE)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(_NONE)
    text = " ".join(value.split()) if isinstance(value, str) else _decimal(value)
    if len(text) > 100:
        raise ValueError(_NONE)
    if number := _NUMBER.fullmatch(text):
        return _of_number(number, text, zone)
    if (exact := _exact(text)) is not None:
        return WrittenTime(exact, exact, exact)
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _of_match(match.groupdict(), zone, date_order)
    if _NO_DAY.fullmatch(text):
        raise ValueError("names no day; write year, month and day")
    if _SHORT_YEAR.fullmatch(text):
        raise ValueError("has a year of two digits; write four")
    raise ValueError(_NONE)


_NONE: Final = "is no time; write ISO 8601 or UTC seconds"


def _decimal(value: int | float) -> str:
    if isinstance(value, int):
        # Long ones take long to become a text, and none of them is a time.
        return str(value) if abs(value) < 10**30 else "no time"
    return f"{value:.6f}" if abs(value) < 1e30 else "no time"


def _exact(text: str) -> float | None:
    """Return the moment of most times as they come, several times as fast as by the forms."""
    if len(text) < 20 or text[4::3][:5] != "--T::":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    offset = moment.utcoffset()
    return None if offset is None or not _WESTERNMOST <= offset <= _EASTERNMOST else moment.timestamp()


def _of_number(number: re.Match[str], text: str, zone: tzinfo | None) -> WrittenTime:
    is_whole = not (number["fraction"] or "").strip("0")
    if is_whole and (compact := _COMPACT.fullmatch(number["whole"])):
        fields = {name: None for form in _FORMS for name in form.groupindex} | compact.groupdict()
        try:
            found = _of_match(fields, zone, None)
        except ValueError:
            pass
        else:
            if _FIRST_S <= found.written_s < _LAST_S:
                return found
    if not is_whole and len(number["whole"]) <= 8:
        raise ValueError(_NONE)
    for units in _UNITS_PER_S:
        at_s = float(text) / units
        if _FIRST_S <= at_s < _LAST_S:
            return WrittenTime(at_s, at_s, at_s)
    if _NO_DAY.fullmatch(number["whole"]):
        raise ValueError("names no day; write year, month and day")
    if abs(float(text)) < _FIRST_S:
        raise ValueError("is before 2009")
    raise ValueError(_NONE)


def _of_match(fields: dict[str, str | None], zone: tzinfo | None, date_order: DateOrder | None) -> WrittenTime:
    start, width, missing = _clock(fields, _day(fields, date_order))
    try:
        return _in_zone(start, width, missing, fields, zone)
    except (OverflowError, ValueError) as error:
        raise ValueError(str(error) if "zone" in str(error) else _NONE) from None


def _in_zone(
    start: datetime, width: timedelta, missing: str | None, fields: dict[str, str | None], zone: tzinfo | None
) -> WrittenTime:
    assumed = [missing] if missing else []
    name = fields.get("zone") or fields.get("day_zone")
    offset = None if name is None else _offset(name)
    written_s = start.replace(tzinfo=UTC if offset is None else timezone(offset)).timestamp()
    if offset is not None:
        return WrittenTime(written_s, written_s + width.total_seconds(), written_s, tuple(assumed))
    if zone is None or name is not None:
        if missing != NO_TIME:
            assumed.append(NO_ZONE if name is None else UNKNOWN_ZONE)
        earliest = start.replace(tzinfo=timezone(_EASTERNMOST)).timestamp()
        latest = start.replace(tzinfo=timezone(_WESTERNMOST)).timestamp() + width.total_seconds()
        return WrittenTime(earliest, latest, written_s, tuple(assumed))
    # When clocks are set back an hour comes twice.
    earliest = min(start.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    latest = max((start + width).replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return WrittenTime(earliest, latest, written_s, tuple(assumed))


def _day(fields: dict[str, str | None], date_order: DateOrder | None) -> datetime:
    year = int(fields["year"] or 0)
    if year < 100:
        year += 2000 if year < 69 else 1900
    try:
        if fields.get("week"):
            day = date.fromisocalendar(year, int(fields["week"] or 0), int(fields["weekday"] or 0))
        elif fields.get("ordinal"):
            day = date(year, 1, 1) + timedelta(days=int(fields["ordinal"] or 0) - 1)
            if day.year != year:
                raise ValueError
        elif fields.get("one"):
            day = _in_order(year, int(fields["one"] or 0), int(fields["two"] or 0), date_order)
        else:
            day = date(year, _month(fields), int(fields["day"] or 0))
    except OverflowError:
        raise ValueError(_NONE) from None
    except ValueError as error:
        raise ValueError(str(error) if "swapped" in str(error) else _NONE) from None
    return datetime(day.year, day.month, day.day)


def _in_order(year: int, one: int, two: int, date_order: DateOrder | None) -> date:
    if date_order is None and one != two and one <= 12 and two <= 12:
        raise ValueError("has day and month that may be swapped; write year-month-day, or say the order")
    day_first = date_order == "dmy" if date_order is not None else one > 12 or one == two
    return date(year, two, one) if day_first else date(year, one, two)


def _month(fields: dict[str, str | None]) -> int:
    if (name := fields.get("month_name")) is None:
        return int(fields["month"] or 0)
    name = name.lower()
    if name[:3] not in _MONTHS or not (name in _MONTH_NAMES or len(name) == 3 or name == "sept"):
        raise ValueError
    return 1 + _MONTHS.index(name[:3])


def _clock(fields: dict[str, str | None], day: datetime) -> tuple[datetime, timedelta, str | None]:
    """Return the beginning of what was written, how long that is, and what is missing."""
    if fields.get("hour") is None:
        return day, _DAY, NO_TIME
    hour, minute, second = (int(fields.get(name) or 0) for name in ("hour", "minute", "second"))
    if half := fields.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError(_NONE)
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    # 24:00 is the end of the day, and the 60th second one that was put in.
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError(_NONE)
    part_s = float(f"0.{fields.get('fraction') or 0}")
    try:
        start = day + timedelta(hours=hour, minutes=minute, seconds=second + part_s)
    except OverflowError:
        raise ValueError(_NONE) from None
    if fields.get("minute") is None:
        return start, timedelta(hours=1), NO_MINUTES
    if fields.get("second") is None:
        return start, timedelta(minutes=1), NO_SECONDS
    return start, timedelta(0), None


def _offset(name: str) -> timedelta | None:
    """Return what a zone is ahead of UTC; ``None`` where its name is not known."""
    name = name.replace(" ", "").upper()
    if name in _ZONES_H:
        return timedelta(hours=_ZONES_H[name])
    match = re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?", name, re.ASCII)
    if match is None:
        return None
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3] or 0), seconds=int(match[4] or 0))
    offset = -ahead if match[1] == "-" else ahead
    if not _WESTERNMOST <= offset <= _EASTERNMOST or int(match[3] or 0) > 59:
        raise ValueError("is in a zone that is none: they lie between -12:00 and +14:00")
    return offset
