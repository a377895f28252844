"""
A sale of K-Series as a transaction.

What is kept of a sale is that transaction, without what belongs to the account; so two bodies
that tell the same are the same content.

Source: api-docs.lsk.lightspeed.app, Financial V2, schemas Sale and AccountLink
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.contract import Shop
from connectors.instants import instant
from connectors.lightspeed_k.lines import NOTHING, Goods, goods_of, untaxed
from connectors.lightspeed_k.paying import Paid, paid_with
from connectors.lightspeed_k.troubles import WrongCurrencyError
from connectors.lightspeed_k.wire import Payment, Sale
from connectors.troubles import UnbalancedError, UnreadableError
from schemas.money import exponent
from schemas.transaction import Kind, ServiceCharge, Status, Tip, Totals, Transaction

PROVIDER = "lightspeed-k"

SOLD = frozenset({"SALE", "REFUND"})
UNDONE = frozenset({"VOID", "CANCEL"})


def sale_key(account: str) -> str:
    """Return the key of a sale; its account id is unique within a business location."""
    return f"sale:{account}"


def draft_of(sale: Sale, shop: Shop) -> Transaction:
    """
    Return what a sale makes; `transaction_id` is the provider key until it is assembled.

    Raises:
        WrongCurrencyError: two currencies, not the shop's, or none.
        UnreadableError: a time, an amount or a quantity is not what it should be.
        UnbalancedError: the numbers contradict each other.
    """
    currency = _currency(sale, shop)
    goods, paid = _believed(sale, exponent(currency))
    opened, closed = _times(sale)
    decides = closed or opened
    tips = tuple(Tip(source="tender", amount=one.tip) for one in paid.tenders if one.tip)
    return Transaction(
        transaction_id=sale_key(sale.account_fisc_id),
        tenant_id="",
        account_id="",
        location_id="",
        provider=PROVIDER,
        provider_ids=_ids(sale),
        kind=_kind(sale, goods),
        status=_status(sale, closed),
        occurred_at=opened,
        closed_at=closed,
        business_day=shop.calendar.day_of(decides),
        local_hour=shop.calendar.local(decides).hour,
        currency=currency,
        lines=goods.lines,
        discounts=goods.discounts,
        taxes=goods.taxes,
        service_charges=_fees(goods, paid),
        tips=tips,
        tenders=paid.tenders,
        totals=_totals(goods, paid),
        register=_text(sale.device_id),
        cashier=_text(sale.owner_id),
        receipt_number=sale.receipt_id or None,
        customer=_customer(sale.payments or ()),
    )


def _currency(sale: Sale, shop: Shop) -> str:
    found = {one.currency for one in sale.sales_lines or ()}
    found |= {one.currency for one in sale.payments or ()}
    found.add(shop.currency)
    found.discard(None)
    if len(found) > 1:
        raise WrongCurrencyError("amounts in more than one currency, or not in the shop's")
    currency = next(iter(found), None)
    if not currency:
        raise WrongCurrencyError(
            "unreadable: no currency in the body; the account's currency is needed"
        )
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():  # noqa: PLR2004
        raise WrongCurrencyError("a currency that is not a code of ISO 4217")
    return currency


def _believed(sale: Sale, digits: int) -> tuple[Goods, Paid]:
    """Return the amounts; of a void, which never counts, they need not fit together."""
    try:
        return _amounts(sale, digits)
    except UnbalancedError:
        if sale.type not in UNDONE:
            raise
        return NOTHING, Paid((), 0, 0, 0)


def _amounts(sale: Sale, digits: int) -> tuple[Goods, Paid]:
    """Return the amounts; a refund's are negative here, whichever sign it is written with."""
    lines = sale.sales_lines or ()
    payments = sale.payments or ()
    turned = -1 if sale.type == "REFUND" and goods_of(lines, digits).due > 0 else 1
    received = sum(one.net_amount_with_tax for one in payments)
    back = -1 if sale.type == "REFUND" and received > 0 else 1
    found: tuple[Goods, Paid] | None = None
    refused: UnbalancedError | None = None
    # An untaxed charge may be on top of the totals: it is, where only that makes what was paid.
    for outside in (False, True) if untaxed(lines, digits) else (False,):
        goods = goods_of(lines, digits, sign=turned, outside=outside)
        dust = 0 if goods.whole else max(1, (len(goods.lines) + 1) // 2)
        try:
            paid = paid_with(payments, goods.due, dust, digits, sign=back)
        except UnbalancedError as error:
            refused = refused or error
            continue
        if _meets(goods, paid):
            return goods, paid
        found = found or (goods, paid)
    if found is None:
        raise refused or UnreadableError("a sale without amounts")
    return found


def _meets(goods: Goods, paid: Paid) -> bool:
    return sum(one.amount for one in paid.tenders) == (
        goods.due + paid.tip + paid.surcharge + paid.rounding
    )


def _times(sale: Sale) -> tuple[datetime, datetime | None]:
    closed = instant(sale.time_closed or sale.time_of_close_and_paid or sale.old_closed)
    opened = instant(sale.time_of_opening or sale.old_opening) or closed
    if opened is None:
        raise UnreadableError("a sale without a time")
    return opened, closed


def _status(sale: Sale, closed: datetime | None) -> Status:
    if sale.cancelled:
        return Status.CANCELLED
    return Status.COMPLETED if closed is not None else Status.OPEN


def _kind(sale: Sale, goods: Goods) -> Kind:
    if sale.type in UNDONE:
        return Kind.VOID
    signs = {line.net > 0 for line in goods.lines if line.net}
    if len(signs) > 1:
        return Kind.EXCHANGE
    return Kind.REFUND if sale.type == "REFUND" or signs == {False} else Kind.SALE


def _fees(goods: Goods, paid: Paid) -> tuple[ServiceCharge, ...]:
    if not paid.surcharge:
        return goods.fees
    return (*goods.fees, ServiceCharge(name="Card surcharge", amount=paid.surcharge))


def _totals(goods: Goods, paid: Paid) -> Totals:
    gross = sum(line.gross for line in goods.lines)
    discount = sum(line.discount for line in goods.lines)
    included = sum(line.tax_included for line in goods.lines)
    total = goods.due + paid.tip + paid.surcharge + paid.rounding
    return Totals(
        gross=gross,
        discount=discount,
        tax=sum(tax.amount for tax in goods.taxes),
        tax_included=included,
        net=gross - discount - included,
        service_charge=sum(fee.amount for fee in goods.fees) + paid.surcharge,
        tip=paid.tip,
        total=total,
        rounding=paid.rounding,
        unpaid=total - sum(one.amount for one in paid.tenders),
    )


def _ids(sale: Sale) -> dict[str, str]:
    ids = {"sale": sale.account_fisc_id}
    if sale.receipt_id:
        ids["receipt"] = sale.receipt_id
    paid = [one.fisc_id or one.uuid for one in sale.payments or ()]
    known = sorted(one for one in paid if one)
    if known:
        ids["payment"] = ",".join(known)
    earlier = earlier_account(sale)
    if earlier is not None:
        ids["source_sale"] = earlier
    return ids


def earlier_account(sale: Sale) -> str | None:
    """Return the account that this one goes back to; the first one may be itself."""
    if sale.source is None:
        return None
    earlier = sale.source.previous_account_id or sale.source.initial_account_id
    return earlier if earlier and earlier != sale.account_fisc_id else None


def _customer(payments: Sequence[Payment]) -> str | None:
    for one in payments:
        if one.consumer is not None:
            known = one.consumer.id or _text(one.consumer.customer_id)
            if known:
                return known
    return None


def _text(given: int | str | None) -> str | None:
    return f"{given}" if given not in {None, ""} else None
