"""What is left of every product: the last count by its own time, and movements after it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from projections.facts import Facts, Product, StockDelta, microseconds
from projections.keys import HOUR_CHARACTERS, hour_of_product, product_row
from projections.names import vote
from projections.stock import HOUR_US, Hour, sums
from projections.view import Books, View, product_mapped
from schemas import topics
from schemas.catalogue import CountKind, StockCount
from schemas.quantity import plain
from schemas.rows import InventoryRow


def fold(facts: Facts, books: Books) -> None:
    """
    Bring the rows of all products up to date that moved, were counted, named or mapped.

    A movement at exactly the time of a count is before it. Of two counts of one time the
    greater counts: providers repeat a statement, they do not contradict it.
    """
    book = books.inventory
    products = dict.fromkeys((*facts.stock, *facts.mappings, *facts.catalogue))
    book.load(product_row(*product) for product in products)
    fresh = [one for one in facts.stock if book.rows[product_row(*one)] is None]
    mapped = books.mappings(fresh)
    for product in fresh:
        book.rows[product_row(*product)] = InventoryRow(
            tenant_id=facts.stock[product].tenant_id,
            account_id=product[0],
            pos_product_id=product[1],
            product_id=product_mapped(mapped[product]),
            name=product[1],
        )
    books.hours.load(_hours_touched(books, facts.stock))
    for product, delta in facts.stock.items():
        row = book.rows[product_row(*product)]
        if row is not None:
            _move(books, row, delta)
    for product, mapping in facts.mappings.items():
        row = book.rows[product_row(*product)]
        if row is not None:
            row.product_id = product_mapped(mapping)
    _finish(books, products)


def _hours_touched(books: Books, stock: dict[Product, StockDelta]) -> Iterable[bytes]:
    for product, delta in stock.items():
        row = books.inventory.rows[product_row(*product)]
        after = -1 if row is None or row.counted_at is None else microseconds(row.counted_at)
        for at_us in (*delta.sold, *_stated(delta)):
            if at_us > after:
                yield hour_of_product(*product, at_us // HOUR_US)


def _stated(delta: StockDelta) -> Iterable[int]:
    for count in delta.counts:
        if count.kind is CountKind.MOVEMENT:
            yield microseconds(count.counted_at)


def _move(books: Books, row: InventoryRow, delta: StockDelta) -> None:
    vote(row, delta.names)
    after = -1 if row.counted_at is None else microseconds(row.counted_at)
    sold = moved = Decimal(0)
    touched = set()
    for at_us, quantity in delta.sold.items():
        if at_us > after and quantity:
            hour, at = _hour(books, row, at_us)
            hour.sell(at_us, quantity)
            sold += quantity
            touched.add(at)
    for count in delta.counts:
        at_us = microseconds(count.counted_at)
        if count.kind is CountKind.MOVEMENT and at_us > after:
            hour, at = _hour(books, row, at_us)
            quantity = plain(Decimal(count.quantity))
            if hour.move(count.count_id, at_us, quantity):
                moved += quantity
                touched.add(at)
    row.sold_since = plain(row.sold_since + sold)
    row.moved_since = plain(row.moved_since + moved)
    for at in touched:
        kept = books.hours.rows[at]
        books.hours.rows[at] = None if kept is None else kept.tidied()
    _count(books, row, delta.counts)


def _hour(books: Books, row: InventoryRow, at_us: int) -> tuple[Hour, bytes]:
    at = hour_of_product(row.account_id, row.pos_product_id, at_us // HOUR_US)
    hour = books.hours.rows[at]
    if hour is None:
        hour = books.hours.rows[at] = Hour()
    return hour, at


def _count(books: Books, row: InventoryRow, counts: Iterable[StockCount]) -> None:
    """Take in the newest count, if it is newer than the known one."""
    newest = max(
        (
            (count.counted_at, plain(Decimal(count.quantity)))
            for count in counts
            if count.kind is CountKind.COUNT
        ),
        default=None,
    )
    if newest is None:
        return
    if row.counted_at is not None and row.counted is not None:
        if newest <= (row.counted_at, row.counted):
            return
        if newest[0] == row.counted_at:
            row.counted = newest[1]
            return
    row.counted_at, row.counted = newest
    at_us = microseconds(newest[0])
    prefix = f"{row.account_id}/{row.pos_product_id}/".encode()
    hours = books.hours
    for at in hours.load_prefix(prefix):
        hour = hours.rows[at]
        if hour is not None and int(at[-HOUR_CHARACTERS:]) <= at_us // HOUR_US:
            hour.keep_after(at_us)
            hours.rows[at] = hour.tidied()
    kept = (hours.rows[at] for at in hours.load_prefix(prefix))
    sold, moved = sums(hour for hour in kept if hour is not None)
    row.sold_since, row.moved_since = plain(sold), plain(moved)


def _finish(books: Books, products: Iterable[Product]) -> None:
    rows = books.inventory.rows
    keys = [product_row(*product) for product in products]
    for at in keys:
        row = rows[at]
        if row is None:
            continue
        if row.counted is not None:
            row.on_hand = plain(row.counted - row.sold_since + row.moved_since)
        elif not (row.transactions or row.sold_since or row.moved_since):
            rows[at] = None
    books.call_nameless(rows[at] for at in keys)


VIEW = View(
    table="inventory",
    topic=topics.INVENTORY,
    row=InventoryRow,
    fold=fold,
    working=(("stock_state", topics.STOCK_STATE),),
)
