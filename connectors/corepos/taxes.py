"""
The taxes of a transaction: one row for all, and by rate in rows that no view shows.

Source: CORE-POS/IS4C pos/is4c-nf/lib/TransRecord.php (addtax, addLogRecord TAXLINEITEM: the
amount is in regPrice, the id of the rate in numflag)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from connectors.corepos.content import Note, Sort
from schemas.transaction import Tax

_RATE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)% ?(.*)", re.ASCII)


class Rated(Struct):
    """A tax, and which rows bear it."""

    tax: Tax
    rated: Callable[[Note], bool]


def taxes_of(notes: Sequence[Note], due: int) -> list[Rated]:
    """
    Return the taxes by rate where these make the tax that was paid, else one of all.

    The undoing of a transaction repeats its tax and not its rates.
    """
    shares = [note for note in notes if note.sort is Sort.TAX_SHARE and note.total]
    if sum([note.total for note in shares]) == due:
        return [Rated(_named(note), _bears(note.code)) for note in shares]
    whole = Tax(name="Tax", amount=due, included=False)
    return [Rated(whole, lambda note: note.tax_rate != 0)] if due else []


def _named(share: Note) -> Tax:
    found = _RATE.fullmatch(share.description)
    if found is None:
        return Tax(name=share.description or "Tax", amount=share.total, included=False)
    rate = found[1].rstrip("0").rstrip(".") if "." in found[1] else found[1]
    return Tax(name=found[2] or "Tax", amount=share.total, included=False, rate_percent=rate)


def _bears(rate: str) -> Callable[[Note], bool]:
    return lambda note: str(note.tax_rate) == rate
