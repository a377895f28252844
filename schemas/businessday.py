"""Which trading day an instant belongs to: the shop's zone and its cut-off hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec


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
    between two days or into both.
    """

    timezone: str = "UTC"
    cut_off_hour: int = 0

    def day_of(self, instant: datetime) -> date:
        """Return the business day of an aware instant."""
        local = self.local(instant)
        return (
            local.date() - timedelta(days=1) if local.hour < self.cut_off_hour else local.date()
        )

    def local(self, instant: datetime) -> datetime:
        """Return the instant on the shop's wall clock."""
        return instant.astimezone(zone_named(self.timezone))

    def begins(self, day: date) -> datetime:
        """Return the first instant (UTC) that belongs to `day`."""
        wall = datetime(
            day.year, day.month, day.day, self.cut_off_hour, tzinfo=zone_named(self.timezone)
        )
        return wall.astimezone(UTC)

    def ends(self, day: date) -> datetime:
        """Return the first instant (UTC) that belongs to the day after `day`."""
        return self.begins(day + timedelta(days=1))
