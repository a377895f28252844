"""K-Series' decimal texts as values we can count with."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from connectors.amounts import believable, by_remainder
from connectors.troubles import UnreadableError
from schemas.money import round_minor
from schemas.quantity import plain


def fine(amount: Decimal | None, digits: int) -> Decimal:
    """
    Return minor units with all decimals: lines have up to six, and only their sum is money.

    Raises:
        UnreadableError: no till has ever seen that number.

    Source: api-docs.lsk.lightspeed.app, Financial V2, schema Line ("precise up to six decimal
    places")
    """
    return number(amount).scaleb(digits)


def number(amount: Decimal | None) -> Decimal:
    """
    Return the number in its plain form; nothing is 0.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if amount is None or amount == 0:
        return Decimal(0)
    return plain(believable(amount))


def minor(amount: Decimal | None, digits: int) -> int:
    """
    Return whole minor units of what the provider has rounded to them.

    Raises:
        UnreadableError: it has more decimals than the currency.

    Source: Financial V2, schema Payment ("precise up to two decimal places")
    """
    exact = fine(amount, digits)
    whole = int(exact)
    if whole != exact:
        raise UnreadableError(f"a payment has more than {digits} decimals")
    return whole


def spread(amounts: Sequence[Decimal]) -> list[int]:
    """Round amounts so that they sum to their rounded sum (largest remainder)."""
    return by_remainder(round_minor(sum(amounts, start=Decimal(0))), amounts)
