"""
Refunds, which Toast writes into the check they give money back of.

Source: doc.toasttab.com/openapi/orders (Refund, RefundDetails, RefundTransaction)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from connectors.toast.amounts import business_date, instant, minor
from connectors.toast.charges import kind_of
from connectors.toast.checks import Bill
from connectors.toast.tenders import method_of, paying
from connectors.toast.wire import Charge, Check, Payment, Refund, RefundDetails, Selection
from connectors.troubles import UnbalancedError, UnreadableError
from schemas.businessday import BusinessCalendar
from schemas.money import allocate, exponent
from schemas.quantity import plain
from schemas.transaction import (
    Discount,
    Kind,
    Line,
    LineKind,
    ServiceCharge,
    Status,
    Tax,
    Tender,
    Tip,
    Totals,
    Transaction,
)


class Back(NamedTuple):
    """What came back, all amounts negative."""

    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[Tax, ...]
    fees: tuple[ServiceCharge, ...]
    gratuity: int
    rounding: int


def refunds_of(
    check: Check, bill: Bill, sale: Transaction, calendar: BusinessCalendar
) -> Iterator[Transaction]:
    """
    Yield one transaction for each refund of a check.

    Payments refunded together share a refund transaction; without one, the business day is
    what they share.

    Raises:
        UnreadableError: a refund has no time, or a refunded payment does not tell of it.
        UnbalancedError: more came back for items than for payments.
    """
    digits = exponent(sale.currency)
    groups: dict[str, list[tuple[Payment, Refund]]] = {}
    for payment in paying(check):
        refund = _refund_of(payment)
        if refund is not None:
            groups.setdefault(_group(refund), []).append((payment, refund))
    told = _told(check, digits, groups)
    for name in sorted(groups):
        amount = sum(minor(refund.refund_amount, digits) for _, refund in groups[name])
        back = _back(bill, sale, told.get(name, []), amount, alone=len(groups) == 1)
        yield _transaction(sale, name, groups[name], back, calendar)


def _refund_of(payment: Payment) -> Refund | None:
    refund = payment.refund
    if refund is None:
        if payment.refund_status in {"PARTIAL", "FULL"}:
            raise UnreadableError("a refunded payment that does not say how much came back")
        return None
    if not refund.refund_amount and not refund.tip_refund_amount:
        return None
    return refund


def _group(refund: Refund) -> str:
    if refund.refund_transaction is not None and refund.refund_transaction.guid:
        return refund.refund_transaction.guid
    return f"day:{refund.refund_business_date or ''}"


class Told(NamedTuple):
    """What an item or charge says came back: `amount` without `tax`, both positive."""

    of: Selection | Charge
    amount: int
    tax: int


def _told(check: Check, digits: int, groups: Mapping[str, object]) -> dict[str, list[Told]]:
    """
    Return what items and charges say of each refund.

    Raises:
        UnbalancedError: an item came back for which no payment did.
    """
    found: dict[str, list[Told]] = {}
    refundable: list[Selection | Charge] = [*(check.selections or ())]
    refundable += check.applied_service_charges or ()
    for one in refundable:
        for details in _details(one):
            told = Told(
                one,
                minor(details.refund_amount, digits),
                minor(details.tax_refund_amount, digits),
            )
            if not told.amount and not told.tax:
                continue
            found.setdefault(_belongs(details, told, groups), []).append(told)
    return found


def _belongs(details: RefundDetails, told: Told, groups: Mapping[str, object]) -> str:
    """Return the refund that an item came back in: the one it names, else the only one."""
    transaction = details.refund_transaction
    if transaction is not None and transaction.guid and transaction.guid in groups:
        return transaction.guid
    if len(groups) != 1:
        raise UnbalancedError("refunds of payments", 0, told.amount + told.tax)
    return next(iter(groups))


def _details(one: Selection | Charge) -> Iterator[RefundDetails]:
    """Yield what came back of an item; of its modifiers only where it is silent itself."""
    if one.refund_details is not None:
        yield one.refund_details
    elif isinstance(one, Selection):
        for modifier in one.modifiers or ():
            yield from _details(modifier)


def _back(
    bill: Bill, sale: Transaction, told: Sequence[Told], amount: int, *, alone: bool
) -> Back:
    """
    Return what came back; `amount` is what payments gave back, without tips.

    A whole check that came back is the check with its signs turned. Money for which nothing is
    named, and that is not all of it, is a custom amount.

    Raises:
        UnbalancedError: items came back for more than the payments gave.
    """
    # Where the total leaves the gratuity out, it was paid, and comes back, as a tip.
    apart = bill.gratuity if bill.gratuity_apart else 0
    if not told and alone and amount == bill.due - apart:
        return _turned(bill, bill.gratuity - apart)
    lines = {line.line_id: line for line in bill.lines}
    back = [_line_back(one, lines) for one in told if isinstance(one.of, Selection)]
    charges = [one for one in told if isinstance(one.of, Charge)]
    left = amount - sum(one.amount + one.tax for one in told)
    if left < 0:
        raise UnbalancedError("refunded items", amount - left, amount)
    if left:
        back.append(_unnamed(left))
    fees, gratuity, rounding = _charges_back(charges)
    taxed = -sum(line.tax for line in back) - sum(fee.tax for fee in fees)
    return Back(tuple(back), (), _taxes_back(sale, back, taxed), fees, gratuity, rounding)


def _turned(bill: Bill, gratuity: int) -> Back:
    return Back(
        lines=tuple(_negative(line) for line in bill.lines),
        discounts=tuple(Discount(name=one.name, amount=-one.amount) for one in bill.discounts),
        taxes=tuple(replace(one, amount=-one.amount) for one in bill.taxes),
        fees=tuple(replace(one, amount=-one.amount, tax=-one.tax) for one in bill.fees),
        gratuity=-gratuity,
        rounding=-bill.rounding,
    )


def _negative(line: Line) -> Line:
    return replace(
        line,
        quantity=-line.quantity,
        gross=-line.gross,
        discount=-line.discount,
        tax=-line.tax,
        tax_included=-line.tax_included,
        net=-line.net,
    )


def _line_back(told: Told, lines: Mapping[str, Line]) -> Line:
    """
    Return the line of an item that came back.

    Of a part of its price, as many pieces as that pays for; where it is not for whole pieces,
    money came back and the goods did not.
    """
    selection = told.of
    line = lines.get(selection.guid) if isinstance(selection, Selection) else None
    if line is None:
        raise UnbalancedError("refund of a line that was not sold", 0, told.amount + told.tax)
    included = told.tax if line.tax_included else 0
    pieces = Decimal(0)
    if line.net:
        share = line.quantity * told.amount
        if share % line.net == 0 or told.amount == line.net:
            pieces = plain(share / line.net)
    return replace(
        line,
        quantity=-pieces,
        gross=-(told.amount + included),
        discount=0,
        tax=-told.tax,
        tax_included=-included,
        net=-told.amount,
    )


def _unnamed(amount: int) -> Line:
    return Line(
        line_id="refund",
        kind=LineKind.CUSTOM_AMOUNT,
        pos_product_id=None,
        name="Refund",
        quantity=Decimal(-1),
        unit_price=amount,
        gross=-amount,
        discount=0,
        tax=0,
        tax_included=0,
        net=-amount,
    )


def _charges_back(told: Sequence[Told]) -> tuple[tuple[ServiceCharge, ...], int, int]:
    """Return service charges, gratuity and rounding that came back."""
    fees: list[ServiceCharge] = []
    sums = {"tip": 0, "rounding": 0, "fee": 0}
    for one in told:
        if not isinstance(one.of, Charge):
            continue
        kind = kind_of(one.of)
        sums[kind] -= one.amount
        if kind == "fee" or one.tax:
            amount = -one.amount if kind == "fee" else 0
            name = one.of.name or "Service charge"
            fees.append(ServiceCharge(name=name, amount=amount, tax=-one.tax))
    return tuple(fees), sums["tip"], sums["rounding"]


def _taxes_back(sale: Transaction, lines: Sequence[Line], amount: int) -> tuple[Tax, ...]:
    """Split the tax that came back over the taxes of the sale, in proportion to them."""
    if not amount:
        return ()
    included = any(line.tax_included for line in lines)
    taxes = [one for one in sale.taxes if one.included == included] or list(sale.taxes)
    if not taxes:
        return (Tax(name="Tax", amount=-amount, included=included),)
    shares = allocate(amount, [max(one.amount, 0) for one in taxes])
    return tuple(
        replace(one, amount=-share) for one, share in zip(taxes, shares, strict=True) if share
    )


def _transaction(
    sale: Transaction,
    name: str,
    group: Sequence[tuple[Payment, Refund]],
    back: Back,
    calendar: BusinessCalendar,
) -> Transaction:
    digits = exponent(sale.currency)
    tenders = tuple(_tender(payment, refund, digits) for payment, refund in group)
    tips = tuple(Tip(source="tender", amount=one.tip) for one in tenders if one.tip)
    if back.gratuity:
        tips = (*tips, Tip(source="gratuity", amount=back.gratuity))
    day = _day(group)
    at = _time(group) or (None if day is None else calendar.begins(day))
    if at is None:
        raise UnreadableError("a refund without a time")
    refs = {} if name.startswith("day:") else {"refund": name}
    return replace(
        sale,
        transaction_id=f"{sale.transaction_id}/refund:{name}",
        provider_ids={
            **sale.provider_ids,
            "payment": ",".join(sorted(payment.guid for payment, _ in group)),
            **refs,
        },
        kind=Kind.REFUND,
        status=Status.COMPLETED,
        occurred_at=at,
        closed_at=at,
        business_day=day or calendar.day_of(at),
        local_hour=calendar.local(at).hour,
        lines=back.lines,
        discounts=back.discounts,
        taxes=back.taxes,
        service_charges=back.fees,
        tips=tips,
        tenders=tenders,
        totals=_totals(back, tips, sum(one.amount for one in tenders)),
    )


def _time(group: Sequence[tuple[Payment, Refund]]) -> datetime | None:
    times = (instant(refund.refund_date) for _, refund in group)
    return min((time for time in times if time is not None), default=None)


def _day(group: Sequence[tuple[Payment, Refund]]) -> date | None:
    days = (business_date(refund.refund_business_date) for _, refund in group)
    return next((day for day in days if day is not None), None)


def _totals(back: Back, tips: Sequence[Tip], paid: int) -> Totals:
    gross = sum(line.gross for line in back.lines)
    discount = sum(line.discount for line in back.lines)
    included = sum(line.tax_included for line in back.lines)
    tax = sum(one.amount for one in back.taxes)
    charged = sum(one.amount for one in back.fees)
    tip = sum(one.amount for one in tips)
    total = gross - discount + tax - included + charged + tip + back.rounding
    return Totals(
        gross=gross,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=gross - discount - included,
        service_charge=charged,
        tip=tip,
        total=total,
        rounding=back.rounding,
        unpaid=total - paid,
    )


def _tender(payment: Payment, refund: Refund, digits: int) -> Tender:
    amount = minor(refund.refund_amount, digits)
    tip = minor(refund.tip_refund_amount, digits)
    return Tender(
        tender_id=payment.guid,
        method=method_of(payment),
        amount=-(amount + tip),
        tip=-tip,
        brand=payment.card_type or None,
        last_four=payment.last4_digits or None,
    )
