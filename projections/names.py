"""
What a product is called, when bills do not agree.

A till may rename a product during a day. The name of a row must not depend on which bill
arrived first, and a bill that is taken back must take its say back. So every bill has one vote
for a name; votes add up and can be withdrawn exactly, which "the newest name" cannot.

Some providers' bills name no products at all. Their votes are kept as those for an empty name,
and the row is called what the POS's catalogue calls the product, whichever came first.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.catalogue import PosProduct
from schemas.rows import NameCount, ProductRow
from schemas.transaction import Line

Name = tuple[str, str | None, str | None, str]
"""Name, SKU, category, unit."""


def name_of(line: Line) -> Name:
    """Return what a line calls its product."""
    return (line.name, line.sku, line.category, line.unit)


def rank(name: Name) -> tuple[str, str, str, str]:
    """Order names; the smallest wins among those with equally many bills."""
    return (name[0], name[1] or "", name[2] or "", name[3])


def vote(row: ProductRow, votes: Mapping[Name, int]) -> None:
    """Add bills (negative: take them back) to the names of a row and to its `transactions`."""
    if len(votes) == 1 and row.transactions and not row.also_known:
        ((name, bills),) = votes.items()
        known = (row.name, row.sku, row.category, row.unit)
        if name == known and row.transactions + bills > 0:
            row.transactions += bills
            return
    counts = names_in(row)
    for name, bills in votes.items():
        counts[name] = counts.get(name, 0) + bills
    settle(row, counts)


def names_in(row: ProductRow) -> dict[Name, int]:
    """Return how many bills of a row use each name."""
    counts = {
        (other.name, other.sku, other.category, other.unit): other.transactions
        for other in row.also_known
    }
    main = row.transactions - sum(counts.values())
    if main:
        counts[row.name, row.sku, row.category, row.unit] = main
    return counts


def settle(row: ProductRow, counts: Mapping[Name, int]) -> None:
    """
    Write these names into a row; one without bills keeps the name it has.

    A bill that says no name is outvoted by any that does; a row of such bills alone is to be
    called by the catalogue (`call`).
    """
    ranked = sorted(
        (item for item in counts.items() if item[1]),
        key=lambda item: (not item[0][0], -item[1], rank(item[0])),
    )
    said = bool(ranked) and bool(ranked[0][0][0])
    row.transactions = sum(counts.values())
    row.also_known = [
        NameCount(name=name, sku=sku, category=category, unit=unit, transactions=bills)
        for (name, sku, category, unit), bills in sorted(
            ranked[1:] if said else ranked, key=lambda item: rank(item[0])
        )
    ]
    if said:
        row.name, row.sku, row.category, row.unit = ranked[0][0]


def is_nameless(row: ProductRow) -> bool:
    """Say whether no bill of the row says what the product is called."""
    return row.transactions == sum(other.transactions for other in row.also_known)


def call(row: ProductRow, known: PosProduct | None) -> None:
    """Call a nameless row what the catalogue calls its product, else by its id."""
    most = min(
        row.also_known,
        key=lambda one: (-one.transactions, one.sku or "", one.unit),
        default=None,
    )
    row.name = row.pos_product_id if known is None else known.name
    row.sku = (most and most.sku) or (known and known.sku) or None
    row.category = (most and most.category) or (known and known.category) or None
    row.unit = most.unit if most else "each"
