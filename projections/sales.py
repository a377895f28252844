"""Sales by account, day and POS product."""

from __future__ import annotations

from projections.facts import Facts, Product, SalesDelta
from projections.keys import day_of_product, sales_row
from projections.names import settle, vote
from projections.view import Books, Day, View, product_mapped
from schemas import topics
from schemas.quantity import plain
from schemas.rows import SalesRow


def fold(facts: Facts, books: Books) -> None:
    """
    Add the chunk to the rows it touches, then stamp the products that were mapped anew.

    A row keeps the mapping it was made with until a mapping changes; then the index of the
    product's days leads to every row of it, and only those that differ are written. So it is
    with the catalogue's name of a product that bills do not name.
    """
    keys = {key: sales_row(*key) for key in facts.sales}
    book = books.sales
    book.load(keys.values())
    fresh = [key for key, at in keys.items() if book.rows[at] is None]
    mapped = books.mappings(list({(account, product) for account, _, product in fresh}))
    books.product_days.load(day_of_product(a, product, day) for a, day, product in fresh)
    for key, delta in facts.sales.items():
        account, day, product = key
        at = keys[key]
        row = book.rows[at]
        if row is None:
            row = SalesRow(
                tenant_id=delta.tenant_id,
                account_id=account,
                business_day=day,
                pos_product_id=product,
                product_id=product_mapped(mapped[account, product]),
                name="",
                currency=delta.currency,
            )
            book.rows[at] = row
            books.product_days.rows[day_of_product(account, product, day)] = Day()
        _add(row, delta)
        if row.transactions == 0:
            book.rows[at] = None
            books.product_days.load([day_of_product(account, product, day)])
            books.product_days.rows[day_of_product(account, product, day)] = None
    for remapped, mapping in facts.mappings.items():
        _stamp(books, remapped, product_mapped(mapping))
    renamed = [at for product in sorted(books.renamed) for at in books.days(*product)]
    books.call_nameless(book.rows[at] for at in dict.fromkeys((*keys.values(), *renamed)))


def _add(row: SalesRow, delta: SalesDelta) -> None:
    if row.transactions:
        vote(row, delta.names)
    else:
        settle(row, delta.names)
    row.units = plain(row.units + delta.units)
    row.gross += delta.gross
    row.discount += delta.discount
    row.tax += delta.tax
    row.tax_included += delta.tax_included
    row.net += delta.net
    row.refunds += delta.refunds


def _stamp(books: Books, product: Product, product_id: str | None) -> None:
    for key in books.days(*product):
        row = books.sales.rows[key]
        if row is not None:
            row.product_id = product_id


VIEW = View(
    table="sales",
    topic=topics.SALES,
    row=SalesRow,
    fold=fold,
    working=(("product_days", topics.PRODUCT_DAYS),),
)
