"""Which trading day an instant belongs to: the shop's zone and its cut-off hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class UnknownZoneError(ValueError):
    """The name is not in the IANA time zone database; use one like "Europe/Berlin"."""


@lru_cache(maxsize=512)
def zone_named(name: str) -> ZoneInfo:
    """
    Return the zone.

    Raises:
        UnknownZoneError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZoneError(f"unknown time zone {name[:64]!r}") from error


class BusinessCalendar(msgspec.Struct, frozen=True):
    """
    When a shop's day ends.

    Args:
        timezone: IANA name.
        cut_off_hour: 0..23, local clock; a sale before that hour belongs to the day before.

    The wall clock decides, so a day of a DST change has 23 or 25 hours and no sale falls
    between two days or into both. Where clocks skip the cut-off, the day begins at the skip;
    where they show it twice, the day begins the first time and has then begun.
    """

    timezone: str = "UTC"
    cut_off_hour: int = 0

    def day_of(self, instant: datetime) -> date:
        """Return the business day of an aware instant."""
        local = self.local(instant)
        day = local.date()
        if local.hour < self.cut_off_hour:
            day -= _DAY
        if local.fold and instant >= self.ends(day):
            return day + _DAY
        return day

    def local(self, instant: datetime) -> datetime:
        """Return the instant on the shop's wall clock."""
        return instant.astimezone(zone_named(self.timezone))

    def begins(self, day: date) -> datetime:
        """Return the first instant (UTC) that belongs to `day`."""
        zone = zone_named(self.timezone)
        wall = datetime(day.year, day.month, day.day, self.cut_off_hour, tzinfo=zone)
        begin = wall.astimezone(UTC)
        if begin.astimezone(zone) == wall:
            return begin
        return _skip_before(begin, zone)

    def ends(self, day: date) -> datetime:
        """Return the first instant (UTC) that belongs to the day after `day`."""
        return self.begins(day + _DAY)


def _skip_before(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return when clocks last skipped ahead at or before an instant, to the second."""
    after = instant.astimezone(zone).utcoffset()
    early, late = instant - _DAY * 2, instant
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == after:
            late = middle
        else:
            early = middle
    return late.replace(microsecond=0)
