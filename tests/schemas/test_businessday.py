"""Every instant belongs to exactly one business day, also when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.businessday import BusinessCalendar, UnknownZoneError

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "UTC",
]
INSTANTS = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CALENDARS = st.builds(BusinessCalendar, st.sampled_from(ZONES), st.integers(0, 23))
# In St. John's 00:01 went back to 23:01 of the day before, Apia left out a whole day, and Cairo
# has no midnight in spring and two in autumn.
CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],
    "America/New_York": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],
    "America/St_Johns": ["2010-11-07T02:31Z"],
    "Pacific/Apia": ["2011-12-30T10:00Z"],
    "Africa/Cairo": ["2026-04-23T22:00Z", "2026-10-29T21:00Z"],
}
AROUND = [timedelta(seconds=s) for s in (-7200, -3600, -1801, -1, 0, 1, 59, 1800, 3599, 3600)]


def assert_in_exactly_one_day(calendar: BusinessCalendar, instant: datetime) -> None:
    day = calendar.day_of(instant)
    assert calendar.begins(day) <= instant < calendar.ends(day)
    step = timedelta(days=1)
    for other in (day - step, day + step):
        assert not calendar.begins(other) <= instant < calendar.ends(other)


@given(CALENDARS, INSTANTS)
@example(BusinessCalendar("Europe/Berlin", 2), datetime(2026, 3, 29, 1, tzinfo=UTC))
def test_every_instant_belongs_to_exactly_one_day(
    calendar: BusinessCalendar, instant: datetime
) -> None:
    assert_in_exactly_one_day(calendar, instant)


@pytest.mark.parametrize("zone", CHANGES)
@pytest.mark.parametrize("hour", range(24))
def test_also_around_a_change_of_clocks_whatever_the_cut_off(zone: str, hour: int) -> None:
    for change in map(datetime.fromisoformat, CHANGES[zone]):
        assert offset(zone, change) != offset(zone, change - timedelta(seconds=1))
        for distance in AROUND:
            assert_in_exactly_one_day(BusinessCalendar(zone, hour), change + distance)


def offset(zone: str, instant: datetime) -> timedelta | None:
    return BusinessCalendar(zone).local(instant).utcoffset()


@given(CALENDARS, INSTANTS, INSTANTS)
def test_days_follow_each_other_as_instants_do(
    calendar: BusinessCalendar, one: datetime, other: datetime
) -> None:
    early, late = sorted((one, other))
    assert calendar.day_of(early) <= calendar.day_of(late)


@given(CALENDARS, INSTANTS)
def test_a_day_ends_where_the_next_begins(
    calendar: BusinessCalendar, instant: datetime
) -> None:
    day = calendar.day_of(instant)
    assert calendar.ends(day) == calendar.begins(day + timedelta(days=1))
    assert calendar.begins(day) <= calendar.ends(day)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25), (date(2026, 5, 1), 24)],
)
def test_a_day_over_a_change_of_clocks_is_shorter_or_longer(day: date, hours: int) -> None:
    berlin = BusinessCalendar("Europe/Berlin", 4)
    assert berlin.ends(day) - berlin.begins(day) == timedelta(hours=hours)


def test_a_sale_before_the_cut_off_belongs_to_the_day_before() -> None:
    bar = BusinessCalendar("Europe/Berlin", 4)
    assert bar.day_of(datetime(2026, 5, 2, 1, 59, tzinfo=UTC)) == date(2026, 5, 1)
    assert bar.day_of(datetime(2026, 5, 2, 2, 0, tzinfo=UTC)) == date(2026, 5, 2)


def test_a_cut_off_that_the_clock_skips_is_the_moment_of_the_skip() -> None:
    berlin = BusinessCalendar("Europe/Berlin", 2)
    assert berlin.begins(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_cut_off_that_the_clock_shows_twice_is_its_first_time() -> None:
    berlin = BusinessCalendar("Europe/Berlin", 2)
    assert berlin.begins(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert berlin.day_of(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == date(2026, 10, 25)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "Europe", "x" * 300])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(UnknownZoneError, match="unknown time zone"):
        BusinessCalendar(name).day_of(datetime(2026, 1, 1, tzinfo=UTC))
