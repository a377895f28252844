"""
An order as the bill it makes, checked against its own totals.

Source: developer.squareup.com/reference/square/objects/Order,
.../docs/orders-api/order-returns-exchanges
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.square.clock import instant
from connectors.square.content import Bill, RefundNote, TenderNote, TipNote
from connectors.square.lines import minor
from connectors.square.sides import Side
from connectors.square.tenders import refund_note, tender_note
from connectors.square.wire import Money, MoneyAmounts, Order, OrderReturn, Rounding
from connectors.troubles import UnreadableError, must_equal
from schemas.transaction import Status

_STATUS = {
    "COMPLETED": Status.COMPLETED,
    "CANCELED": Status.CANCELLED,
    "OPEN": Status.OPEN,
    "DRAFT": Status.OPEN,
}


def bill_of(order: Order, currency: str) -> Bill:
    """
    Return what an order makes.

    Raises:
        BodyError: it has no id or time, or its numbers contradict each other.
    """
    if not order.id or order.created_at is None:
        raise UnreadableError("an order without id or time of creation")
    status, tenders = _STATUS.get(order.state or "", Status.OPEN), _tenders(order)
    sold, back = _checked(order, status, tenders)
    sells = sold.happened
    for side in back.sides:
        sold.take(side)
    return Bill(
        order_id=order.id,
        status=status,
        currency=currency,
        created_at=instant(order.created_at),
        closed_at=order.closed_at and instant(order.closed_at),
        customer=order.customer_id or None,
        sold=sells,
        returned=back.happened,
        source_orders=back.sources,
        lines=tuple(sold.lines),
        discounts=tuple(sold.discounts),
        taxes=tuple(sold.taxes),
        service_charges=tuple(sold.fees),
        gratuity=sold.gratuity,
        order_tip=minor(order.total_tip_money),
        returned_tips=back.tips,
        gross=sold.gross,
        discount=sold.discount,
        tax=sold.tax,
        tax_included=sold.tax_included,
        service_charge=sold.service_charge,
        rounding=_rounded(order.rounding_adjustment) + back.rounding,
        tenders=tenders,
        refunds=_refunds(order),
    )


def _checked(
    order: Order, status: Status, tenders: Sequence[TenderNote]
) -> tuple[Side, _Returned]:
    """Return what was sold and what came back, which together make what the order says."""
    sold = _sold(order)
    back = _Returned(order, len(sold.lines))
    beside = minor(order.total_tip_money) + _rounded(order.rounding_adjustment)
    _check("total_money", sold.total + beside, order.total_money)
    if status is Status.COMPLETED and not back.happened:
        _check_tips(tenders, order.total_tip_money)
    _check_net(order, sold, beside, back)
    return sold, back


def _sold(order: Order) -> Side:
    items, taxes = order.line_items or (), order.taxes or ()
    side = Side(1, items, taxes)
    if order.service_charges:
        side.charge(order.service_charges, items, order.total_tax_money)
    side.name_discounts(order.discounts or ())
    side.name_taxes(taxes)
    _check("total_discount_money", side.discount, order.total_discount_money)
    _check("total_tax_money", side.tax, order.total_tax_money)
    _check("total_service_charge_money", side.charged, order.total_service_charge_money)
    return side


class _Returned:
    """The sides of what comes back, one for each order that it comes back from."""

    __slots__ = ("happened", "rounding", "sides", "sources", "tips")

    def __init__(self, order: Order, numbered: int) -> None:
        self.sides: list[Side] = []
        self.tips: tuple[TipNote, ...] = ()
        self.sources: tuple[str, ...] = ()
        self.rounding = 0
        returns = order.returns or ()
        for back in returns:
            side = _side_back(back, numbered)
            numbered += len(side.lines)
            self.sides.append(side)
            rounding = -_rounded(back.rounding_adjustment)
            tips = _tips_back(back, order.return_amounts if len(returns) == 1 else None)
            self.rounding += rounding
            self.tips += tips
            if back.source_order_id:
                self.sources += (back.source_order_id,)
            if back.return_amounts is not None:
                _check_back(back.return_amounts, [side], tips, rounding)
        if returns and order.return_amounts is not None:
            _check_back(order.return_amounts, self.sides, self.tips, self.rounding)
        self.happened = bool(self.tips) or any(side.happened for side in self.sides)


def _side_back(back: OrderReturn, numbered: int) -> Side:
    items, taxes = back.return_line_items or (), back.return_taxes or ()
    side = Side(-1, items, taxes, numbered)
    if back.return_service_charges:
        amounts = back.return_amounts
        due = amounts.tax_money if amounts is not None else None
        side.charge(back.return_service_charges, items, due)
    side.name_discounts(back.return_discounts or ())
    side.name_taxes(taxes)
    return side


def _tips_back(back: OrderReturn, whole: MoneyAmounts | None) -> tuple[TipNote, ...]:
    if back.return_tips:
        return tuple(
            TipNote(tip.source_tender_id or "", -tip.applied_money.amount)
            for tip in back.return_tips
            if tip.applied_money is not None and tip.applied_money.amount
        )
    told = minor((back.return_amounts or whole or MoneyAmounts()).tip_money)
    return (TipNote("", -told),) if told else ()


def _check_back(
    due: MoneyAmounts, sides: Sequence[Side], tips: Sequence[TipNote], rounding: int
) -> None:
    tip = sum(note.amount for note in tips)
    total = sum(side.total for side in sides) + tip + rounding
    _check("return_amounts.total_money", -total, due.total_money)
    _check("return_amounts.tax_money", -sum(side.tax for side in sides), due.tax_money)
    _check("return_amounts.discount_money", -sum(s.discount for s in sides), due.discount_money)
    _check("return_amounts.tip_money", -tip, due.tip_money)
    charged = -sum(side.charged for side in sides)
    _check("return_amounts.service_charge_money", charged, due.service_charge_money)


def _check_tips(tenders: Sequence[TenderNote], due: Money | None) -> None:
    tip = sum([tender.tip for tender in tenders if tender.paid])
    if tip:
        _check("total_tip_money", tip, due)


def _check_net(order: Order, sold: Side, extra: int, back: _Returned) -> None:
    """
    Check what is left after what came back.

    Not for orders that only give back, where `return_amounts` has said it all, nor for sales
    with refunds beside them, which may or may not be taken off already.
    """
    if order.net_amounts is None or not sold.lines or (order.refunds and not back.happened):
        return
    tips = sum(note.amount for note in back.tips)
    total = sold.total + extra + sum(side.total for side in back.sides) + tips + back.rounding
    _check("net_amounts.total_money", total, order.net_amounts.total_money)


def _check(field: str, parts: int, whole: Money | None) -> None:
    if whole is not None:
        must_equal(field, parts, whole.amount)


def _tenders(order: Order) -> tuple[TenderNote, ...]:
    notes = [tender_note(one) for one in order.tenders or ()]
    return tuple([note for note in notes if note is not None])


def _refunds(order: Order) -> tuple[RefundNote, ...]:
    return tuple([refund_note(one) for one in order.refunds]) if order.refunds else ()


def _rounded(given: Rounding | None) -> int:
    return minor(given.amount_money) if given is not None else 0
