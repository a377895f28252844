"""The days and hours of a simulated trade: when customers pay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from connectors.simulation.chance import Chance, whole
from connectors.simulation.config import SimulatorConfig

OPENS, CLOSES = 6, 19
HOURS = tuple(range(OPENS, CLOSES))
BUSY = (4, 9, 12, 9, 6, 7, 11, 10, 6, 6, 8, 7, 5)


def days_before(config: SimulatorConfig, place: int) -> Iterator[date]:
    """Yield the business days of a shop's history, oldest first."""
    today = config.shops[place].calendar.day_of(config.now)
    for back in range(config.days, 0, -1):
        yield today - timedelta(days=back)


def customers_of(
    config: SimulatorConfig, place: int, day: date, throw: Chance
) -> list[datetime]:
    """Return when customers pay on one day; the wall clock of the shop decides."""
    zone = config.shops[place].calendar
    count = config.orders_per_day * throw.randrange(80, 121) // 100
    midnight = zone.local(zone.begins(day)).replace(hour=0, minute=0, second=0)
    return sorted(
        midnight.replace(
            hour=hour,
            minute=throw.randrange(60),
            second=throw.randrange(60),
            microsecond=throw.randrange(1000) * 1000,
        ).astimezone(UTC)
        for hour in throw.choices(HOURS, weights=BUSY, k=count)
    )


def customers_of_today(config: SimulatorConfig) -> Iterator[datetime]:
    """Yield when customers pay in the live trade: evenly."""
    count, length = config.live_orders, timedelta(seconds=config.live_seconds)
    for number in range(1, count + 1):
        yield whole(config.now + length * number // (count + 1))
