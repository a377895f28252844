"""
An order as transactions: one for each check, one for each refund of it.

What is kept of an order is these transactions, without what belongs to the account; so two
bodies that tell the same are the same content.

Source: doc.toasttab.com/openapi/orders (Order, Check)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from connectors.contract import Shop
from connectors.toast.amounts import business_date, instant, minor
from connectors.toast.checks import EMPTY, Bill, bill_of
from connectors.toast.refunds import refunds_of
from connectors.toast.tenders import paying, tender_of
from connectors.toast.wire import Check, Order
from connectors.troubles import NoCurrencyError, UnbalancedError, UnreadableError
from schemas.money import exponent
from schemas.transaction import Kind, Status, Tip, Totals, Transaction

PROVIDER = "toast"


def drafts_of(order: Order, shop: Shop) -> tuple[Transaction, ...]:
    """
    Return what an order makes; `transaction_id` is the provider key until it is assembled.

    Raises:
        NoCurrencyError: the account does not know its currency.
        UnreadableError: a time or an amount is not what it should be.
        UnbalancedError: the numbers of a check contradict each other.
    """
    if shop.currency is None:
        raise NoCurrencyError
    found: list[Transaction] = []
    for check in order.checks:
        found += _drafts(order, check, shop, shop.currency)
    return tuple(found)


def _drafts(order: Order, check: Check, shop: Shop, currency: str) -> Iterator[Transaction]:
    digits = exponent(currency)
    dead = _is_dead(order, check)
    try:
        bill = bill_of(check, digits)
    except UnbalancedError:
        if not dead:
            raise
        # Of a bill that was taken back as a whole, nothing is left that has to add up.
        bill = EMPTY
    sale = _sale(order, check, bill, shop, currency)
    yield sale
    if not dead:
        yield from refunds_of(check, bill, sale, shop.calendar)


def _is_dead(order: Order, check: Check) -> bool:
    return bool(
        order.voided
        or order.deleted
        or order.guest_order_status == "VOIDED"
        or check.voided
        or check.deleted
    )


def _sale(order: Order, check: Check, bill: Bill, shop: Shop, currency: str) -> Transaction:
    digits = exponent(currency)
    payments = paying(check)
    tenders = tuple(tender_of(one, digits) for one in payments)
    status = _status(order, check, bill, paid=bool(tenders))
    occurred_at = _opened(order, check)
    closed_at = _ended(check, status, occurred_at)
    tips = _tips(check, bill, digits)
    return Transaction(
        transaction_id=f"order:{order.guid}/check:{check.guid}",
        tenant_id="",
        account_id="",
        location_id="",
        provider=PROVIDER,
        provider_ids=_ids(order, check, [one.guid for one in payments]),
        kind=Kind.SALE,
        status=status,
        occurred_at=occurred_at,
        closed_at=closed_at,
        business_day=_day(order, shop, closed_at or occurred_at),
        local_hour=shop.calendar.local(
            instant(check.paid_date) or closed_at or occurred_at
        ).hour,
        currency=currency,
        lines=bill.lines,
        discounts=bill.discounts,
        taxes=bill.taxes,
        service_charges=bill.fees,
        tips=tips,
        tenders=tenders,
        totals=_totals(bill, tips, sum(one.amount for one in tenders)),
        register=_register(order, check),
        cashier=order.server.guid if order.server else None,
        receipt_number=check.display_number or None,
        customer=check.customer.guid if check.customer else None,
    )


def _status(order: Order, check: Check, bill: Bill, *, paid: bool) -> Status:
    """
    Return where a check stands.

    PAID has no balance left, only the tip of a card may still come; a closed check on which
    every line was voided sold nothing.
    """
    if _is_dead(order, check):
        return Status.CANCELLED
    if check.payment_status not in {"PAID", "CLOSED"}:
        return Status.OPEN
    if check.selections and not bill.lines and not bill.due and not paid:
        return Status.CANCELLED
    return Status.COMPLETED


def _opened(order: Order, check: Check) -> datetime:
    given = check.opened_date or order.opened_date or order.created_date
    opened = instant(given)
    if opened is None:
        raise UnreadableError("a check without a time of opening")
    return opened


def _ended(check: Check, status: Status, opened: datetime) -> datetime | None:
    """
    Return when the guests were done: they paid and left, and with them what they bought.

    The check itself may be closed only by the next morning's batch; its time would take goods
    off the shelf a second time where they were counted in between.

    Source: platform guide, "Getting detailed information about one order", whose sample is
    paid on one day and closed on the next
    """
    match status:
        case Status.OPEN:
            return None
        case Status.COMPLETED:
            return instant(check.paid_date) or instant(check.closed_date) or opened
        case Status.CANCELLED:
            return (
                instant(check.void_date)
                or instant(check.deleted_date)
                or instant(check.closed_date)
                or opened
            )


def _day(order: Order, shop: Shop, otherwise: datetime) -> date:
    return business_date(order.business_date) or shop.calendar.day_of(otherwise)


def _tips(check: Check, bill: Bill, digits: int) -> tuple[Tip, ...]:
    """
    Return given tips and the mandatory one.

    Where the check's total leaves the gratuity out, it was collected as part of the tips
    ("can be used to derive required tip amount"): then it must not be counted twice.
    """
    given = [
        Tip(source="tender", amount=tip)
        for tip in (minor(one.tip_amount, digits) for one in paying(check))
        if tip
    ]
    inside = bill.gratuity_apart and sum(tip.amount for tip in given) >= bill.gratuity
    if bill.gratuity and not inside:
        given.append(Tip(source="gratuity", amount=bill.gratuity))
    return tuple(given)


def _totals(bill: Bill, tips: tuple[Tip, ...], paid: int) -> Totals:
    gross = sum(line.gross for line in bill.lines)
    discount = sum(line.discount for line in bill.lines)
    included = sum(line.tax_included for line in bill.lines)
    tip = sum(one.amount for one in tips)
    total = bill.due - bill.gratuity + tip
    return Totals(
        gross=gross,
        discount=discount,
        tax=sum(tax.amount for tax in bill.taxes),
        tax_included=included,
        net=gross - discount - included,
        service_charge=sum(fee.amount for fee in bill.fees),
        tip=tip,
        total=total,
        rounding=bill.rounding,
        unpaid=total - paid,
    )


def _ids(order: Order, check: Check, payments: list[str]) -> dict[str, str]:
    ids = {"order": order.guid, "check": check.guid}
    if payments:
        ids["payment"] = ",".join(sorted(payments))
    return ids


def _register(order: Order, check: Check) -> str | None:
    device = check.created_device or order.created_device
    return device.id if device else None
