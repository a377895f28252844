"""
Ask CORE-POS for one business day: its rows, and the sums that it has of them itself.

Source: CORE-POS/IS4C view dlog; its kinds of rows as in facts of a running system: I and D are
goods, S a discount on the whole sale, A the tax, T tenders and coupons
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from datetime import date, timedelta

import msgspec

from connectors.contract import DAY_SUMS, Conversation, DaySums, Page, Request, Response, Shop
from connectors.corepos.asking import (
    ARCHIVE,
    ARCHIVED_SUMS,
    TODAY,
    TODAYS_SUMS,
    array,
    pages,
    select,
    select_all,
    store_of,
)
from connectors.corepos.columns import minor, quantity
from connectors.corepos.poll import SALES, groups_of
from connectors.troubles import UnreadableError
from schemas.money import exponent

_DAY = timedelta(days=1)


class _Sum(msgspec.Struct):
    kind: str | None = None
    total: str | None = None


_sum = msgspec.json.Decoder(_Sum)


def day_of(shop: Shop, day: date) -> Conversation:
    """
    Ask for all rows of a business day, the live table's before the archive's, and their sums.

    A sale that was open at midnight or at the cut-off has rows on both sides of it, so the
    archive is asked for the days beside it, too.
    """
    rows = yield from select_all(TODAY, (("after", "0"), *store_of(shop)), "store_row_id")
    for near in (day - _DAY, day, day + _DAY):
        span = (("from", near.isoformat()), ("to", (near + _DAY).isoformat()))
        rows += yield from select(ARCHIVE, (*span, *store_of(shop)))
    yield from pages(SALES, map(array, groups_of(rows)))
    figures = yield from _sums(shop, day)
    if figures is not None:
        yield Page(resource=DAY_SUMS, bodies=(msgspec.json.encode(DaySums(figures)),))


def _sums(shop: Shop, day: date) -> Generator[Request, Response | None, dict[str, int] | None]:
    """Return what the tables add up to by figure; None where the sums cannot be read."""
    calendar, found = shop.calendar, Counter[str]()
    begin, end = calendar.local(calendar.begins(day)), calendar.local(calendar.ends(day))
    span = (
        ("from", begin.replace(tzinfo=None).isoformat()),
        ("to", end.replace(tzinfo=None).isoformat()),
    )
    digits = exponent(shop.currency or "")
    for path in (TODAYS_SUMS, ARCHIVED_SUMS):
        for row in (yield from select(path, (*span, *store_of(shop)))):
            try:
                said = _sum.decode(row)
                exact = quantity(said.total, "a sum")
                found[said.kind or ""] += minor(exact, digits, "a sum")
            except (msgspec.MsgspecError, UnreadableError):
                return None
    gross = found["I"] + found["D"]
    return {
        "gross": gross,
        "discount": -found["S"],
        "tax": found["A"],
        "net": gross + found["S"],
        "total": gross + found["S"] + found["A"],
    }
