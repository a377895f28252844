"""Toast's numbers, days and times as values we can count with."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from connectors.amounts import believable
from connectors.instants import EPOCH, FIRST_YEAR, LAST_YEAR
from connectors.instants import instant as in_utc
from connectors.troubles import UnreadableError
from schemas.money import round_minor
from schemas.quantity import plain


def minor(amount: Decimal | None, digits: int) -> int:
    """
    Return whole minor units of a decimal amount; nothing is 0.

    Args:
        digits: decimals of the currency; Toast writes major units as JSON numbers.

    Raises:
        UnreadableError: not a number of that many decimals.

    Source: doc.toasttab.com/openapi/orders (amounts are JSON numbers of major units)
    """
    if amount is None or not amount:
        return 0
    whole = int(believable(amount).scaleb(digits))
    if Decimal(whole).scaleb(-digits) != amount:
        raise UnreadableError(f"an amount has more than {digits} decimals")
    return whole


def nearly_minor(amount: Decimal | None, digits: int) -> int:
    """
    Return minor units rounded half to even, for what no sum rests on (a price by weight).

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if amount is None or not amount:
        return 0
    return round_minor(believable(amount).scaleb(digits))


def fine_minor(amount: Decimal | None, digits: int) -> Decimal:
    """
    Return minor units with all decimals, for shares that are rounded together.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if amount is None or not amount:
        return Decimal(0)
    return believable(amount).scaleb(digits)


def number(amount: Decimal) -> Decimal:
    """
    Return a quantity in its plain form.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if not amount:
        return Decimal(0)
    return plain(believable(amount))


def instant(given: datetime | None) -> datetime | None:
    """
    Return the same instant in UTC; None for none, and for the epoch by which Toast says "not".

    Raises:
        UnreadableError: it has no zone, or no till has ever seen that year.

    Source: doc.toasttab.com/openapi/orders (deletedDate is the epoch where nothing is deleted)
    """
    return None if given == EPOCH else in_utc(given)


def business_date(given: int | None) -> date | None:
    """
    Return the day that Toast writes as 20190224; None for none.

    Raises:
        UnreadableError: there is no such day.

    Source: doc.toasttab.com/openapi/orders (businessDate is yyyyMMdd)
    """
    if given is None:
        return None
    year, rest = divmod(given, 10_000)
    month, day = divmod(rest, 100)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnreadableError("a business date is out of range")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise UnreadableError("a business date is no day of the calendar") from error
