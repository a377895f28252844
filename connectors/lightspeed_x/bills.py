"""
A sale of the X-Series as the bill it makes.

Source: x-series-api.lightspeedhq.com/docs/sales_101, .../docs/sales_returns (a return is a sale
of its own with negative lines), .../docs/sales_statuses, .../reference (PaymentType)
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.amounts import rounded
from connectors.lightspeed_x.lines import lines_of
from connectors.lightspeed_x.sums import Sums, sums_of
from connectors.lightspeed_x.told import Told, ToldPayment
from connectors.troubles import WrongCurrencyError
from connectors.whole import Bill
from schemas.transaction import (
    Discount,
    Kind,
    Line,
    Method,
    ServiceCharge,
    Status,
    Tax,
    Tender,
    Tip,
    Totals,
)

_BY_NUMBER = {
    "1": Method.CASH,
    "3": Method.CARD,
    "118": Method.GIFT_CARD,
}
_BY_NAME = {
    "cash": Method.CASH,
    "card": Method.CARD,
    "credit card": Method.CARD,
    "debit card": Method.CARD,
    "eftpos": Method.CARD,
    "gift card": Method.GIFT_CARD,
    "cheque": Method.BANK,
    "check": Method.BANK,
    "bank transfer": Method.BANK,
    "store credit": Method.HOUSE_ACCOUNT,
    "on account": Method.HOUSE_ACCOUNT,
}


def bill_of(sale: Told, currency: str, digits: int) -> Bill:
    """
    Return what a sale makes.

    Raises:
        UnbalancedError: its numbers contradict each other; names which, and by how much.
        WrongCurrencyError: a payment is in another currency.
    """
    sums = sums_of(sale, digits)
    lines = lines_of(sale, sums, digits)
    tenders = _tenders(sale.payments, currency, digits)
    discount = sum([line.discount for line in lines])
    begun = min(sale.created_at or sale.sold_at, sale.sold_at)
    return Bill(
        sale_id=sale.sale_id,
        ids=_ids(sale),
        kind=_kind(lines, sums.total),
        status=sale.status,
        currency=currency,
        occurred_at=begun,
        closed_at=None if sale.status is Status.OPEN else sale.sold_at,
        lines=lines,
        discounts=(Discount(name="Discount", amount=discount),) if discount else (),
        taxes=(Tax(name="Tax", amount=sums.tax, included=False),) if sums.tax else (),
        service_charges=tuple(
            [ServiceCharge(name=name, amount=fee, tax=tax) for name, fee, tax in sums.fees]
        ),
        tips=(Tip(source="adjustment", amount=sums.tip),) if sums.tip else (),
        tenders=tenders,
        totals=_totals(lines, sums, tenders),
        register=sale.register,
        cashier=sale.cashier,
        receipt_number=sale.number,
        customer=sale.customer,
    )


def _tenders(payments: Sequence[ToldPayment], currency: str, digits: int) -> tuple[Tender, ...]:
    for one in payments:
        if one.currency and one.currency != currency:
            raise WrongCurrencyError(one.currency, currency)
    return tuple(
        [
            Tender(tender_id=one.payment_id, method=_method(one), amount=amount)
            for one in payments
            if (amount := rounded(one.amount.scaleb(digits)))
        ]
    )


def _method(payment: ToldPayment) -> Method:
    """Return how it was paid: by Lightspeed's own number of the kind, else by its name."""
    known = _BY_NUMBER.get(payment.type_id)
    return known or _BY_NAME.get(payment.type_name.lower(), Method.OTHER)


def _kind(lines: Sequence[Line], total: int) -> Kind:
    back = any(line.quantity < 0 for line in lines)
    out = any(line.quantity > 0 for line in lines)
    if back and out:
        return Kind.EXCHANGE
    return Kind.REFUND if back or (not out and total < 0) else Kind.SALE


def _totals(lines: Sequence[Line], sums: Sums, tenders: Sequence[Tender]) -> Totals:
    gross, discount = (
        sum([line.gross for line in lines]),
        sum([line.discount for line in lines]),
    )
    return Totals(
        gross=gross,
        discount=discount,
        tax=sums.tax,
        tax_included=0,
        net=gross - discount,
        service_charge=sums.fee,
        tip=sums.tip,
        total=sums.total,
        rounding=sums.rounding,
        unpaid=sums.total - sum([one.amount for one in tenders]),
    )


def _ids(sale: Told) -> dict[str, str]:
    ids = {"sale": sale.sale_id}
    if sale.return_for:
        ids["return_for"] = sale.return_for
    return ids
