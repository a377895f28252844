"""The canonical transaction of what was handed in, and all that is checked on the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypedDict

from connectors.contract import Shop
from connectors.push.lines import lines_of
from connectors.push.troubles import BodyError, UnbalancedError, UnreadableError
from connectors.push.wire import PushedTransaction
from schemas.identity import transaction_id
from schemas.transaction import (
    Discount,
    Kind,
    Line,
    ServiceCharge,
    Status,
    Tax,
    Tender,
    Tip,
    Totals,
    Transaction,
    broken_laws,
)

PROVIDER = "push"
PART = "transaction"

_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_NEAR = timedelta(days=2)
_CHECKED = ("gross", "discount", "tax", "tax_included", "net", "service_charge", "tip", "total")


def draft_of(given: PushedTransaction, shop: Shop) -> Transaction:
    """
    Return the transaction; its currency must be known by now.

    Raises:
        BodyError: it cannot be believed.
    """
    lines = lines_of(given.lines)
    taxes, tips = _taxes(given, lines), _tips(given)
    totals = _totals(given, lines, taxes, tips)
    made = Transaction(
        transaction_id=transaction_id(shop.account_id, PROVIDER, given.id),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        location_id=shop.location_id,
        provider=PROVIDER,
        provider_ids={"transaction": given.id},
        kind=_kind(given, lines, totals),
        status=given.status,
        currency=given.currency or "",
        lines=lines,
        discounts=_discounts(given, totals.discount),
        taxes=taxes,
        service_charges=_charges(given),
        tips=tips,
        tenders=_tenders(given),
        totals=totals,
        register=given.register,
        cashier=given.cashier,
        receipt_number=given.receipt_number,
        customer=given.customer,
        source_refs=(f"{PART}@{given.version}",),
        **_times(given, shop),
    )
    for broken in broken_laws(made):
        raise BodyError("unbalanced", broken, "/totals")
    return made


class Times(TypedDict):
    """When a transaction was, as the canonical one has it."""

    occurred_at: datetime
    closed_at: datetime | None
    business_day: date
    local_hour: int


def _times(given: PushedTransaction, shop: Shop) -> Times:
    occurred = _instant(given.occurred_at, "/occurred_at")
    closed = occurred if given.closed_at is None else _instant(given.closed_at, "/closed_at")
    still_open = given.closed_at is None and given.status is Status.OPEN
    return Times(
        occurred_at=occurred,
        closed_at=None if still_open else closed,
        business_day=_day(given, closed, shop),
        local_hour=shop.calendar.local(closed).hour,
    )


def _instant(given: datetime, where: str) -> datetime:
    if not _FIRST_YEAR <= given.year <= _LAST_YEAR:
        raise UnreadableError("a time is out of range", where)
    return given.astimezone(UTC)


def _day(given: PushedTransaction, closed: datetime, shop: Shop) -> date:
    """Return the business day; the till may know better than our calendar, but not by much."""
    day = shop.calendar.day_of(closed)
    if given.business_day is None:
        return day
    if abs(given.business_day - day) > _NEAR:
        reason = "business_day is more than two days from when it was closed"
        raise UnreadableError(reason, "/business_day")
    return given.business_day


def _kind(given: PushedTransaction, lines: Sequence[Line], totals: Totals) -> Kind:
    """Return what the signs of the lines say; a void says so itself."""
    amounts = [line.gross for line in lines if line.gross] or [totals.total]
    sold = any(amount > 0 for amount in amounts)
    back = any(amount < 0 for amount in amounts)
    natural = Kind.SALE
    if back:
        natural = Kind.EXCHANGE if sold else Kind.REFUND
    if given.kind is None or given.kind is natural:
        return natural
    if given.kind is Kind.VOID:
        return Kind.VOID
    reason = f"the signs of the lines make it a {natural.value}; what comes back is negative"
    raise BodyError("unbalanced", reason, "/kind")


def _taxes(given: PushedTransaction, lines: Sequence[Line]) -> tuple[Tax, ...]:
    """Return the taxes as given, or without names as the lines and charges have them."""
    included = sum(line.tax_included for line in lines)
    charged = sum(charge.tax for charge in given.service_charges)
    on_top = sum(line.tax for line in lines) - included + charged
    if given.taxes is None:
        both = ((included, True), (on_top, False))
        return tuple(Tax(name="Tax", amount=a, included=inside) for a, inside in both if a)
    for inside, parts in ((True, included), (False, on_top)):
        said = sum(tax.amount for tax in given.taxes if tax.included is inside)
        if said != parts:
            raise UnbalancedError(parts, said, "/taxes")
    return tuple(
        Tax(
            name=tax.name,
            amount=tax.amount,
            included=tax.included,
            rate_percent=tax.rate_percent,
        )
        for tax in given.taxes
    )


def _discounts(given: PushedTransaction, off: int) -> tuple[Discount, ...]:
    if given.discounts is None:
        return (Discount(name="Discount", amount=off),) if off else ()
    said = sum(discount.amount for discount in given.discounts)
    if said != off:
        raise UnbalancedError(off, said, "/discounts")
    return tuple(Discount(name=one.name, amount=one.amount) for one in given.discounts)


def _charges(given: PushedTransaction) -> tuple[ServiceCharge, ...]:
    return tuple(
        ServiceCharge(name=one.name, amount=one.amount, tax=one.tax)
        for one in given.service_charges
    )


def _tips(given: PushedTransaction) -> tuple[Tip, ...]:
    if given.tips is None:
        return tuple(Tip(source="tender", amount=one.tip) for one in given.tenders if one.tip)
    return tuple(Tip(source=one.source, amount=one.amount) for one in given.tips)


def _tenders(given: PushedTransaction) -> tuple[Tender, ...]:
    return tuple(
        Tender(
            tender_id=one.tender_id or f"{number}",
            method=one.method,
            amount=one.amount,
            tip=one.tip,
            change=one.change,
            brand=one.brand,
            last_four=one.last_four,
        )
        for number, one in enumerate(given.tenders, 1)
    )


def _totals(
    given: PushedTransaction, lines: Sequence[Line], taxes: Sequence[Tax], tips: Sequence[Tip]
) -> Totals:
    """Return the sums; what the till says of them must be the same."""
    gross = sum(line.gross for line in lines)
    discount = sum(line.discount for line in lines)
    tax = sum(one.amount for one in taxes)
    included = sum(line.tax_included for line in lines)
    charge = sum(one.amount for one in given.service_charges)
    tip = sum(one.amount for one in tips)
    rounding = given.totals.rounding
    total = gross - discount + tax - included + charge + tip + rounding
    unpaid = total - sum(one.amount for one in given.tenders)
    made = Totals(
        gross=gross,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=gross - discount - included,
        service_charge=charge,
        tip=tip,
        total=total,
        rounding=rounding,
        unpaid=unpaid,
    )
    for name in _CHECKED:
        said, parts = getattr(given.totals, name), getattr(made, name)
        if said is not None and said != parts:
            raise UnbalancedError(parts, said, f"/totals/{name}")
    # A bill that is done is paid; where it is not, the till has to say so.
    said = given.totals.unpaid
    if said is None and given.status is Status.COMPLETED and given.kind is not Kind.VOID:
        said = 0
    if said is not None and said != unpaid:
        raise UnbalancedError(unpaid, said, "/totals/unpaid")
    return made
