"""All projections, one line each, in the order in which a chunk runs through them."""

from __future__ import annotations

from projections import inventory, sales, sales_days, unmapped
from projections.books import State
from projections.facts import Facts
from projections.view import Books, View

VIEWS: tuple[View, ...] = (
    sales.VIEW,
    unmapped.VIEW,  # reads the sales rows of the same chunk
    sales_days.VIEW,
    inventory.VIEW,
)


def fold_all(facts: Facts, state: State) -> Books:
    """Return the books after a chunk; what differs in them is what the chunk changed."""
    books = Books(state)
    books.learn(facts)
    for view in VIEWS:
        view.fold(facts, books)
    return books
