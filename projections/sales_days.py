"""Totals of every account and day: amounts, hours, tenders, counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from projections.facts import Facts, moved_at
from projections.keys import day_row
from projections.view import Books, View
from schemas import topics
from schemas.rows import HourTotals, SalesDayRow
from schemas.transaction import Kind, LineKind, Transaction, counts


def fold(facts: Facts, books: Books) -> None:
    """Add the chunk to the rows of its days; a day without bills has no row."""
    signed = list(facts.signed())
    keys = {
        (tx.account_id, tx.business_day): day_row(tx.account_id, tx.business_day)
        for tx, _ in signed
    }
    book = books.sales_days
    book.load(keys.values())
    for tx, sign in signed:
        at = keys[tx.account_id, tx.business_day]
        row = book.rows[at]
        if row is None:
            row = book.rows[at] = _empty(tx)
        _add(row, tx, sign)
    for at in keys.values():
        row = book.rows[at]
        if row is not None:
            _tidy(row)
            if row.transactions == 0:
                book.rows[at] = None


def day_of(bills: Iterable[Transaction]) -> SalesDayRow | None:
    """Return the totals of those bills of one account and day that count; none of none."""
    row: SalesDayRow | None = None
    for tx in filter(counts, bills):
        row = row or _empty(tx)
        _add(row, tx, 1)
    if row is not None:
        _tidy(row)
    return row


def _empty(tx: Transaction) -> SalesDayRow:
    return SalesDayRow(
        tenant_id=tx.tenant_id,
        account_id=tx.account_id,
        business_day=tx.business_day,
        currency=tx.currency,
    )


def _add(row: SalesDayRow, tx: Transaction, sign: int) -> None:
    sums = tx.totals
    row.gross += sign * sums.gross
    row.discount += sign * sums.discount
    row.tax += sign * sums.tax
    row.tax_included += sign * sums.tax_included
    row.net += sign * sums.net
    row.service_charge += sign * sums.service_charge
    row.tip += sign * sums.tip
    row.rounding += sign * sums.rounding
    row.total += sign * sums.total
    row.unpaid += sign * sums.unpaid
    net = sums.net - _take_gift_cards_out(row, tx, sign)
    _count(row, tx, sign)
    clock = f"{hour_of(tx):02d}"
    hour = row.hours.get(clock)
    if hour is None:
        hour = row.hours[clock] = HourTotals()
    hour.net += sign * net
    hour.transactions += sign
    for tender in tx.tenders:
        method = tender.method.value
        row.tenders[method] = row.tenders.get(method, 0) + sign * tender.amount


def hour_of(tx: Transaction) -> int:
    """
    Return the hour of the shop's clock, 0..23.

    UTC's where the provider's connector does not say; never the zone of the account as it is
    today, because a bill must be taken back from the hour to which it was added.
    """
    if tx.local_hour is not None:
        return tx.local_hour
    return moved_at(tx).astimezone(UTC).hour


def _take_gift_cards_out(row: SalesDayRow, tx: Transaction, sign: int) -> int:
    """Move gift cards sold from the sales figures to their own; return their net."""
    net = 0
    for line in tx.lines:
        if line.kind is not LineKind.GIFT_CARD:
            continue
        net += line.net
        row.gross -= sign * line.gross
        row.discount -= sign * line.discount
        row.tax -= sign * line.tax
        row.tax_included -= sign * line.tax_included
        row.net -= sign * line.net
        row.gift_cards += sign * (line.net + line.tax)
    return net


def _count(row: SalesDayRow, tx: Transaction, sign: int) -> None:
    row.transactions += sign
    match tx.kind:
        case Kind.SALE:
            row.sales += sign
        case Kind.REFUND:
            row.refunds += sign
            row.refunded += sign * tx.totals.total
        case Kind.EXCHANGE:
            row.exchanges += sign
        case Kind.VOID:
            pass


def _tidy(row: SalesDayRow) -> None:
    """Sort hours and tenders and drop what is zero: the row must not show how it came about."""
    row.hours = {clock: hour for clock, hour in sorted(row.hours.items()) if hour.transactions}
    row.tenders = {method: sum_ for method, sum_ in sorted(row.tenders.items()) if sum_}


VIEW = View(table="sales_days", topic=topics.SALES_DAYS, row=SalesDayRow, fold=fold)
