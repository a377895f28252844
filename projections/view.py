"""What a projection is: a table of rows, and the fold that keeps it right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from projections.books import Book, Changed, State
from projections.facts import Facts, Product
from projections.keys import DAY_CHARACTERS, HOUR_CHARACTERS, product_row
from projections.names import call, is_nameless
from projections.stock import Hour
from schemas.catalogue import PosProduct, ProductMapping
from schemas.rows import InventoryRow, ProductRow, Row, SalesDayRow, SalesRow, UnmappedRow


class Day(msgspec.Struct):
    """The row of the index "days of a product"; it says only that there is one."""


class Books:
    """
    All tables that the projections of one chunk read and change.

    `renamed` are the products that the chunk's catalogue calls otherwise than the one before.
    """

    def __init__(self, state: State) -> None:
        self.sales: Book[SalesRow] = Book(state, "sales", SalesRow)
        self.sales_days: Book[SalesDayRow] = Book(state, "sales_days", SalesDayRow)
        self.inventory: Book[InventoryRow] = Book(state, "inventory", InventoryRow)
        self.unmapped: Book[UnmappedRow] = Book(state, "unmapped", UnmappedRow)
        self.product_days: Book[Day] = Book(state, "product_days", Day, DAY_CHARACTERS)
        self.hours: Book[Hour] = Book(state, "stock_state", Hour, HOUR_CHARACTERS)
        self._mappings: Book[ProductMapping] = Book(state, "mappings", ProductMapping)
        self._catalogue: Book[PosProduct] = Book(state, "catalog", PosProduct)
        self.renamed: set[Product] = set()

    def learn(self, facts: Facts) -> None:
        """Take over the mappings and products that the chunk itself brings."""
        for product, mapping in facts.mappings.items():
            self._mappings.rows[product_row(*product)] = mapping
        before = self.catalogue(list(facts.catalogue))
        for product, known in facts.catalogue.items():
            self._catalogue.rows[product_row(*product)] = known
            if _naming(before[product]) != _naming(known):
                self.renamed.add(product)

    def mappings(self, products: list[Product]) -> dict[Product, ProductMapping | None]:
        """Return the mapping of each product, with one look-up."""
        keys = [product_row(*product) for product in products]
        self._mappings.load(keys)
        return {
            product: self._mappings.rows[key]
            for product, key in zip(products, keys, strict=True)
        }

    def catalogue(self, products: list[Product]) -> dict[Product, PosProduct | None]:
        """Return what the POS's catalogue says of each product, with one look-up."""
        keys = [product_row(*product) for product in products]
        self._catalogue.load(keys)
        return {
            product: self._catalogue.rows[key]
            for product, key in zip(products, keys, strict=True)
        }

    def call_nameless(self, rows: Iterable[ProductRow | None]) -> None:
        """Call rows of which no bill says a name as the catalogue does, with one look-up."""
        nameless = [row for row in rows if row is not None and is_nameless(row)]
        products = [(row.account_id, row.pos_product_id) for row in nameless]
        known = self.catalogue(list(dict.fromkeys(products)))
        for product, row in zip(products, nameless, strict=True):
            call(row, known[product])

    def days(self, account: str, product: str) -> list[bytes]:
        """Return the keys of all sales rows of a product, oldest first, and load them."""
        prefix = f"{account}/{product}/".encode()
        found = self.product_days.load_prefix(prefix)
        head, tail = f"{account}/".encode(), f"/{product}".encode()
        keys = [head + key[-DAY_CHARACTERS:] + tail for key in found]
        self.sales.load(keys)
        return keys

    def written(self) -> Iterator[tuple[str, Changed]]:
        """Yield table and change of every row of ours that differs from before."""
        for book in (
            self.sales,
            self.sales_days,
            self.inventory,
            self.unmapped,
            self.product_days,
            self.hours,
        ):
            for changed in book.changes():
                yield book.table, changed


class View(msgspec.Struct, frozen=True, kw_only=True):
    """
    One projection.

    Args:
        table: its rows in the state, `project.<table>` for readers.
        topic: where its rows are published.
        fold: brings the books up to date with the facts of a chunk.
        working: tables that only the fold reads, with the topic they are rebuilt from.
    """

    table: str
    topic: str
    row: type[Row]
    fold: Callable[[Facts, Books], None]
    working: tuple[tuple[str, str], ...] = ()


def product_mapped(mapping: ProductMapping | None) -> str | None:
    """Return the tenant's product that a mapping stands for, None while it is open."""
    return None if mapping is None else mapping.product_id


def _naming(known: PosProduct | None) -> tuple[str | None, ...]:
    return () if known is None else (known.name, known.sku, known.category)
