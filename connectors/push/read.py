"""A body that was handed in: what is wrong with it and where, or the part that it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from connectors.contract import Ignored, Outcome, Parts, Rejected, Shop
from connectors.push.draft import PART, draft_of
from connectors.push.troubles import BodyError, UnreadableError, WrongCurrencyError
from connectors.push.wire import Id, PushedTransaction
from schemas.part import Part
from schemas.transaction import Transaction

LARGEST_BODY = 8 * 1024 * 1024


class Named(msgspec.Struct, frozen=True):
    """Just the id."""

    id: Id


_one = msgspec.json.Decoder(PushedTransaction)
_many = msgspec.json.Decoder(list[msgspec.Raw])
_named = msgspec.json.Decoder(Named)
_pack = msgspec.msgpack.Encoder()
_kept = msgspec.msgpack.Decoder(PushedTransaction)

_PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([A-Za-z_]+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*?)`", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>\w+)`")
_POINTER_MAX = 200


def split(body: bytes) -> list[bytes]:
    """
    Return the transactions of a body as they stand in it: the one, or those of a list.

    Raises:
        BodyError: it is not JSON, too large, or nested too deeply.
    """
    if len(body) > LARGEST_BODY:
        reason = f"{len(body)} bytes, at most {LARGEST_BODY} are read"
        raise BodyError("too-large", reason)
    try:
        body.decode()
        if body.lstrip()[:1] != b"[":
            msgspec.json.decode(body, type=msgspec.Raw)
            return [body]
        return [bytes(item) for item in _many.decode(body)]
    except (RecursionError, ValueError) as error:
        raise trouble_of(error) from error


def part_of(item: bytes, shop: Shop) -> Part:
    """
    Return what one transaction says.

    Raises:
        BodyError: it does not have the documented form, or contradicts itself.
    """
    try:
        given = _one.decode(item)
        given = replace(given, currency=_currency(given, shop))
        draft_of(given, shop)
    except (RecursionError, ValueError, ArithmeticError) as error:
        raise trouble_of(error) from error
    return Part(given.id, PART, given.version, 0, _pack.encode(given))


def name_of(item: bytes) -> str | None:
    """Return the id of a transaction that cannot be read otherwise; None where it has none."""
    try:
        return _named.decode(item).id
    except (RecursionError, ValueError):
        return None


def read(body: bytes, shop: Shop) -> Outcome:
    """Say what a body means; one transaction that cannot be believed makes all unbelievable."""
    try:
        parts = tuple(part_of(item, shop) for item in split(body))
    except BodyError as error:
        return Rejected(error.error_type, error.reason[:300])
    return Parts(parts=parts) if parts else Ignored("an empty list")


def assemble(parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """Return the transaction of its only part."""
    part = parts.get(PART)
    return () if part is None else (draft_of(_kept.decode(part.content), shop),)


def trouble_of(error: Exception) -> BodyError:
    """Return what is wrong, without the body's own text, and where."""
    match error:
        case RecursionError():
            return BodyError("too-deep", "nested deeper than any transaction")
        case UnicodeDecodeError():
            return UnreadableError("not UTF-8", "")
        case msgspec.MsgspecError():
            return _misformed(f"{error}")
        case _:
            return UnreadableError("a value out of range", "")


def _misformed(text: str) -> BodyError:
    """Turn msgspec's words into ours: they name only fields and types that are documented."""
    place = _PLACE.search(text)
    steps = _STEP.findall(place["path"]) if place else []
    where = "".join(f"/{name or index}" for name, index in steps)
    said = text[: place.start()] if place else text
    if unknown := _UNKNOWN.match(said):
        name = unknown["name"].replace("~", "~0").replace("/", "~1")
        return UnreadableError("an unknown field", f"{where}/{name}"[:_POINTER_MAX])
    if missing := _MISSING.match(said):
        return UnreadableError("a required field is missing", f"{where}/{missing['name']}")
    if said.startswith("Invalid enum value"):
        return UnreadableError("not one of the documented values", where)
    return UnreadableError(said[:200], where)


def _currency(given: PushedTransaction, shop: Shop) -> str:
    if given.currency is None and shop.currency is None:
        raise WrongCurrencyError("neither the transaction nor the account says a currency")
    if shop.currency is not None and given.currency not in (None, shop.currency):
        raise WrongCurrencyError("not the currency of the account")
    return given.currency or shop.currency or ""
