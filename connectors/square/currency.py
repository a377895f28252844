"""Whether all amounts of an order are of one currency."""

from __future__ import annotations

import msgspec

from connectors.square.wire import Money, Order
from connectors.troubles import UnreadableError, WrongCurrencyError


def expected_currency(order: Order, known: str | None) -> str:
    """
    Return the currency the order must be in: the shop's, else the one it names first.

    Raises:
        UnreadableError: it names none and the shop's is not known.
    """
    found = known or _named(order.total_money) or next(iter(_currencies(order)), None)
    if not found:
        raise UnreadableError("an order without a currency")
    return found


def must_be_in(order: Order, currency: str, body: bytes) -> None:
    """
    Insist that every amount we read is in `currency`.

    Looking for the word in the bytes settles nearly every order without touching its forty
    amounts; only what that leaves open is looked at one by one.

    Raises:
        WrongCurrencyError: another currency occurs.
    """
    named = body.count(b'"currency"')
    due = currency.encode()
    # An escape might hide the word, so a body with any is looked at in full.
    if b"\\" not in body and (
        named == body.count(b'"currency":"%b"' % due)
        or named == body.count(b'"currency": "%b"' % due)
    ):
        return
    for found in _currencies(order):
        if found != currency:
            raise WrongCurrencyError(found, currency)


def _named(money: Money | None) -> str | None:
    return money.currency if money is not None else None


def _currencies(order: Order) -> list[str]:
    """Return every currency named anywhere in what we read of an order, in its order."""
    found: list[str] = []
    left: list[object] = [order]
    while left:
        one = left.pop()
        if isinstance(one, Money):
            if one.currency:
                found.append(one.currency)
        elif isinstance(one, msgspec.Struct):
            left += [getattr(one, name) for name in reversed(one.__struct_fields__)]
        elif isinstance(one, list):
            left += reversed(one)
    return found
