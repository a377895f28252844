"""Revenue of POS products that no product of the tenant stands for."""

from __future__ import annotations

from datetime import date

from projections.facts import Facts, Product, SalesDelta
from projections.keys import product_row, sales_row
from projections.names import names_in, vote
from projections.view import Books, View, product_mapped
from schemas import topics
from schemas.catalogue import ProductMapping
from schemas.quantity import plain
from schemas.rows import SalesRow, UnmappedRow

Days = list[tuple[date, SalesDelta]]


def fold(facts: Facts, books: Books) -> None:
    """
    Keep one row for every product that sold and is not mapped; call after the sales fold.

    A row is the sum of the product's sales rows. Sales add to it; mapping the product deletes
    it; unmapping it makes it anew from the sales rows, to the cent what it was.
    """
    touched: dict[Product, Days] = {product: [] for product in facts.mappings}
    for (account, day, name), delta in facts.sales.items():
        touched.setdefault((account, name), []).append((day, delta))
    book = books.unmapped
    book.load(product_row(*product) for product in touched)
    for product, days in touched.items():
        at = product_row(*product)
        if product in facts.mappings:
            row = _mapped_anew(books, product, days, facts.mappings[product])
        else:
            row = book.rows[at] or _first_seen(books, product, days)
            if row is not None:
                _add(books, row, days)
        book.rows[at] = row if row is not None and row.transactions else None
    named = [product_row(*product) for product in (*touched, *sorted(books.renamed))]
    book.load(named)
    books.call_nameless(book.rows[at] for at in named)


def _mapped_anew(
    books: Books, product: Product, days: Days, mapping: ProductMapping | None
) -> UnmappedRow | None:
    if product_mapped(mapping) is not None:
        return None
    row = books.unmapped.rows[product_row(*product)]
    if row is None:
        row = _anew(books, product)
    else:
        _add(books, row, days)
    if row is not None:
        _suggest(row, mapping)
    return row


def _first_seen(books: Books, product: Product, days: Days) -> UnmappedRow | None:
    for day, _ in days:
        sales = books.sales.rows[sales_row(product[0], day, product[1])]
        if sales is not None:
            if sales.product_id is not None:
                return None
            row = _empty(sales)
            _suggest(row, books.mappings([product])[product])
            return row
    return None


def _anew(books: Books, product: Product) -> UnmappedRow | None:
    row: UnmappedRow | None = None
    for key in books.days(*product):
        sales = books.sales.rows[key]
        if sales is None:
            continue
        row = row or _empty(sales)
        vote(row, names_in(sales))
        row.net += sales.net
        row.units = plain(row.units + sales.units)
        row.first_day = row.first_day or sales.business_day
        row.last_day = sales.business_day
    return row


def _empty(sales: SalesRow) -> UnmappedRow:
    return UnmappedRow(
        tenant_id=sales.tenant_id,
        account_id=sales.account_id,
        pos_product_id=sales.pos_product_id,
        name=sales.name,
        currency=sales.currency,
    )


def _suggest(row: UnmappedRow, mapping: ProductMapping | None) -> None:
    row.suggested_product_id = None if mapping is None else mapping.suggested_product_id
    row.suggested_confidence = None if mapping is None else mapping.suggested_confidence


def _add(books: Books, row: UnmappedRow, days: Days) -> None:
    account, product = row.account_id, row.pos_product_id
    first_or_last_gone = False
    for day, delta in days:
        vote(row, delta.names)
        row.net += delta.net
        row.units = plain(row.units + delta.units)
        if books.sales.rows[sales_row(account, day, product)] is not None:
            row.first_day = min(row.first_day or day, day)
            row.last_day = max(row.last_day or day, day)
        elif day in {row.first_day, row.last_day}:
            first_or_last_gone = True
    if first_or_last_gone and row.transactions:
        left = [books.sales.rows[key] for key in books.days(account, product)]
        sold_on = [sales.business_day for sales in left if sales is not None]
        row.first_day, row.last_day = min(sold_on), max(sold_on)


VIEW = View(table="unmapped", topic=topics.UNMAPPED_REVENUE, row=UnmappedRow, fold=fold)
