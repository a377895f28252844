"""
What is known of each order at any time: versions, refunds, and the batch that closes checks.

Toast keeps refunds inside the order that they give money back of, and closes paid checks with
the batch of the next morning: both make the order a changed one.

Source: doc.toasttab.com platform guide, "Getting detailed information about one order" (its
sample is paid on one day, closed and modified on the next)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from connectors.simulation.bills import Bill
from connectors.simulation.config import SimulatorConfig
from connectors.toast.simulator.wording import guid

BATCH_AFTER = timedelta(hours=2, minutes=5)
"""After the end of the business day, in the middle of the next morning."""

Name = tuple[int, int]
"""Of an order: place of the restaurant, number of the bill there."""


class Known(NamedTuple):
    """
    One order as it is known at a time.

    Args:
        closed_at: when the batch closed its check; None while that is only paid, or open.
    """

    bill: Bill
    refunds: tuple[Bill, ...]
    closed_at: datetime | None
    modified_at: datetime


class Ledger:
    """All orders of all restaurants; `told` is everything that ever becomes known."""

    def __init__(self, config: SimulatorConfig, told: Sequence[Bill]) -> None:
        self._config = config
        self._versions: dict[Name, list[Bill]] = {}
        self._refunds: dict[Name, list[Bill]] = {}
        for bill in told:
            kept = self._refunds if bill.kind == "refund" else self._versions
            kept.setdefault((bill.place, bill.source or bill.number), []).append(bill)
        self._orders = {order_guid(config.seed, *name): name for name in self._versions}
        self._payments = {
            payment_guid(config.seed, bill.place, pay.number): name
            for name, versions in self._versions.items()
            for bill in versions
            for pay in bill.payments
        }

    def order(self, guid: str, until: datetime) -> Known | None:
        """Return an order by its id."""
        name = self._orders.get(guid)
        return None if name is None else self.at(name, until)

    def of_payment(self, guid: str, until: datetime) -> Known | None:
        """Return the order that a payment belongs to."""
        name = self._payments.get(guid)
        return None if name is None else self.at(name, until)

    def of(self, place: int, until: datetime) -> Iterator[Known]:
        """Yield all orders of a restaurant."""
        for name in self._versions:
            known = self.at(name, until) if name[0] == place else None
            if known is not None:
                yield known

    def at(self, name: Name, until: datetime) -> Known | None:
        """Return what is known of an order at a time; None before its first news."""
        versions = [one for one in self._versions[name] if one.known_at <= until]
        if not versions:
            return None
        bill = versions[-1]
        refunds = tuple(one for one in self._refunds.get(name, ()) if one.known_at <= until)
        closed_at = max(self.batch(bill), bill.known_at)
        closed = bill.status == "completed" and closed_at <= until
        times = [bill.known_at, *(one.known_at for one in refunds)]
        if closed:
            times.append(closed_at)
        return Known(bill, refunds, closed_at if closed else None, max(times))

    def batch(self, bill: Bill) -> datetime:
        """Return when the batch closes the checks of a bill's day."""
        zone = self._config.shops[bill.place].calendar
        return zone.ends(zone.day_of(bill.closed_at)) + BATCH_AFTER

    def news(self) -> Iterator[tuple[datetime, Name]]:
        """Yield every change of every order, and when it becomes known."""
        for name, versions in self._versions.items():
            news = [*versions, *self._refunds.get(name, ())]
            times = {bill.known_at for bill in news}
            if versions[-1].status == "completed":
                times.add(max(self.batch(versions[-1]), versions[-1].known_at))
            for at in times:
                yield at, name


def order_guid(seed: int, place: int, number: int) -> str:
    """Return the id of an order."""
    return guid(seed, "order", place, number)


def check_guid(seed: int, place: int, number: int) -> str:
    """Return the id of the one check of an order."""
    return guid(seed, "check", place, number)


def payment_guid(seed: int, place: int, number: int) -> str:
    """Return the id of a payment."""
    return guid(seed, "payment", place, number)


def refund_guid(seed: int, place: int, number: int) -> str:
    """Return the id of the transaction that gave money back."""
    return guid(seed, "refund", place, number)
