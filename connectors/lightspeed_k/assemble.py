"""
Transactions out of parts: a sale, and the records that take it back.

Source: api-docs.lsk.lightspeed.app, Financial V2 (Sale.type, Sale.cancelled, AccountLink)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from connectors.contract import Shop
from connectors.instants import microseconds
from connectors.lightspeed_k.sales import (
    UNDONE,
    draft_of,
    earlier_account,
    sale_key,
)
from connectors.lightspeed_k.wire import Sale
from connectors.whole import owned
from schemas.part import Part
from schemas.transaction import Status, Transaction

SALE_PART = "sale"
_UNDONE_PART = "undone:"


class Undone(Struct, frozen=True, array_like=True):
    """
    That another record takes this sale back.

    Args:
        total: of that record; a void takes a sale back as a whole only if it is all of it.
        whole: a cancellation, which always is of the whole sale.
    """

    total: int
    whole: bool


_pack = Encoder()
_draft = Decoder(Transaction)
_undone = Decoder(Undone)


def parts_of(sale: Sale, shop: Shop) -> Iterator[Part]:
    """
    Yield what a sale says of itself, and of the one that it takes back.

    A sale has no time of change, only that of its end. So of two bodies of the same sale, the
    one that is cancelled is newer, and then the one that tells its payments.

    Raises:
        BodyError: it cannot be believed.
    """
    draft = draft_of(sale, shop)
    at = microseconds(draft.closed_at or draft.occurred_at)
    rank = 2 * bool(sale.cancelled) + bool(sale.payments)
    yield Part(draft.transaction_id, SALE_PART, at, at + rank, _pack.encode(draft))
    earlier = earlier_account(sale)
    if sale.type in UNDONE and earlier is not None:
        note = Undone(draft.totals.total, sale.type == "CANCEL")
        name = f"{_UNDONE_PART}{sale.account_fisc_id}"
        yield Part(sale_key(earlier), name, at, at + rank, _pack.encode(note))


def assemble(parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """Return the sale; none while only what takes it back is known."""
    part = parts.get(SALE_PART)
    if part is None:
        return ()
    draft = _draft.decode(part.content)
    refs = tuple(sorted(f"{one.part_id}@{one.version}" for one in parts.values()))
    undone = (_undone.decode(one.content) for name, one in parts.items() if name != SALE_PART)
    if any(one.whole or abs(one.total) == abs(draft.totals.total) for one in undone):
        draft = replace(draft, status=Status.CANCELLED)
    return (owned(draft, shop, refs),)
