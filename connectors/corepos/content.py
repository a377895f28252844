"""
What is kept of a row of a transaction, and the key of the transaction it belongs to.

Every row is a part of its own: a sale cut in two by the nightly rotation, read twice, or
uploaded twice comes together again by itself.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder


class Sort(StrEnum):
    """What a row is, old and new spellings alike."""

    GOODS = "goods"
    OPEN_RING = "open_ring"
    TENDER = "tender"
    COUPON = "coupon"
    DISCOUNT = "discount"
    TAX = "tax"
    TAX_SHARE = "tax_share"
    RESUMES = "resumes"
    UNDOES = "undoes"


class Note(Struct, frozen=True, array_like=True, gc=False):
    """
    One row, read.

    Args:
        number: its place in the transaction (`trans_id`).
        status: "" normal, R refund, V void, M member special, C coupon, X cancelled.
        code: the tender's code, or the id of the tax rate.
        quantity: 0 where nothing moves.
        unit_price, total: minor units; what the buyer pays is positive, tenders negative.
        change: whether it is the change row of a tender.
        suspended: set aside, to be resumed under another number.
        member: the member's number; None for a buyer who is none.
    """

    number: int
    sort: Sort
    status: str
    code: str
    at: datetime
    upc: str
    description: str
    quantity: Decimal
    weighed: bool
    unit_price: int
    total: int
    tax_rate: int
    discountable: bool
    change: bool
    suspended: bool
    member: str | None


class Key(Struct, frozen=True):
    """
    Which transaction.

    Args:
        day: the trading day of a lane's sale, the calendar day of an old or office one.
        place: `pos_row_id - trans_id`, the same for all rows of one sale of a lane; of rows
            without that column the time of the first one, because old keys are ambiguous.
    """

    kind: str
    store: int
    day: str
    register: int
    cashier: int
    number: int
    place: str

    def __str__(self) -> str:
        names = (self.kind, self.store, self.day, self.register, self.cashier, self.number)
        return ":".join((*map(str, names), self.place))

    @classmethod
    def parse(cls, key: str) -> Key:
        """Read what `str` wrote."""
        kind, store, day, register, cashier, number, place = key.split(":")
        return cls(kind, int(store), day, int(register), int(cashier), int(number), place)

    @property
    def receipt(self) -> str:
        """Return the number that people know: cashier, register, transaction."""
        return f"{self.cashier}-{self.register}-{self.number}"


PACK = Encoder()
NOTE = Decoder(Note)
