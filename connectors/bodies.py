"""
Bodies as they arrive, before anything is known of what they are: which are not read at all.

Whatever is wrong with a body is said in the outcome, in words that hold none of its own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from connectors.contract import Parts, Rejected
from connectors.troubles import BodyError

# Webhooks are some kilobytes, Toast's largest orders more than 600 (platform guide, orders
# webhook), a full page of an API some hundred; polls split what is larger.
LARGEST_BODY = 8 * 1024 * 1024

# What reading a body may raise; all else is our own mistake.
UNBELIEVABLE = (
    BodyError,
    RecursionError,
    msgspec.MsgspecError,
    ValueError,
    ArithmeticError,
)


def must_fit(body: bytes) -> None:
    """
    Insist on a size that an honest body has.

    Raises:
        BodyError: it is larger.
    """
    if len(body) > LARGEST_BODY:
        raise BodyError("too-large", f"{len(body)} bytes, at most {LARGEST_BODY} are read")


def must_be_text(body: bytes) -> None:
    """
    Insist on UTF-8: strings in fields that a decoder skips are not decoded otherwise.

    Raises:
        UnicodeDecodeError: it is not.
    """
    if not body.isascii():
        body.decode()


def rejected(error: Exception, whose: str) -> Rejected:
    """Say why a body cannot be believed, without its own text; `whose` names the provider."""
    match error:
        case BodyError():
            return Rejected(error.error_type, error.reason)
        case RecursionError():
            return Rejected("too-deep", f"nested deeper than any body of {whose}")
        case UnicodeDecodeError():
            return Rejected("unreadable", "not UTF-8")
        case msgspec.MsgspecError():
            # It names types and places, and of the places only fields that we know.
            return Rejected("unreadable", f"{error}"[:200])
        case _:
            return Rejected("unreadable", "a value out of range")


@contextmanager
def numbered(number: int) -> Iterator[None]:
    """
    Say of a body on a page which one it is.

    Raises:
        BodyError: what the block raised, with the number before its reason.
    """
    try:
        yield
    except BodyError as error:
        raise BodyError(error.error_type, f"number {number}: {error.reason}") from error


def together(one: Parts, other: Parts) -> Parts:
    """Return what two bodies on a page tell; what only a whole body can tell is `one`'s."""
    return msgspec.structs.replace(
        one,
        parts=one.parts + other.parts,
        products=one.products + other.products,
        counts=one.counts + other.counts,
        orders=one.orders + other.orders,
        wanted=one.wanted + other.wanted,
    )
