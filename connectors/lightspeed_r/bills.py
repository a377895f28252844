"""
A sale of the R-Series as the bill it makes.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../tutorials/sales (refunds are
sales of their own with negative lines, total and payment)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.amounts import number
from connectors.lightspeed_r.amounts import flag, identity, instant, text
from connectors.lightspeed_r.lines import Sums, lines_of, sold, sums_of
from connectors.lightspeed_r.paying import tenders_of
from connectors.lightspeed_r.wire import (
    LINE,
    LINES,
    PAYMENT,
    PAYMENTS,
    Payment,
    Sale,
    SaleLine,
    related,
    rows,
)
from connectors.troubles import UnreadableError
from connectors.whole import Bill
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
)


def lines_in(sale: Sale) -> list[SaleLine]:
    """Return the lines that came with a sale."""
    return rows(related(sale.SaleLines).sale_line, LINE, LINES)


def payments_in(sale: Sale) -> list[Payment]:
    """Return the payments that came with a sale."""
    return rows(related(sale.SalePayments).sale_payment, PAYMENT, PAYMENTS)


def bill_of(sale: Sale, currency: str, digits: int) -> Bill:
    """
    Return what a sale makes.

    Payments of a sale that is not completed are not yet payments.

    Raises:
        UnreadableError: it has no id or no time, or a value is not what it should be.
        UnbalancedError: its numbers contradict each other.
    """
    sale_id = identity(sale.saleID)
    if sale_id is None:
        raise UnreadableError("a sale without saleID")
    sums, given, payments = sums_of(sale, digits), lines_in(sale), payments_in(sale)
    wire_lines = sold(given, sums, digits)
    lines = lines_of(wire_lines, sums, digits)
    status = _status(sale)
    paid = status is not Status.OPEN
    tenders = tenders_of(sale, payments, sums.total, digits) if paid else ()
    occurred_at, closed_at = _times(sale, given, payments)
    return Bill(
        sale_id=sale_id,
        ids=_ids(sale_id, sale, given),
        kind=_kind(lines, sums.total),
        status=status,
        currency=currency,
        occurred_at=occurred_at,
        closed_at=closed_at if paid else None,
        lines=lines,
        discounts=_discounts(wire_lines, lines),
        taxes=_taxes(sale, sums),
        service_charges=_fees(sums),
        tips=tuple([Tip(source="tender", amount=one.tip) for one in tenders if one.tip]),
        tenders=tenders,
        totals=_totals(sums, tenders),
        register=identity(sale.registerID),
        cashier=identity(sale.employeeID),
        receipt_number=text(sale.ticketNumber) or None,
        customer=identity(sale.customerID),
    )


def _status(sale: Sale) -> Status:
    if flag(sale.voided) or flag(sale.archived):
        return Status.CANCELLED
    return Status.COMPLETED if flag(sale.completed) else Status.OPEN


def _times(
    sale: Sale, lines: Sequence[SaleLine], payments: Sequence[Payment]
) -> tuple[datetime, datetime]:
    """
    Return when it began and when it was completed.

    Answers of before 2016 lack both; then its lines say when it began and its payments when it
    ended, because `timeStamp` moves with every later change.
    """
    changed = instant(sale.timeStamp)
    began = [at for line in lines if (at := instant(line.createTime)) is not None]
    ended = [at for one in payments if (at := instant(one.createTime)) is not None]
    occurred_at = instant(sale.createTime) or min(began, default=changed)
    closed_at = instant(sale.completeTime) or max(ended, default=changed)
    if occurred_at is None or closed_at is None:
        raise UnreadableError("a sale without a time")
    return min(occurred_at, closed_at), closed_at


def _kind(lines: Sequence[Line], total: int) -> Kind:
    back = any(line.quantity < 0 for line in lines)
    out = any(line.quantity > 0 for line in lines)
    if back and out:
        return Kind.EXCHANGE
    return Kind.REFUND if back or (not out and total < 0) else Kind.SALE


def _discounts(wire: Sequence[SaleLine], lines: Sequence[Line]) -> tuple[Discount, ...]:
    found: dict[str, int] = {}
    for given, line in zip(wire, lines, strict=True):
        if line.discount:
            named = text(given.Discount.name) if given.Discount is not None else ""
            found[named or "Discount"] = found.get(named or "Discount", 0) + line.discount
    return tuple([Discount(name=name, amount=amount) for name, amount in found.items()])


def _taxes(sale: Sale, sums: Sums) -> tuple[Tax, ...]:
    names = sale.TaxCategory
    told = (
        (sums.taxes[0], sale.tax1Rate, names.tax1_name if names else None, "Tax 1"),
        (sums.taxes[1], sale.tax2Rate, names.tax2_name if names else None, "Tax 2"),
    )
    return tuple(
        [
            Tax(
                name=text(name) or otherwise,
                amount=amount,
                included=sums.inclusive,
                rate_percent=_percent(rate),
            )
            for amount, rate, name, otherwise in told
            if amount
        ]
    )


def _percent(rate: object) -> str | None:
    """Return a rate as percent; 0 is written where lines have rates of their own."""
    share = number(rate, "tax rate")
    return f"{(share * 100).normalize():f}" if share else None


def _fees(sums: Sums) -> tuple[ServiceCharge, ...]:
    return (ServiceCharge(name="Item fees", amount=sums.fees),) if sums.fees else ()


def _totals(sums: Sums, tenders: Sequence[Tender]) -> Totals:
    included = sums.tax if sums.inclusive else 0
    tip = sum([one.tip for one in tenders])
    total = sums.total + tip
    return Totals(
        gross=sums.gross,
        discount=sums.discount,
        tax=sums.tax,
        tax_included=included,
        net=sums.gross - sums.discount - included,
        service_charge=sums.fees,
        tip=tip,
        total=total,
        rounding=sums.rounding,
        unpaid=total - sum([one.amount for one in tenders]),
    )


def _ids(sale_id: str, sale: Sale, lines: Sequence[SaleLine]) -> dict[str, str]:
    """Return Lightspeed's ids; a refund knows the lines it takes back, not their sale."""
    ids = {"sale": sale_id}
    parents = sorted({one for line in lines if (one := identity(line.parentSaleLineID))})
    if parents:
        ids["refunded_lines"] = ",".join(parents)
    if reference := text(sale.referenceNumber):
        ids["reference"] = reference
    return ids
