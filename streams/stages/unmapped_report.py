"""Tell a tenant's lane, once, that products were sold which are mapped to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from projections.names import is_nameless
from projections.view import Books
from schemas.account import Account
from schemas.events import MappingNeeded, UnmappedSample
from schemas.identity import derived_id
from schemas.money import Money
from schemas.rows import UnmappedRow
from streams.cloudevents import cloud_event
from streams.log import Headers, Record, StateView

SAMPLES = 10
REPORTED_AT_ONCE = 200
"""Products an event: bounds the work of the matcher's chunks."""


class _Glance(msgspec.Struct):
    """As much of an unmapped row as a report needs; the rest is not decoded."""

    pos_product_id: str
    name: str
    sku: str | None
    category: str | None
    transactions: int
    net: int


_GLANCE = msgspec.msgpack.Decoder(_Glance)


def newly_unmapped(books: Books) -> list[UnmappedRow]:
    """
    Return the rows that this chunk made: their products are reported now and not again.

    What the catalogue names, or names anew, is news where bills say no name: it may match now.
    """
    return [
        row
        for key, row in sorted(books.unmapped.rows.items())
        if row is not None and (not books.unmapped.existed(key) or _called_anew(row, books))
    ]


def _called_anew(row: UnmappedRow, books: Books) -> bool:
    return (row.account_id, row.pos_product_id) in books.renamed and is_nameless(row)


def reports(
    fresh: Sequence[UnmappedRow],
    books: Books,
    state: StateView,
    accounts: Mapping[str, Account | None],
    last: Record,
) -> Iterator[MappingNeeded]:
    """
    Yield the events of one chunk, one an account and some hundred new products.

    Args:
        fresh: rows by account.
        last: the last record of the chunk; its time is the time of the event.
    """
    for account_id, group in groupby(fresh, key=lambda row: row.account_id):
        new = list(group)
        rows = _unmapped_now(account_id, books, state)
        for begin in range(0, len(new), REPORTED_AT_ONCE):
            part = new[begin : begin + REPORTED_AT_ONCE]
            yield _event(part, rows, accounts.get(account_id), last)


def headers_of(event: MappingNeeded) -> Headers:
    """Return the CloudEvents headers of an event."""
    source = f"/accounts/{event.pos_account_id}"
    return cloud_event(event.event_id, event.event_type, source, event.timestamp)


def _event(
    new: Sequence[UnmappedRow],
    rows: Sequence[_Glance | UnmappedRow],
    account: Account | None,
    last: Record,
) -> MappingNeeded:
    first = new[0]
    ranked = sorted(rows, key=lambda row: (-row.net, row.pos_product_id))
    cause = (last.topic, str(last.partition), str(last.offset), first.pos_product_id)
    return MappingNeeded(
        event_id=derived_id("mapping-needed", first.account_id, *cause),
        tenant_id=first.tenant_id,
        pos_account_id=first.account_id,
        pos_provider="" if account is None else account.provider,
        location_name="" if account is None else account.location_name,
        unmapped_products_count=len(rows),
        unmapped_revenue=Money(sum(row.net for row in rows), first.currency),
        sample_unmapped_products=tuple(_sample(row) for row in ranked[:SAMPLES]),
        new_products=tuple(_sample(row) for row in new),
        timestamp=datetime.fromtimestamp(last.timestamp / 1000, UTC),
    )


def _unmapped_now(
    account_id: str, books: Books, state: StateView
) -> list[_Glance | UnmappedRow]:
    """Return all unmapped products of an account, those of the chunk included."""
    prefix = f"{account_id}/".encode()
    changed = books.unmapped.rows
    before = state.scan(books.unmapped.table, prefix)
    rows: list[_Glance | UnmappedRow] = [
        _GLANCE.decode(data) for key, data in before.items() if key not in changed
    ]
    rows += [row for key, row in changed.items() if row is not None and key.startswith(prefix)]
    return rows


def _sample(row: _Glance | UnmappedRow) -> UnmappedSample:
    return UnmappedSample(
        pos_product_id=row.pos_product_id,
        name=row.name,
        sku=row.sku,
        category=row.category,
        transaction_count=row.transactions,
        revenue=row.net,
    )
