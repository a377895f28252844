"""How the R-Series writes things: every value is a text, relations are few or many rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from connectors.simulation.answers import Json
from connectors.simulation.bills import BillLine, Item


def stamp(at: datetime) -> str:
    """Return a time, in whole seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S}+00:00"


def amount(minor: Decimal | int) -> str:
    """Return an amount in major units, with the decimals that it has and seven at the most."""
    text = f"{Decimal(minor).scaleb(-2):.7f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def flag(*, given: bool) -> str:
    """Return a truth."""
    return "true" if given else "false"


def few(name: str, rows: Sequence[Json]) -> Json:
    """Return rows by their name as XML leaves them: none, one as an object, or an array."""
    if not rows:
        return {}
    return {name: rows[0] if len(rows) == 1 else list(rows)}


def relation(name: str, row: str, rows: Sequence[Json]) -> Json:
    """Return a relation of rows; without any there is no key."""
    return {name: few(row, rows)} if rows else {}


def sale_id(place: int, number: int, places: int) -> int:
    """Return the id of a sale: numbers go on over all shops."""
    return number * places + place + 1


def line_id(sale: int, index: int) -> str:
    """Return the id of the line at an index of a sale."""
    return f"{sale * 20 + index}"


def item_name(item: Item) -> str:
    """Return the name of an item: every size is one."""
    return f"{item.name} {item.size}" if item.size else item.name


def system_sku(item: Item) -> str:
    """Return the number that Lightspeed gives an item."""
    return f"2100000{item.number:05d}"


def product_key(line: BillLine) -> str:
    """Return what our sums know a line by."""
    return f"{line.item.number}" if line.item is not None else f"custom:{line.name.lower()}"
